/** @typedef {import('./host.js').EngineHost} EngineHost */

/**
 * What a tab does at the meeting.
 *
 * @typedef {object} Part
 * @property {(left: AbortSignal) => EngineHost} hold Runs the engine from now on, until the signal.
 * @property {(post: (message: any) => void) => void} connect Learns how to reach the tab that runs the engine from now on.
 * @property {() => void} disconnect Has no part any more.
 * @property {(message: any) => void} receive Takes a message of the tab that runs the engine.
 * @property {() => boolean} isWaiting Whether something was asked of that tab.
 */

/** A tab that is looked at asks for a sign of life this often while it waits, in milliseconds. */
const pingInterval = 2500;
/** With so many in a row without an answer it takes the engine over. Not by the clock, which a closed lid does not stop. */
const mostPings = 4;

/**
 * Where the tabs that share an engine find each other. The one that holds the Web Lock of the engine's name runs it, the
 * others talk to it over BroadcastChannels. Every tab also holds a lock of its own, by which that one sees when it is gone.
 */
export class Meeting {
  #name;
  #part;
  /** @type {AbortController | null} */
  #ending = null;
  /** Since the tab that runs the engine was heard last. */
  #pings = 0;

  /** @param {string} name @param {Part} part */
  constructor(name, part) {
    this.#name = name;
    this.#part = part;
    // A page that the browser puts aside as it is must not keep the engine from the others.
    let isAside = false;
    globalThis.addEventListener?.('pagehide', ({ persisted }) => {
      isAside = persisted && this.isJoined;
      if (isAside) this.leave();
    });
    globalThis.addEventListener?.('pageshow', () => isAside && this.join());
  }

  get isJoined() {
    return this.#ending !== null;
  }

  leave() {
    this.#part.disconnect();
    this.#ending?.abort();
    this.#ending = null;
  }

  /** Takes part: as the tab that runs the engine, or as one of the others. */
  join() {
    if (this.#ending) return;
    const ending = new AbortController();
    const { signal } = ending;
    this.#ending = ending;
    // Without a secure context there are no locks, and this tab has an engine of its own.
    if (!navigator.locks || !globalThis.BroadcastChannel) return this.#hold('', signal);
    this.#meet(signal).catch((error) => {
      if (signal.aborted) return;
      // Some places have locks and refuse them, as a sandboxed frame does.
      if (error.name !== 'AbortError') return this.#hold('', signal);
      // This tab gave no sign of life for a while, and another one took the engine over.
      this.leave();
      this.join();
    });
  }

  /** @param {AbortSignal} signal */
  async #meet(signal) {
    const id = crypto.randomUUID();
    this.#pings = 0;
    const ended = new Promise((resolve) => signal.addEventListener('abort', resolve));
    let host = '';
    const own = this.#channel(id, signal, (message) => {
      // One that was taken for dead may wake up.
      if (message.host !== host) return;
      this.#pings = 0;
      this.#part.receive(message);
    });
    let post = (/** @type {any} */ _) => {};
    let leaveHost = () => {};
    const all = this.#channel('', signal, (message) => {
      if (!message.host || message.host === host) return;
      leaveHost();
      host = message.host;
      const channel = this.#channel(`${host}:in`, signal);
      leaveHost = channel.close;
      post = (message) => channel.post({ from: id, ...message });
      this.#pings = 0;
      this.#part.connect(post);
    });
    // The others see by it that this tab is there.
    await new Promise((resolve, reject) => {
      const hold = () => {
        resolve(undefined);
        return ended;
      };
      navigator.locks.request(`${this.#name}:${id}`, { signal }, hold).catch(reject);
    });
    all.post({ hello: id });
    const isLost = new Promise((_, reject) => {
      const hold = () => {
        if (signal.aborted) return;
        clearInterval(watch);
        for (const close of [leaveHost, own.close, all.close]) close();
        this.#hold(id, signal);
        return ended;
      };
      navigator.locks.request(this.#name, { signal }, hold).catch(reject);
      const watch = this.#watch(
        signal,
        () => post({ type: 'ping' }),
        () => {
          navigator.locks.request(this.#name, { steal: true }, hold).catch(reject);
        },
      );
    });
    await isLost;
  }

  /**
   * Sees to it that a tab which the browser has put to sleep with the engine, as telephones do, keeps nobody waiting.
   *
   * @param {AbortSignal} signal
   * @param {() => void} ping Asks for a sign of life.
   * @param {() => void} takeOver
   */
  #watch(signal, ping, takeOver) {
    const watch = setInterval(() => {
      if (document.hidden || !this.#part.isWaiting()) {
        this.#pings = 0;
      } else if (this.#pings < mostPings) {
        this.#pings += 1;
        ping();
      } else {
        clearInterval(watch);
        takeOver();
      }
    }, pingInterval);
    signal.addEventListener('abort', () => clearInterval(watch));
    return watch;
  }

  /** @param {string} id This tab's; empty where there are no others. @param {AbortSignal} signal */
  #hold(id, signal) {
    const host = this.#part.hold(signal);
    if (id) {
      this.#channel(`${id}:in`, signal, ({ from, type, ...message }) => {
        if (type === 'connect') this.#welcome(host, id, from, message.requests, signal);
        else host.receive(from, { type, ...message });
      });
      const all = this.#channel('', signal, ({ hello }) => hello && all.post({ host: id }));
      all.post({ host: id });
    }
    this.#part.connect((message) => {
      // What a host says that this tab is no more has no meaning.
      const receive = (/** @type {any} */ answer) => signal.aborted || this.#part.receive(answer);
      if (message.type === 'connect') host.connect('', receive, message.requests);
      // Not before who asks has the answer of its call.
      else queueMicrotask(() => host.receive('', message));
    });
  }

  /**
   * @param {EngineHost} host
   * @param {string} id This tab's.
   * @param {string} from Another tab.
   * @param {any[]} requests
   * @param {AbortSignal} signal
   */
  #welcome(host, id, from, requests, signal) {
    const { post, close } = this.#channel(from, signal);
    host.connect(from, (message) => post({ host: id, ...message }), requests);
    // It is given when that tab is gone, even if it crashed.
    navigator.locks
      .request(`${this.#name}:${from}`, { signal }, () => {
        host.disconnect(from);
        close();
      })
      .catch(() => {});
  }

  /**
   * @param {string} name What it is called at this meeting.
   * @param {AbortSignal} signal Closes it.
   * @param {(message: any) => void} [receive]
   */
  #channel(name, signal, receive) {
    const channel = new BroadcastChannel(`${this.#name}:${name}`);
    let isOpen = true;
    if (receive) channel.onmessage = ({ data }) => receive(data);
    const close = () => {
      isOpen = false;
      channel.close();
    };
    signal.addEventListener('abort', close);
    return { post: (/** @type {any} */ message) => isOpen && channel.postMessage(message), close };
  }
}
