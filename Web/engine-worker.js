import { UnsupportedBrowserError } from './errors.js';
import { isElsewhere, startFromElsewhere } from './worker-start.js';

/**
 * The scripts of the workers, and how each starts: to the letter, since bundlers look for this.
 *
 * @type {Record<string, { file: string, name: string, start: () => Worker }>}
 */
const scripts = {
  engine: {
    file: 'worker.js',
    name: 'swiftlet',
    start: () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'swiftlet' }),
  },
  thread: {
    file: 'worker/helper.js',
    name: 'swiftlet-thread',
    start: () =>
      new Worker(new URL('./worker/helper.js', import.meta.url), { type: 'module', name: 'swiftlet-thread' }),
  },
  hash: {
    file: 'worker/hash-worker.js',
    name: 'swiftlet-hash',
    start: () =>
      new Worker(new URL('./worker/hash-worker.js', import.meta.url), { type: 'module', name: 'swiftlet-hash' }),
  },
};

/**
 * The engine's worker, and those that it asks for: its threads, and the one that hashes. The page starts them all, since
 * `new Worker` inside a worker at times never returns in Firefox.
 */
export class EngineWorker {
  /** @type {(event: { data: any }) => void} */
  onmessage = () => {};
  /** @type {(event: ErrorEvent) => void} */
  onerror = () => {};
  #url;
  #engine;
  /** What the engine's worker asked for, by its numbers. @type {Map<number, Worker>} */
  #others = new Map();
  /** The engine computes: it waits for its helper threads then, and hears nobody. */
  #isRunning = false;

  /** @param {string | URL} [url] Where `worker.js` lies; beside this module when left out. */
  constructor(url) {
    this.#url = url;
    this.#engine = start('engine', url);
    this.#engine.onmessage = (event) => this.#receive(event);
    this.#engine.onerror = (event) => this.onerror(event);
  }

  /** @param {any} message @param {Transferable[]} [transfer] */
  postMessage(message, transfer = []) {
    this.#engine.postMessage(message, transfer);
  }

  /** Ends them all. */
  terminate() {
    for (const worker of [this.#engine, ...this.#others.values()]) worker.terminate();
    this.#others.clear();
    // What it has sent already may still come.
    this.#engine.onmessage = this.#engine.onerror = null;
  }

  /** @param {MessageEvent} event */
  #receive(event) {
    const { type, id, script, port } = event.data;
    if (type === 'startWorker') {
      const fail = (/** @type {{ message?: string }} */ { message = `${scripts[script].file} could not be loaded` }) => {
        if (!this.#isRunning || script !== 'thread') this.#engine.postMessage({ type: 'workerFailed', id, message });
        else this.onmessage({ data: { type: 'failed', error: { code: 'internal', message: `A thread of the engine stopped: ${message}` } } });
      };
      try {
        const worker = start(script, this.#url);
        worker.onerror = fail;
        worker.postMessage(port, [port]);
        this.#others.set(id, worker);
      } catch (error) {
        fail(/** @type {Error} */ (error));
      }
    } else if (type === 'endWorker') {
      this.#others.get(id)?.terminate();
      this.#others.delete(id);
    } else {
      this.#isRunning ||= type === 'started';
      this.onmessage(event);
    }
  }
}

/** The worker that hashes, for the page's own use: what `worker/page-worker.js` is for the engine. */
export class HashWorker {
  /** @type {(message: any) => void} */
  onmessage = () => {};
  /** @type {(message: string) => void} */
  onerror = () => {};
  #worker = start('hash');
  #port;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }) => this.onmessage(data);
    this.#worker.onerror = ({ message = 'its script could not be loaded' }) => this.onerror(message);
    this.#worker.postMessage(port2, [port2]);
  }

  /** @param {any} message @param {Transferable[]} [transfer] */
  postMessage(message, transfer = []) {
    this.#port.postMessage(message, transfer);
  }

  terminate() {
    this.#port.close();
    this.#worker.terminate();
  }
}

/** @param {string} kind @param {string | URL} [engineURL] Where `worker.js` lies, if not beside this module. */
function start(kind, engineURL) {
  const { file, name, start } = scripts[kind];
  const here = import.meta.url;
  if (!engineURL && !isElsewhere(here)) return start();
  // Beside a script that lies nowhere there are no others.
  const base = engineURL && !/^(blob|data):/.test(String(engineURL)) ? engineURL : here;
  const script = engineURL && kind === 'engine' ? engineURL : new URL(file, base);
  return isElsewhere(script) ? startFromElsewhere(script, name) : new Worker(script, { type: 'module', name });
}

/** @param {string} [reason] Why the engine's worker does not run. */
export function notStarted(reason) {
  return new UnsupportedBrowserError({
    code: 'unsupported-platform',
    message:
      `The engine's worker did not start${reason ? `: ${reason}` : ''}. ` +
      'A current version of Chrome, Edge, Firefox or Safari is needed.',
  });
}
