import { recordOf } from '../errors.js';
import { CancelledError, InferenceManager, SwiftletError } from '../inference-manager.js';
import { filesOf, partPaths } from '../model-file-name.js';
import { createObservable } from '../observable.js';

/** @typedef {import('../shared-inference-manager.js').EngineState} EngineState */
/** @typedef {import('../wire.js').ModelInfo} ModelInfo */
/** @typedef {{ model: string | File | readonly File[], options: import('../inference-manager.js').LoadOptions }} Choice What to load. */
/** @typedef {{ info: Promise<ModelInfo>, waiting: number }} SharedLoad A load, and how many still wait for it. */

/** What two engines may take together, in bytes, where the browser does not tell the device's memory. */
const cautiousMemory = 3 * 2 ** 30;
const usableShare = 0.75;

/**
 * Changes models without throwing out the one that works: another one loads in an engine of its own wherever memory
 * allows, and takes over once it is ready. Where memory does not allow it, the old one comes back when the new one does
 * not load.
 */
export class Engines extends EventTarget {
  #options;
  #current;
  /** @type {InferenceManager | null} */
  #next = null;
  /** @type {EngineState['next']} */
  #failure = null;
  /** What the last load that went well was asked for, and what was asked for last. @type {Choice | null} */
  loaded = null;
  /** @type {Choice | null} */
  asked = null;
  /** Loads begun; the last one counts. */
  #loads = 0;
  #isStarting = false;
  /** Whether it was cancelled, and will end. */
  #isGivenUp = false;
  /** The load under way. @type {SharedLoad | null} */
  #loading = null;
  #wanted = '';
  /** Ends the wait of a load for the reply under way. @type {(() => void) | null} */
  #stopWaiting = null;
  /** Replies that each engine still writes. @type {Map<InferenceManager, Set<Promise<unknown>>>} */
  #replies = new Map();
  #state;

  /** @param {import('../inference-manager.js').ManagerOptions} options */
  constructor(options) {
    super();
    this.#options = options;
    this.#current = this.#newManager();
    this.#state = createObservable(this.#snapshot());
  }

  /** The engine that answers. */
  get current() {
    return this.#current;
  }

  /** What user interfaces show. */
  get state() {
    return this.#state;
  }

  /** Makes the list of models known without loading one. */
  start() {
    return this.#current.start();
  }

  /** @type {InferenceManager['generate']} */
  generate(input, options) {
    const manager = this.#current;
    const reply = manager.generate(input, options);
    const replies = this.#replies.get(manager) ?? new Set();
    this.#replies.set(manager, replies.add(reply.finished));
    const end = () => {
      replies.delete(reply.finished);
      this.#release(manager);
    };
    reply.finished.then(end, end);
    return reply;
  }

