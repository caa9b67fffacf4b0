import { recordOf } from '../errors.js';
import { cancelled } from './engines.js';
import { FairQueue } from './fair-queue.js';

/** @typedef {import('./engines.js').Engines} Engines */
/** @typedef {import('./continuation.js').Said} Said */

/**
 * A tab that uses the engine; the one that holds it is one of them.
 *
 * @typedef {object} Client
 * @property {(message: any) => void} send
 * @property {any} seen The state that it was told.
 * @property {any} choices
 *
 * @typedef {{ client: Client, id: number, input: any, options: any, said?: Said, cancel?: () => void,
 *   told?: string }} Entry A reply.
 *
 * @typedef {{ client: Client, id: number, giveUp: AbortController }} Load A model that a tab waits for.
 */

/** What a tab may call besides `generate`. */
const calls = [
  ...['start', 'load', 'unload', 'cancelLoad', 'dismiss', 'tokenize', 'detokenize', 'applyTemplate', 'forget'],
  ...['embed', 'rank'],
];

/** Runs the engine for all tabs, in the one that holds it: their replies one after the other, fairly. */
export class EngineHost {
  #engines;
  /** By the tab's id. @type {Map<string, Client>} */
  #clients = new Map();
  /** @type {FairQueue<Entry>} */
  #queue = new FairQueue();
  /** @type {Entry | null} */
  #running = null;
  /** The model of the tab before is being loaded; until then nothing else happens. @type {Promise<unknown> | null} */
  #restoring = null;
  /** Loads that tabs have asked for. @type {Set<Load>} */
  #loads = new Set();
  /** Texts that become vectors, or ranks. @type {Set<Load>} */
  #embeddings = new Set();
  /** Gives up the model that the tab before had not loaded yet; none when it had. @type {AbortController | null} */
  #unfinished = null;
  #isClosed = false;
  #isTelling = false;

