import { check, checkLoad, generation, managerOptions, pageURL } from './call-options.js';
import { embed } from './embeddings.js';
import { EngineWorker, notStarted } from './engine-worker.js';
import { CancelledError, EngineError, errorFrom, recordOf } from './errors.js';
import { filesOf } from './model-file-name.js';
import { createObservable } from './observable.js';
import { Reply } from './reply.js';
import { decodeEvent, encodeCommand, initialState } from './wire.js';
import { ModelStorage } from './model-storage.js';

export * from './errors.js';

/** @typedef {import('./inference-manager.js').ManagerOptions} ManagerOptions */
/** @typedef {import('./wire.js').LoadProgress} LoadProgress */

/**
 * Runs language models in a Web Worker of this page.
 *
 * The worker is started by the first call that needs it, and again after `terminate()` or a failure of the engine.
 */
export class InferenceManager extends EventTarget {
  /** What the engine last told about its model, and how far a load has come. */
  state = createObservable(initialState);
  progress = createObservable(/** @type {LoadProgress | null} */ (null));
  /** @type {import('./wire.js').ModelInfo | null} */
  info = null;
  cache = new ModelStorage(() => this.#models());
  #options;
  /** @type {EngineWorker | undefined} */
  #worker;
  /** @type {Promise<void> | undefined} */
  #started;
  /** Ends the wait for it. @type {(error: Error) => void} */
  #failStart = () => {};
  /** Loads that were cancelled, some before the worker knew of them. */
  #cancels = 0;
  /** Replies that wait for the worker. @type {Set<Reply>} */
  #waiting = new Set();
  #lastID = 0;
  /**
   * Who waits for the answer to a request.
   *
   * @type {Map<number, { receive: (event: any) => void, fail: (error: Error) => void, isCancelled?: boolean,
   *   isLoad?: boolean, signal?: AbortSignal }>}
   */
  #pending = new Map();

  /** @param {ManagerOptions} [options] */
  constructor(options = {}) {
    super();
    this.#options = managerOptions(options, import.meta.url);
  }

  /** Threads that compute, once the worker runs. */
  threads = 0;
  /** @type {32 | 64} Bits of an address in the module that runs; 64 while a model needs it. */
  addressing = 32;
  /** The last load that was asked for. @type {import('./wire.js').Command | undefined} */
  #load;
  /** Frames of the pending requests, which another worker must have when the model moves there. */
  #frames = new Map();
  /** @type {{ type: 'files', model: string, files: readonly File[], keep: boolean } | undefined} What the user picked last. */
  #picked;

  /** Starts the worker without loading a model; `state` then holds the available models. */
  start() {
    this.#started ??= this.#launch();
    return this.#started;
  }

  /**
   * Loads a model, replacing the one that is loaded or loading.
   *
   * @param {string | File | readonly File[]} model As `inference-manager.d.ts` says.
   * @param {(progress: LoadProgress) => void} [onProgress]
   * @param {import('./inference-manager.js').LoadOptions} [options]
   */
  async initialize(model, onProgress, options = {}) {
    model = checkLoad(model, onProgress, options);
    const { contextLength = 0, threads = 0, sequences = 0, keep = true, signal, device = this.#options.device } = options;
    const cancels = this.#cancels;
    const checkWanted = () => {
      if (signal?.aborted || cancels !== this.#cancels)
        throw new CancelledError({ code: 'cancelled', message: 'The load was cancelled.' });
    };
    checkWanted();
    const [{ modelName }] = await Promise.all([import('./model-argument.js'), this.start()]);
    checkWanted();
    const files = this.state.getState().availableModels.map(({ file }) => file);
    const name =
      typeof model === 'string'
        ? modelName(model, { pageURL, hubURL: this.#options.hubURL, files })
        : `file:${filesOf(model)[0].name}`;
    if (typeof model !== 'string') {
      // Another file may have the same name: what is loaded or loading under it is not what was picked.
      if (this.state.getState().currentModel === name) await this.unload();
      checkWanted();
      this.#picked = { type: 'files', model: name, files: filesOf(model), keep };
      this.#worker?.postMessage(this.#picked);
    }
    this.progress.setState(null);
    const stopListening = onProgress && this.progress.subscribe((progress) => progress && onProgress(progress));
    try {
      const load = /** @type {const} */ ({ type: 'load', model: name, contextLength, threads, sequences, device });
      this.#load = { id: 0, ...load };
      return (await this.#request(load, 'loaded', signal)).info;
    } finally {
      stopListening?.();
    }
  }

  /** Stops a load that is under way for all who wait for it; their `initialize` rejects with a `CancelledError`. */
  cancelLoad() {
    this.#cancels += 1;
    for (const waiting of this.#pending.values()) waiting.isCancelled ||= waiting.isLoad;
    this.#send({ type: 'cancelLoad' });
  }

  /** Frees the model and clears a load's error. */
  async unload() {
    if (!this.#worker) return;
    this.info = null;
    await this.#request({ type: 'unload' }, 'unloaded');
  }

  /** @type {import('./inference-manager.js').InferenceManager['generate']} */
  generate(input, options = {}) {
    const id = this.#nextID();
    const reply = new Reply(() => this.#send({ type: 'cancel', id }));
    const signal = options?.signal;
    const begin = async () => {
      const frame = encodeCommand(generation(id, input, options));
      this.#waiting.add(reply);
      await this.start().finally(() => this.#waiting.delete(reply));
      if (reply.isCancelled || signal?.aborted)
        return reply.receive({ type: 'finished', reason: 'aborted', timings: null });
      this.#pending.set(id, reply);
      this.#ask(id, frame);
    };
    begin().catch((error) => reply.fail(error));
    const cancel = () => reply.cancel();
    signal?.addEventListener?.('abort', cancel);
    reply.finished.finally(() => signal?.removeEventListener?.('abort', cancel)).catch(() => {});
    return reply;
  }

  /** @type {import('./inference-manager.js').InferenceManager['forget']} */
  async forget(conversation) {
    if (conversation === '') return;
    // The engine may be about to write it.
    if (this.#worker) return this.#send({ type: 'forget', conversation: conversation ?? '' });
    const { deletePrefixes } = await import('./worker/prefix-files.js');
    await deletePrefixes(conversation ?? '').catch(() => {});
  }

  /** Ends every reply, running or waiting; each finishes with the reason `aborted`. */
  abort() {
    for (const reply of this.#waiting) reply.cancel();
    for (const waiting of this.#pending.values()) waiting.isCancelled ||= !waiting.isLoad;
    this.#send({ type: 'cancelAll' });
  }

  /** @type {import('./inference-manager.js').InferenceManager['tokenize']} */
  async tokenize(text, options = {}) {
    check('tokenize', options, ['addSpecial', 'parseSpecial']);
    await this.start();
    return (await this.#request({ ...options, type: 'tokenize', text }, 'tokens')).tokens;
  }

  /** @param {number[]} tokens @returns {Promise<string>} */
  async detokenize(tokens) {
    await this.start();
    return (await this.#request({ type: 'detokenize', tokens }, 'rendered')).text;
  }

  /** @type {import('./inference-manager.js').InferenceManager['embed']} */
  async embed(texts, options = {}) {
    await this.start();
    return embed((command, signal, onPart) => this.#request(command, 'embedded', signal, onPart), texts, options);
  }

  /** @type {import('./inference-manager.js').InferenceManager['rank']} */
  async rank(query, texts, options = {}) {
    check('rank', options, ['truncate', 'signal']);
    return (await this.embed(texts, { ...options, query })).map(({ vector }) => vector[0]);
  }

  /** @type {import('./inference-manager.js').InferenceManager['applyTemplate']} */
  async applyTemplate(chat) {
    check('applyTemplate', chat, ['messages', 'addGenerationPrompt', 'tools', 'variables']);
    await this.start();
    return (await this.#request({ type: 'applyTemplate', chat }, 'rendered')).text;
  }

  /** Ends the worker and gives all its memory back. The manager can be used again. */
  terminate() {
    this.#end(new EngineError({ code: 'terminated', message: 'The engine was terminated.' }));
    this.state.setState({ ...initialState, availableModels: this.state.getState().availableModels });
  }

  async #models() {
    await this.start();
    return this.state.getState().availableModels;
  }

  /**
   * @param {32 | 64} [addressing] Of a worker that takes another one's place.
   * @returns {Promise<void>}
   */
  #launch(addressing) {
    let isStarted = false;
    const started = new Promise((resolve, reject) => {
      this.#failStart = reject;
      /** @type {EngineWorker} */
      let worker;
      try {
        worker = new EngineWorker(this.#options.workerURL);
      } catch (error) {
        return reject(notStarted(/** @type {Error} */ (error).message));
      }
      this.#worker = worker;
      worker.onmessage = ({ data }) => {
        if (worker !== this.#worker) return;
        // What a worker in another one's place says before it knows of the load is no news.
        if (data.type === 'events' && (isStarted || !addressing))
          for (const frame of data.frames) this.#dispatch(decodeEvent(frame));
        else if (data.type === 'notice') this.dispatchEvent(new CustomEvent('notice', { detail: data }));
        else if (data.type === 'waiting') this.#tellWait(data.text);
        else if (data.type === 'started') {
          isStarted = true;
          this.threads = data.threads;
          this.addressing = data.addressing;
          resolve(undefined);
        } else if (data.type === 'move') {
          this.#move(data);
        } else if (data.type === 'failed') {
          const error = errorFrom(data.error);
          reject(error);
          this.#crash(error);
        }
      };
      worker.onerror = (event) => {
        const error = notStarted(event.message);
        reject(error);
        if (worker === this.#worker) this.#crash(error);
      };
      worker.postMessage({
        type: 'start',
        ...this.#options,
        addressing: addressing ?? this.#options.addressing,
        keepsAddressing: this.#options.addressing !== undefined,
      });
    });
    started.catch((error) => this.#started === started && this.#crash(error));
    return started;
  }

  /** @param {string} text What the load waits for, until the engine tells of its progress again. */
  #tellWait(text) {
    const progress = this.progress.getState();
    if (progress) this.progress.setState({ ...progress, remaining: null, text, isWaiting: true });
  }

  /** @param {{ id: number, info: import('./wire.js').ModelInfo }} event */
  #tellInfo({ id, info }) {
    this.info = info;
    // Nobody asked for a model that goes on elsewhere, as when the graphics card was lost.
    const detail = { type: 'notice', code: 'device-changed', message: info.deviceNote };
    if (!id) this.dispatchEvent(new CustomEvent('notice', { detail }));
  }

  /** @param {import('./wire.js').Event} event */
  #dispatch(event) {
    if (event.type === 'state') {
      if (event.state.loadingStep !== 'ready') this.info = null;
      this.state.setState(event.state);
    } else if (event.type === 'progress') {
      this.progress.setState(event.progress);
    } else if ('id' in event) {
      if (event.type === 'loaded') this.#tellInfo(event);
      const waiting = this.#pending.get(event.id);
      const isPart = event.type === 'embedded' && event.index + 1 < event.count;
      if (!isPart && !['started', 'prompt', 'text'].includes(event.type)) {
        this.#pending.delete(event.id);
        this.#frames.delete(event.id);
      }
      if (event.type === 'failed') waiting?.fail(errorFrom(event.error));
      else waiting?.receive(event);
    }
  }

  /**
   * Sends a command and waits for its answer.
   *
   * @param {any} command
   * @param {string} answer
   * @param {AbortSignal} [signal] Takes back this request alone: a load goes on while others wait for it.
   * @param {(event: any) => void} [onPart] Hears each part of an answer that comes in parts.
   * @returns {Promise<any>}
   */
  #request(command, answer, signal, onPart) {
    const id = this.#nextID();
    const frame = encodeCommand({ ...command, id });
    const cancel = () => this.#send({ type: 'cancel', id });
    signal?.addEventListener('abort', cancel);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        receive: (event) => {
          if (event.type !== answer) return;
          onPart?.(event);
          if (!this.#pending.has(id)) resolve(event);
        },
        fail: reject,
        signal,
        isLoad: answer === 'loaded',
      });
      this.#ask(id, frame);
    }).finally(() => signal?.removeEventListener('abort', cancel));
  }

  /** @param {number} id @param {Uint8Array} frame */
  #ask(id, frame) {
    this.#frames.set(id, frame.slice());
    this.#post(frame);
  }

  /**
   * A worker with another module goes on where this one stopped: at the load that needs it, and what came after.
   *
   * @param {{ addressing: 32 | 64, device?: 'cpu' }} place Without the graphics card where that was given up.
   */
  #move({ addressing, device }) {
    const load = this.#load && { ...this.#load, ...(device && { device }) };
    this.#worker?.terminate();
    this.#started = this.#launch(addressing);
    if (this.#picked) this.#worker?.postMessage(this.#picked);
    const frames = [...this.#frames];
    // A model that has left a lost graphics card has no request any more.
    const asked = [...this.#pending.values()].some(({ isLoad }) => isLoad);
    if (!asked && load) this.#request(load, 'loaded').catch(() => {});
    for (const [id, frame] of frames) {
      const waiting = this.#pending.get(id);
      if (waiting instanceof Reply && waiting.breakOff()) this.#pending.delete(id);
      else if (waiting?.isLoad && load) this.#post(encodeCommand({ ...load, id }));
      else if (waiting) this.#post(frame.slice());
      if (!this.#pending.has(id)) this.#frames.delete(id);
      // The worker before may not have heard of it.
      if (waiting?.isCancelled || waiting?.signal?.aborted) this.#send({ type: 'cancel', id });
    }
  }

  /** @param {import('./wire.js').Command} command */
  #send(command) {
    if (this.#worker) this.#post(encodeCommand(command));
  }

  /** @param {Uint8Array} frame */
  #post(frame) {
    if (!this.#worker) throw new EngineError({ code: 'terminated', message: 'The engine was terminated.' });
    this.#worker.postMessage({ type: 'command', frame: frame.buffer }, [frame.buffer]);
  }

  #nextID() {
    this.#lastID += 1;
    return this.#lastID;
  }

  /**
   * The engine failed: everybody who waits hears of it, and the next call starts a new worker.
   *
   * @param {Error} error
   */
  #crash(error) {
    this.#end(error);
    const state = this.state.getState();
    this.state.setState({ ...state, isLoading: false, loadingStep: 'error', error: recordOf(error) });
  }

  /** @param {Error} error */
  #end(error) {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#started = undefined;
    this.#failStart(error);
    this.info = null;
    this.progress.setState(null);
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    this.#frames.clear();
    this.#picked = undefined;
    for (const waiter of waiting) waiter.fail(error);
  }
}

/** The manager that a page's parts share. */
export const inferenceManager = new InferenceManager();

export { Reply };