  /** @type {InferenceManager['forget']} */
  async forget(conversation) {
    // The engine of the model before may still write a reply, and has its file open then.
    const managers = new Set([...this.#replies.keys(), this.#current]);
    await Promise.all([...managers].map((manager) => manager.forget(conversation)));
  }

  /** @type {InferenceManager['tokenize']} */
  tokenize(text, options) {
    return this.#current.tokenize(text, options);
  }

  /** @type {InferenceManager['detokenize']} */
  detokenize(tokens) {
    return this.#current.detokenize(tokens);
  }

  /** @type {InferenceManager['embed']} */
  embed(texts, options) {
    return this.#current.embed(texts, options);
  }

  /** @type {InferenceManager['rank']} */
  rank(query, texts, options) {
    return this.#current.rank(query, texts, options);
  }

  /** @type {InferenceManager['applyTemplate']} */
  applyTemplate(chat) {
    return this.#current.applyTemplate(chat);
  }

  /**
   * Loads a model in place of the one that is there. What goes wrong is in the state too.
   *
   * @param {string | File | readonly File[]} model
   * @param {import('../shared-inference-manager.js').SharedLoadOptions} options
   * @returns {Promise<ModelInfo>} Of the model that answers now.
   * @throws {SwiftletError}
   */
  load(model, { unlessLoaded = false, again = false, signal, ...options } = {}) {
    const { info } = this.#current;
    if (unlessLoaded && info) return Promise.resolve(info);
    const choice = { model, options };
    if (this.#loading && !this.#isGivenUp && (unlessLoaded || this.#isSame(choice, this.asked)))
      return this.#waitFor(this.#loading, signal);
    this.#endLoad();
    this.asked = choice;
    if (info && !again && this.#isSame(choice, this.loaded)) {
      this.#show();
      return Promise.resolve(info);
    }
    const loading = { info: this.#load(choice, this.#loads, again), waiting: 0 };
    this.#loading = loading;
    const end = () => {
      if (this.#loading !== loading) return;
      this.#loading = null;
      this.#show();
    };
    loading.info.then(end, end);
    return this.#waitFor(loading, signal);
  }

  /**
   * Waits for a load that others may wait for too: giving it up takes nothing from them, and the last one to do so cancels it.
   *
   * @param {SharedLoad} loading
   * @param {AbortSignal} [signal] Gives it up.
   * @returns {Promise<ModelInfo>}
   */
  #waitFor(loading, signal) {
    loading.waiting += 1;
    if (!signal) return loading.info;
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        loading.waiting -= 1;
        if (loading.waiting) reject(cancelled());
        else if (this.#loading === loading) this.cancelLoad();
      };
      signal.addEventListener('abort', giveUp);
      const end = () => signal.removeEventListener('abort', giveUp);
      loading.info.finally(end).then(resolve, reject);
    });
  }

  /** @param {Choice} choice @param {number} turn @param {boolean} again */
  async #load({ model, options }, turn, again) {
    const current = this.#current;
    const { loadingStep, currentModel, isLoading } = current.state.getState();
    // Nothing comes back in the place of a model that cannot go on.
    const before = current.info || isLoading ? this.loaded : null;
    // The same model with other settings is here already, and back in a moment.
    const isBeside = loadingStep === 'ready' && (again || model !== currentModel) && this.#fitsBeside(model, options);
    const manager = isBeside ? this.#newManager() : current;
    if (isBeside) this.#next = manager;
    this.#isStarting = true;
    this.#wanted = nameOf(model);
    this.#show();
    const replaced = new CancelledError({ code: 'cancelled', message: 'Another model was loaded instead.' });
    let info;
    try {
      if (!isBeside) await this.#silence(manager);
      if (turn !== this.#loads) throw replaced;
      if (again && !isBeside) await manager.unload();
      // The manager does not know of the load yet.
      if (this.#isGivenUp && turn === this.#loads) throw cancelled();
      info = await manager.initialize(model, undefined, options);
    } catch (error) {
      if (turn !== this.#loads) throw replaced;
      // Only mistakes of the program are something else.
      if (error instanceof SwiftletError) await this.#fail(manager, error, before);
      throw error;
    } finally {
      if (turn === this.#loads) this.#isStarting = false;
      this.#show();
    }
    if (turn !== this.#loads) throw replaced;
    this.loaded = { model, options };
    if (isBeside) this.#takeOver(manager);
    this.#show();
    return info;
  }

  /** @param {InferenceManager} manager Its replies have ended when this resolves; they would not outlive a load. */
  async #silence(manager) {
    const replies = this.#replies.get(manager);
    if (!replies?.size) return;
    const stopped = new Promise((_, reject) => {
      this.#stopWaiting = () => reject(cancelled());
    });
    this.#show();
    try {
      await Promise.race([stopped, Promise.allSettled(replies)]);
    } finally {
      this.#stopWaiting = null;
      this.#show();
    }
  }

  /** Frees the model, once the reply under way has ended, and clears a load's error. */
  async unload() {
    this.#endLoad();
    await this.#silence(this.#current);
    this.loaded = null;
    await this.#current.unload();
    this.#show();
  }

  /** Stops a load that is under way, for all who wait for it. */
  cancelLoad() {
    this.#isGivenUp = true;
    if (this.#stopWaiting) this.#stopWaiting();
    else (this.#next ?? this.#current).cancelLoad();
  }

  /** Forgets why the last model did not load. */
  dismiss() {
    // Another one may be loading by now.
    if (!this.#next) this.#failure = null;
    this.#show();
  }

  /** Ends everything and gives its memory back. */
  terminate() {
    this.#endLoad();
    for (const manager of new Set([this.#current, ...this.#replies.keys()])) manager.terminate();
  }

  /** @param {InferenceManager} manager @param {SwiftletError} error @param {Choice | null} before */
  async #fail(manager, error, before) {
    /** @type {NonNullable<EngineState['next']>} */
    const failure = {
      ...manager.state.getState(),
      currentModel: this.#wanted,
      isLoading: false,
      loadingStep: 'error',
      error: recordOf(error),
      progress: null,
      info: null,
    };
    const isTold = !(error instanceof CancelledError);
    if (manager === this.#next) {
      this.#dropNext();
      if (isTold) this.#failure = failure;
    } else if (before && manager === this.#current) {
      if (isTold) this.#failure = failure;
      this.#show();
      if (!manager.info) await manager.initialize(before.model, undefined, before.options).catch(() => {});
    }
  }

  /** @param {InferenceManager} manager */
  #takeOver(manager) {
    const old = this.#current;
    this.#current = manager;
    this.#next = null;
    this.#show();
    this.#release(old);
  }

  /** @param {InferenceManager} manager Gives its memory back when it is neither in use nor writing. */
  #release(manager) {
    if (manager === this.#current || manager === this.#next || this.#replies.get(manager)?.size) return;
    this.#replies.delete(manager);
    manager.terminate();
  }

  /** Ends the load under way, for another one or none. */
  #endLoad() {
    this.#loads += 1;
    this.#loading = null;
    this.#isGivenUp = false;
    this.#isStarting = false;
    this.#stopWaiting?.();
    this.#dropNext();
  }

  #dropNext() {
    this.#failure = null;
    const dropped = this.#next;
    this.#next = null;
    dropped?.terminate();
  }

  /** @param {Choice} choice @param {Choice | null} other */
  #isSame(choice, other) {
    // Of a file that is picked anew only its bytes tell.
    if (!other || typeof choice.model !== 'string') return false;
    const { availableModels } = this.#current.state.getState();
    const key = (/** @type {Choice} */ { model, options }) => {
      const { contextLength = 0, threads = 0, sequences = 0, device = 'auto' } = options;
      const name = nameOf(model);
      return [entryOf(availableModels, name)?.id ?? name, contextLength, threads, sequences, device].join();
    };
    return key(choice) === key(other);
  }

  /** @param {string | File | readonly File[]} model @param {{ contextLength?: number }} options */
  #fitsBeside(model, { contextLength = 0 }) {
    const { availableModels, currentModel } = this.#current.state.getState();
    const need = (/** @type {Choice['model'] | null} */ name) => {
      if (name && typeof name !== 'string') return filesOf(name).reduce((sum, { size }) => sum + size, 0) * 1.3;
      const entry = entryOf(availableModels, name);
      if (!entry) return cautiousMemory / 4;
      return entry.memoryBase + entry.memoryPerToken * (contextLength || entry.defaultContextLength);
    };
    const deviceMemory = /** @type {any} */ (navigator).deviceMemory;
    const available = deviceMemory ? deviceMemory * 2 ** 30 * usableShare : cautiousMemory;
    return need(model) + need(currentModel) <= available;
  }

  #newManager() {
    const manager = new InferenceManager(this.#options);
    manager.state.subscribe(() => this.#show());
    manager.progress.subscribe(() => this.#show());
    manager.addEventListener('notice', (event) => {
      // It may be about what computes.
      this.#show();
      this.dispatchEvent(new CustomEvent('notice', { detail: /** @type {CustomEvent} */ (event).detail }));
    });
    return manager;
  }

  #show() {
    this.#state?.setState(this.#snapshot());
  }

  /** @returns {EngineState} */
  #snapshot() {
    const { availableModels } = this.#current.state.getState();
    const of = (/** @type {InferenceManager} */ manager, /** @type {boolean} */ isStarting) => {
      const state = manager.state.getState();
      const isBehind = isStarting && !state.isLoading;
      return {
        ...state,
        availableModels,
        // From the moment it is asked for, a load is under way; the engine tells of it only once it runs.
        ...(isBehind && { isLoading: true, loadingStep: /** @type {const} */ ('downloading'), error: null }),
        currentModel: state.currentModel ?? (isStarting ? this.#wanted : null),
        progress: manager.progress.getState(),
        info: manager.info,
      };
    };
    return {
      ...of(this.#current, this.#isStarting && !this.#next),
      next: this.#next ? of(this.#next, this.#isStarting) : this.#failure,
      threads: this.#current.threads,
      addressing: this.#current.addressing,
      device: deviceOf(this.#loading || !this.loaded ? this.asked : this.loaded),
      loadedDevice: deviceOf(this.loaded),
      waitsForReplies: this.#stopWaiting !== null,
    };
  }
}

/** @param {Choice | null} choice What it wants to compute. */
const deviceOf = (choice) => (choice ? (choice.options.device ?? 'auto') : null);

/** What whoever gave a load up hears. */
export const cancelled = () => new CancelledError({ code: 'cancelled', message: 'The load was cancelled.' });

/** @param {Choice['model']} model The name under which the engine knows it. */
export const nameOf = (model) => {
  if (typeof model === 'string') return model;
  const name = filesOf(model)[0]?.name;
  return `file:${partPaths(name)?.[0] ?? name}`;
};

/** @param {import('../wire.js').CatalogModel[]} models @param {string | null} name A tier or an id. */
const entryOf = (models, name) =>
  models.find((model) => model.id === name || (model.tier === name && name !== 'other'));