  /**
   * @param {Engines} engines
   * @param {import('./engines.js').Choice | null} choice The model that tabs still count on.
   * @param {boolean} [isUnfinished] Whether the tab before was still loading it.
   */
  constructor(engines, choice, isUnfinished = false) {
    this.#engines = engines;
    if (choice) {
      if (isUnfinished) this.#unfinished = new AbortController();
      const options = { ...choice.options, signal: this.#unfinished?.signal };
      this.#restoring = engines.load(choice.model, options).catch(() => {});
      this.#restoring.then(() => {
        this.#restoring = null;
        this.#unfinished = null;
        this.#advance();
      });
    }
    engines.state.subscribe(() => {
      for (const client of this.#clients.values()) this.#tell(client);
      this.#advance();
    });
    engines.addEventListener('notice', (event) => {
      const { code, message } = /** @type {CustomEvent} */ (event).detail;
      for (const client of this.#clients.values()) client.send({ type: 'notice', code, message });
    });
  }

  /** Another tab goes on with what is under way: nothing more begins here. */
  close() {
    this.#isClosed = true;
    this.#clients.clear();
    this.#running?.cancel?.();
    this.#engines.terminate();
  }

  /** @param {string} id @param {(message: any) => void} send @param {any[]} requests What it waits for. */
  connect(id, send, requests) {
    this.disconnect(id);
    const client = { send, seen: {}, choices: {} };
    this.#clients.set(id, client);
    for (const request of requests) this.receive(id, request);
    this.#tell(client);
  }

  /** @param {string} id A tab that is gone: nobody waits for its replies. */
  disconnect(id) {
    const client = this.#clients.get(id);
    this.#clients.delete(id);
    if (client) this.#cancel((entry) => entry.client === client);
    for (const { giveUp } of [...this.#embeddings].filter((asked) => asked.client === client)) giveUp.abort();
  }

  /** @param {string} from @param {any} message Of a tab. */
  receive(from, message) {
    const client = this.#clients.get(from);
    if (!client) return;
    if (message.type === 'generate') {
      const { id, input, options, said } = message;
      this.#queue.add({ client, id, input, options, said }, said !== undefined);
      this.#advance();
      this.#tellWaiting();
    } else if (message.type === 'cancel') {
      const isMeant = (/** @type {{ client: Client, id: number }} */ asked) =>
        asked.client === client && asked.id === message.id;
      this.#cancel(isMeant);
      this.#giveUp(isMeant);
      for (const { giveUp } of [...this.#embeddings].filter(isMeant)) giveUp.abort();
    } else if (message.type === 'ping') {
      client.send({ type: 'pong' });
    } else if (message.type === 'call') {
      this.#call(client, message);
    }
  }

  /** @param {Client} client @param {{ id: number, method: string, parameters: any[] }} message */
  async #call(client, { id, method, parameters }) {
    try {
      // Another tab may be of a newer version of this page.
      if (!calls.includes(method)) throw new Error(`The tab with the engine has no “${method}”. Reload all tabs.`);
      if (this.#restoring && method === 'cancelLoad') this.#giveUp(() => true);
      if (this.#restoring && !['load', 'cancelLoad'].includes(method)) await this.#restoring;
      if (this.#isClosed) return;
      let value;
      if (method === 'load') value = await this.#load(client, id, parameters);
      else if (method === 'embed' || method === 'rank') value = await this.#embed(client, id, method, parameters);
      else value = await /** @type {any} */ (this.#engines)[method](...parameters);
      this.#tell(client);
      client.send({ type: 'answer', id, value });
    } catch (error) {
      client.send({ type: 'failed', id, error: recordOf(error) });
    }
  }

  /**
   * Loads a model, unless the tab gives it up before.
   *
   * @param {Client} client
   * @param {number} id
   * @param {any[]} parameters
   */
  async #load(client, id, [model, options]) {
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const load = { client, id, giveUp };
    this.#loads.add(load);
    try {
      const isGivenUp = new Promise((resolve) => signal.addEventListener('abort', resolve));
      await Promise.race([this.#restoring, isGivenUp]);
      // Whoever hears that nothing loads any more finds the state that goes with it.
      if (this.#unfinished?.signal.aborted) await this.#restoring;
      if (signal.aborted || this.#isClosed) throw cancelled();
      return await this.#engines.load(model, { ...options, signal });
    } finally {
      this.#loads.delete(load);
    }
  }

  /** @param {Client} client @param {number} id @param {'embed' | 'rank'} method @param {any[]} parameters */
  async #embed(client, id, method, parameters) {
    const asked = { client, id, giveUp: new AbortController() };
    this.#embeddings.add(asked);
    try {
      const options = { ...parameters.pop(), signal: asked.giveUp.signal };
      return await /** @type {any} */ (this.#engines)[method](...parameters, options);
    } finally {
      this.#embeddings.delete(asked);
    }
  }

  /** @param {(load: { client: Client, id: number }) => boolean} isMeant Loads that a tab does not wait for any more. */
  #giveUp(isMeant) {
    const meant = [...this.#loads].filter(isMeant);
    for (const { giveUp } of meant) giveUp.abort();
    // What a closed tab has asked for goes on, unless the last one that waits for it gives it up.
    const clients = new Set(this.#clients.values());
    const waits = (/** @type {Load} */ { client, giveUp }) => clients.has(client) && !giveUp.signal.aborted;
    if (!meant.length || [...this.#loads].some(waits)) return;
    for (const { giveUp } of this.#loads) giveUp.abort();
    this.#unfinished?.abort();
  }

  /** @param {(entry: Entry) => boolean} isMeant */
  #cancel(isMeant) {
    for (const { client, id } of this.#queue.remove(isMeant))
      client.send({ type: 'event', id, event: { type: 'finished', reason: 'aborted', timings: null } });
    if (this.#running && isMeant(this.#running)) this.#running.cancel?.();
    this.#tellWaiting();
  }

  /** Begins the next reply when none is under way and the model is there. */
  #advance() {
    if (this.#isClosed || this.#running || this.#restoring || this.#engines.state.getState().isLoading) return;
    const entry = this.#queue.next();
    if (!entry) return;
    this.#running = entry;
    this.#tellWaiting();
    this.#run(entry).finally(() => {
      this.#running = null;
      this.#advance();
      this.#tellWaiting();
    });
  }

  /** @param {Entry} entry */
  async #run(entry) {
    const { client, id, input, options, said } = entry;
    let send = (/** @type {any} */ event) => client.send({ type: 'event', id, event });
    let request = { input, options };
    let isCancelled = false;
    entry.cancel = () => (isCancelled = true);
    try {
      send({ type: 'waiting', ahead: 0, elsewhere: 0 });
      if (said) {
        const { continuationOf } = await import('./continuation.js');
        const detokenize = (/** @type {number[]} */ tokens) => this.#engines.detokenize(tokens);
        if (this.#isClosed) return;
        const rest = await continuationOf({ input, options, said }, this.#engines.state.getState(), detokenize);
        request = rest;
        send({ type: 'resumed', kept: rest.kept });
        send = rest.joined(send);
      }
      if (isCancelled) return send({ type: 'finished', reason: 'aborted', timings: null });
      const reply = this.#engines.generate(request.input, request.options);
      reply.onEvent = send;
      entry.cancel = () => reply.cancel();
      await reply.finished;
    } catch (error) {
      const code = error instanceof TypeError ? 'invalid-request' : undefined;
      client.send({ type: 'failed', id, error: recordOf(error, code) });
    }
  }

  /**
   * Tells every reply that waits how many come before it, and how many of them are other tabs'. Once for all that happens
   * in one go, and only what it was not told before: a program may ask for a thousand replies at once.
   */
  #tellWaiting() {
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      let ahead = 0;
      /** @type {Map<Client, number>} */
      const own = new Map();
      for (const entry of [this.#running, ...this.#queue.order()]) {
        if (!entry) continue;
        const { client, id } = entry;
        const before = own.get(client) ?? 0;
        const place = `${ahead}/${before}`;
        if (entry !== this.#running && entry.told !== place) {
          entry.told = place;
          client.send({ type: 'event', id, event: { type: 'waiting', ahead, elsewhere: ahead - before } });
        }
        ahead += 1;
        own.set(client, before + 1);
      }
    });
  }

  /** @param {Client} client Is told what has changed. */
  #tell(client) {
    const state = this.#engines.state.getState();
    const { asked, loaded } = this.#engines;
    const changes = (/** @type {any} */ now, /** @type {any} */ before) =>
      Object.fromEntries(Object.entries(now).filter(([key, value]) => !Object.is(value, before[key])));
    const choices = { asked, loaded };
    const message = { state: changes(state, client.seen), choices: changes(choices, client.choices) };
    client.seen = state;
    client.choices = choices;
    if (Object.keys(message.state).length || Object.keys(message.choices).length)
      client.send({ type: 'state', ...message });
  }
}
