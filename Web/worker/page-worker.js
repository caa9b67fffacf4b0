/** The workers that the page has started for this one, by number. @type {Map<number, PageWorker>} */
const started = new Map();
let last = 0;

/** Another worker, started by the page for this one, which talks to it without the page. */
export class PageWorker {
  /** @type {(message: any) => void} */
  onmessage = () => {};
  /** @type {(message: string) => void} */
  onerror = () => {};
  #id;
  #port;

  /** @param {'thread' | 'hash'} script */
  constructor(script) {
    const { port1, port2 } = new MessageChannel();
    last += 1;
    this.#id = last;
    this.#port = port1;
    port1.onmessage = ({ data }) => this.onmessage(data);
    started.set(this.#id, this);
    self.postMessage({ type: 'startWorker', id: this.#id, script, port: port2 }, { transfer: [port2] });
  }

  /**
   * Sends a message, not by way of the page: the engine's memory would live there until the page collects its garbage.
   *
   * @param {any} message
   * @param {Transferable[]} [transfer]
   */
  postMessage(message, transfer = []) {
    this.#port.postMessage(message, transfer);
  }

  /** Ends it, whatever it is doing. */
  terminate() {
    started.delete(this.#id);
    this.#port.close();
    self.postMessage({ type: 'endWorker', id: this.#id });
  }

  /** @param {{ id: number, message: string }} failure What the page says of a worker that does not run. */
  static fail({ id, message }) {
    started.get(id)?.onerror(message);
  }
}
