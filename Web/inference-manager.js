import { EngineError, errorFrom, recordOf, UnsupportedBrowserError } from './errors.js';
import { createObservable } from './observable.js';
import { Reply } from './reply.js';
import { decodeEvent, encodeCommand } from './wire.js';
import { ModelStorage } from './model-storage.js';

export * from './errors.js';

/** @typedef {import('./inference-manager.js').ManagerOptions} ManagerOptions */
/** @typedef {import('./wire.js').ModelState} ModelState */
/** @typedef {import('./wire.js').LoadProgress} LoadProgress */

/** @type {ModelState} */
const initialState = {
  currentModel: null,
  isLoading: false,
  downloadProgress: 0,
  loadingStep: 'idle',
  error: null,
  availableModels: [],
};

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
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Promise<void> | undefined} */
  #started;
  #lastID = 0;
  /**
   * Who waits for the answer to a request.
   *
   * @type {Map<number, { receive: (event: any) => void, fail: (error: Error) => void }>}
   */
  #pending = new Map();

  /** @param {ManagerOptions} [options] */
  constructor(options = {}) {
    super();
    this.#options = options;
  }

  /** Threads that compute, once the worker runs. */
  threads = 0;

  /** Starts the worker without loading a model; `state` then holds the available models. */
  start() {
    this.#started ??= this.#launch();
    return this.#started;
  }

  /**
   * Loads a model, replacing the one that is loaded or loading.
   *
   * @param {string | File} model A tier, a catalog id, `org/repo[:quant]`, the URL of a `.gguf`, or a file the user picked.
   * @param {(progress: LoadProgress) => void} [onProgress]
   * @param {import('./inference-manager.js').LoadOptions} [options]
   */
  async initialize(model, onProgress, { contextLength = 0, threads = 0, signal } = {}) {
    signal?.throwIfAborted();
    await this.start();
    signal?.throwIfAborted();
    const name = typeof model === 'string' ? model : `file:${model.name}`;
    if (typeof model !== 'string') this.#worker?.postMessage({ type: 'file', model: name, file: model });
    this.progress.setState(null);
    const stopListening = onProgress && this.progress.subscribe((progress) => progress && onProgress(progress));
    const cancel = () => this.cancelLoad();
    signal?.addEventListener('abort', cancel);
    try {
      const { info } = await this.#request({ type: 'load', model: name, contextLength, threads }, 'loaded');
      this.info = info;
      return info;
    } finally {
      stopListening?.();
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Stops a load that is under way; its `initialize` rejects with a `CancelledError`. */
  cancelLoad() {
    this.#send({ type: 'cancelLoad' });
  }

  /** Frees the model and clears a load's error. */
  async unload() {
    if (!this.#worker) return;
    this.info = null;
    await this.#request({ type: 'unload' }, 'unloaded');
  }

  /**
   * Generates a reply. Requests run one after the other.
   *
   * @param {readonly import('./wire.js').ChatMessage[] | string | { tokens: readonly number[] }} input A conversation;
   *   or text or tokens to continue as they are.
   * @param {import('./inference-manager.js').GenerateOptions} [options]
   * @returns {Reply}
   */
  generate(input, { signal, tools, variables, ...options } = {}) {
    const id = this.#nextID();
    const reply = new Reply(() => this.#send({ type: 'cancel', id }));
    const generationInput =
      typeof input === 'string'
        ? { text: input }
        : 'tokens' in input
          ? { tokens: input.tokens }
          : { chat: { messages: input, tools, variables } };
    if (typeof options.stop === 'string') options.stop = [options.stop];
    const wireOptions = /** @type {import('./wire.js').WireOptions} */ (options);
    const begin = async () => {
      const frame = encodeCommand({ type: 'generate', id, input: generationInput, options: wireOptions });
      await this.start();
      if (reply.isCancelled || signal?.aborted)
        return reply.receive({ type: 'finished', reason: 'aborted', timings: null });
      this.#pending.set(id, reply);
      this.#post(frame);
    };
    begin().catch((error) => reply.fail(error));
    if (signal) {
      const cancel = () => reply.cancel();
      signal.addEventListener('abort', cancel);
      reply.finished.finally(() => signal.removeEventListener('abort', cancel)).catch(() => {});
    }
    return reply;
  }

  /** Ends every reply, running or waiting; each finishes with the reason `aborted`. */
  abort() {
    this.#send({ type: 'cancelAll' });
  }

  /**
   * @param {string} text
   * @param {{ addSpecial?: boolean, parseSpecial?: boolean }} [options]
   * @returns {Promise<number[]>}
   */
  async tokenize(text, options = {}) {
    await this.start();
    return (await this.#request({ type: 'tokenize', text, ...options }, 'tokens')).tokens;
  }

  /** @param {number[]} tokens @returns {Promise<string>} */
  async detokenize(tokens) {
    await this.start();
    return (await this.#request({ type: 'detokenize', tokens }, 'rendered')).text;
  }

  /**
   * The prompt that the model's template makes of a conversation.
   *
   * @param {import('./wire.js').ChatInput} chat
   * @returns {Promise<string>}
   */
  async applyTemplate(chat) {
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

  /** @returns {Promise<void>} */
  #launch() {
    const {
      workerURL = new URL('./worker.js', import.meta.url),
      wasmURL = new URL('./swiftlet.wasm', import.meta.url),
    } = this.#options;
    const started = new Promise((resolve, reject) => {
      const worker = new Worker(workerURL, { type: 'module', name: 'swiftlet' });
      this.#worker = worker;
      worker.onmessage = ({ data }) => {
        if (worker !== this.#worker) return;
        if (data.type === 'events') for (const frame of data.frames) this.#dispatch(decodeEvent(frame));
        else if (data.type === 'notice') this.dispatchEvent(new CustomEvent('notice', { detail: data }));
        else if (data.type === 'started') {
          this.threads = data.threads;
          resolve(undefined);
        } else if (data.type === 'failed') {
          const error = errorFrom(data.error);
          reject(error);
          this.#crash(error);
        }
      };
      worker.onerror = (event) => {
        const error = new UnsupportedBrowserError({
          code: 'unsupported-platform',
          message:
            `The engine's worker did not start${event.message ? `: ${event.message}` : ''}. ` +
            'A current version of Chrome, Edge, Firefox or Safari is needed.',
        });
        reject(error);
        if (worker === this.#worker) this.#crash(error);
      };
      const base = globalThis.location?.href;
      worker.postMessage({
        type: 'start',
        wasmURL: new URL(wasmURL, base).href,
        threads: this.#options.threads,
        modelsURL: new URL(this.#options.modelsURL ?? new URL('./models/', import.meta.url), base).href,
        hubURL: (this.#options.hubURL ?? 'https://huggingface.co').replace(/\/$/, ''),
      });
    });
    started.catch(() => {});
    return started;
  }

  /** @param {import('./wire.js').Event} event */
  #dispatch(event) {
    if (event.type === 'state') {
      if (event.state.loadingStep !== 'ready') this.info = null;
      this.state.setState(event.state);
    } else if (event.type === 'progress') {
      this.progress.setState(event.progress);
    } else if ('id' in event) {
      const waiting = this.#pending.get(event.id);
      if (event.type === 'failed' || !['started', 'prompt', 'text'].includes(event.type))
        this.#pending.delete(event.id);
      if (event.type === 'failed') waiting?.fail(errorFrom(event.error));
      else waiting?.receive(event);
    }
  }

  /**
   * Sends a command and waits for its answer.
   *
   * @param {any} command
   * @param {string} answer
   * @returns {Promise<any>}
   */
  #request(command, answer) {
    const id = this.#nextID();
    const frame = encodeCommand({ ...command, id });
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        receive: (event) => event.type === answer && resolve(event),
        fail: reject,
      });
      this.#post(frame);
    });
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
    this.info = null;
    this.progress.setState(null);
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const waiter of waiting) waiter.fail(error);
  }
}

/** The manager that a page's parts share. */
export const inferenceManager = new InferenceManager();

export { Reply };
