import { CancelledError, EngineError, errorFrom, RequestError } from './errors.js';
import { ModelStorage } from './model-storage.js';
import { createObservable } from './observable.js';
import { Reply } from './reply.js';
import { Engines, nameOf } from './shared/engines.js';
import { EngineHost } from './shared/host.js';
import { Meeting } from './shared/meeting.js';
import { initialState as idleState } from './wire.js';

/** @typedef {import('./shared-inference-manager.js').EngineState} EngineState */

/**
 * What was asked of the engine and is not answered yet.
 *
 * @typedef {object} Request
 * @property {any} message
 * @property {(value: any) => void} answer
 * @property {(error: Error) => void} fail
 * @property {boolean} [isCancelled] Nobody waits for the answer any more.
 * @property {Reply} [reply]
 * @property {string | null} [model] The one that writes the reply.
 * @property {{ asked: number, first: number, begun: number, last: number, before: number }} [times] In milliseconds: the
 *   first text, the first and the last one of the tab that writes now, and what those took that are closed.
 */

/** Tabs of versions that do not understand each other do not share an engine. */
const version = 3;

/** @type {EngineState} */
const initialState = {
  ...idleState,
  progress: null,
  info: null,
  next: null,
  threads: 0,
  addressing: 32,
  device: null,
  loadedDevice: null,
  waitsForReplies: false,
};

/**
 * An `InferenceManager` whose model all tabs of this origin share.
 *
 * When the tab that runs the engine is closed, the next one loads the model from the browser's cache and goes on with
 * every reply after its last token.
 */
export class SharedInferenceManager extends EventTarget {
  state = createObservable(initialState);
  progress = createObservable(/** @type {EngineState['progress']} */ (null));
  cache = new ModelStorage(async () => {
    await this.start();
    return this.state.getState().availableModels;
  });
  #options;
  #meeting;
  /** @type {Map<number, Request>} */
  #requests = new Map();
  #lastID = 0;
  /** Sends to the tab that runs the engine, once it is known. @type {((message: any) => void) | null} */
  #post = null;
  /** @type {{ asked: Choice | null, loaded: Choice | null }} */
  #choices = { asked: null, loaded: null };

  /** @typedef {import('./shared/engines.js').Choice} Choice */

  /** @param {import('./shared-inference-manager.js').SharedOptions} [options] */
  constructor({ name = '', ...options } = {}) {
    super();
    this.#options = options;
    this.#meeting = new Meeting(`swiftlet-engine:${version}:${new URL('.', import.meta.url).pathname}:${name}`, {
      hold: (left) => this.#hold(left),
      connect: (post) => this.#connect(post),
      disconnect: () => (this.#post = null),
      receive: (message) => this.#receive(message),
      isWaiting: () => this.#requests.size > 0,
    });
  }

  get info() {
    return this.state.getState().info;
  }

  get threads() {
    return this.state.getState().threads;
  }

  get addressing() {
    return this.state.getState().addressing;
  }

  /** The model that was asked for last, in whichever tab. */
  get asked() {
    return this.#choices.asked?.model ?? null;
  }

  /** @returns {Promise<void>} */
  start() {
    return this.#call('start');
  }

  /**
   * @param {string | File | readonly File[]} model
   * @param {(progress: import('./wire.js').LoadProgress) => void} [onProgress]
   * @param {import('./shared-inference-manager.js').SharedLoadOptions} [options]
   */
  async initialize(model, onProgress, { signal, ...options } = {}) {
    if (signal?.aborted) throw new CancelledError({ code: 'cancelled', message: 'The load was cancelled.' });
    const { loadingStep, isLoading } = this.state.getState();
    // From the moment it is asked for, a load is under way.
    if (!this.#post && !isLoading && loadingStep !== 'ready')
      this.#show({ currentModel: nameOf(model), isLoading: true, loadingStep: 'downloading', error: null });
    const stopListening = onProgress && this.progress.subscribe((progress) => progress && onProgress(progress));
    try {
      return await this.#cancellable('load', [model], { ...options, signal });
    } finally {
      stopListening?.();
    }
  }

  /** Stops a load for all, whichever tab asked for it. */
  cancelLoad() {
    if (this.#meeting.isJoined) this.#call('cancelLoad').catch(() => {});
  }

  /** Forgets why the last model did not load. */
  dismiss() {
    if (this.#meeting.isJoined) this.#call('dismiss').catch(() => {});
  }

  /** @returns {Promise<void>} */
  unload() {
    return this.#call('unload');
  }

  /** @type {import('./inference-manager.js').InferenceManager['generate']} */
  generate(input, { signal, ...options } = {}) {
    const reply = new Reply(() => this.#cancel(id));
    const id = this.#ask(
      { type: 'generate', input, options },
      {
        answer: () => {},
        fail: (error) => reply.fail(error),
        reply,
        times: { asked: performance.now(), first: 0, begun: 0, last: 0, before: 0 },
      },
    );
    if (signal) {
      const cancel = () => reply.cancel();
      if (signal.aborted) cancel();
      signal.addEventListener('abort', cancel);
      reply.finished.finally(() => signal.removeEventListener('abort', cancel)).catch(() => {});
    }
    return reply;
  }

  /** Ends every reply of this tab. */
  abort() {
    for (const { reply } of [...this.#requests.values()]) reply?.cancel();
  }

  /** @type {import('./inference-manager.js').InferenceManager['tokenize']} */
  tokenize(text, options) {
    return this.#call('tokenize', text, options);
  }

  /** @param {number[]} tokens @returns {Promise<string>} */
  detokenize(tokens) {
    return this.#call('detokenize', tokens);
  }

  /** @type {import('./inference-manager.js').InferenceManager['embed']} */
  async embed(texts, options = {}) {
    return this.#cancellable('embed', [texts], options);
  }

  /** @type {import('./inference-manager.js').InferenceManager['rank']} */
  async rank(query, texts, options = {}) {
    return this.#cancellable('rank', [query, texts], options);
  }

  /** @type {import('./inference-manager.js').InferenceManager['forget']} */
  forget(conversation) {
    return this.#call('forget', conversation);
  }

  /** @param {import('./wire.js').ChatInput} chat @returns {Promise<string>} */
  applyTemplate(chat) {
    return this.#call('applyTemplate', chat);
  }

  /** Ends this tab's part. The engine goes on for the others. */
  terminate() {
    this.#meeting.leave();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    const { availableModels } = this.state.getState();
    this.#show({ ...initialState, availableModels });
    const error = new EngineError({ code: 'terminated', message: 'The engine was terminated.' });
    for (const { fail } of requests) fail(error);
  }

  /** @param {string} method @param {...any} parameters @returns {Promise<any>} */
  #call(method, ...parameters) {
    return new Promise((answer, fail) => this.#ask({ type: 'call', method, parameters }, { answer, fail }));
  }

  /**
   * @param {string} method
   * @param {any[]} parameters
   * @param {{ signal?: AbortSignal }} options The last parameter, but for the signal.
   * @returns {Promise<any>}
   */
  async #cancellable(method, parameters, { signal, ...options }) {
    if (signal?.aborted) throw new CancelledError({ code: 'cancelled', message: 'The request was cancelled.' });
    let cancel = () => {};
    try {
      return await new Promise((answer, fail) => {
        const id = this.#ask({ type: 'call', method, parameters: [...parameters, options] }, { answer, fail });
        cancel = () => this.#cancel(id);
        signal?.addEventListener('abort', cancel);
      });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** @param {any} message @param {Omit<Request, 'message'>} request @returns {number} */
  #ask(message, request) {
    this.#lastID += 1;
    const id = this.#lastID;
    try {
      // As it is now, and only what another tab can be sent.
      const copy = structuredClone({ ...message, id });
      this.#requests.set(id, { ...request, message: copy });
      if (this.#meeting.isJoined) this.#post?.(copy);
      else this.#meeting.join();
    } catch (error) {
      this.#requests.delete(id);
      const record = { code: 'invalid-request', message: `This cannot be sent to the engine: ${error}.` };
      request.fail(new RequestError(record, { cause: error }));
    }
    return id;
  }

  /** @param {number} id What nobody waits for any more in this tab. */
  #cancel(id) {
    const request = this.#requests.get(id);
    if (!request) return;
    request.isCancelled = true;
    this.#post?.({ type: 'cancel', id });
  }

  /** @param {AbortSignal} left Ends the engine. */
  #hold(left) {
    const engines = new Engines(this.#options);
    const { asked, loaded } = this.#choices;
    const host = new EngineHost(engines, loaded ?? (this.state.getState().isLoading ? asked : null), !loaded);
    left.addEventListener('abort', () => host.close());
    return host;
  }

  /** @param {(message: any) => void} post Sends to the tab that runs the engine from now on. */
  #connect(post) {
    this.#post = post;
    for (const [id, { reply }] of [...this.#requests])
      if (reply?.isCancelled) this.#hear(id, { type: 'finished', reason: 'aborted', timings: null });
    const requests = [...this.#requests.values()];
    // A load that was given up is told too: the tab from before may have begun it, and this one goes on with it.
    const cancels = requests
      .filter(({ isCancelled }) => isCancelled)
      .map(({ message: { id } }) => ({ type: 'cancel', id }));
    post({ type: 'connect', requests: [...requests.map(resumed), ...cancels] });
  }

  /** @param {any} message Of the tab that runs the engine. */
  #receive(message) {
    const { type, id } = message;
    if (type === 'state') {
      Object.assign(this.#choices, message.choices);
      this.#show(message.state);
    } else if (type === 'notice') {
      this.dispatchEvent(new CustomEvent('notice', { detail: message }));
    } else if (type === 'event') {
      this.#hear(id, message.event);
    } else {
      const request = this.#requests.get(id);
      this.#requests.delete(id);
      if (type === 'failed') request?.fail(errorFrom(message.error));
      else request?.answer(message.value);
    }
  }

  /** @param {number} id @param {any} event Of a reply. */
  #hear(id, event) {
    const request = this.#requests.get(id);
    if (!request?.reply || !request.times) return;
    const { reply, times } = request;
    if (event.type === 'finished') this.#requests.delete(id);
    if (event.type === 'started') request.model = this.state.getState().currentModel;
    if (event.type === 'resumed') {
      times.before += times.last - times.begun;
      times.begun = times.last = 0;
    } else if (event.type === 'text') {
      times.last = performance.now();
      times.begun ||= times.last;
      times.first ||= times.last;
    }
    reply.receive(event);
  }

  /** @param {Partial<EngineState>} changes */
  #show(changes) {
    const before = this.state.getState();
    const state = { ...before, ...changes };
    // An engine that has just begun does not know the catalog yet.
    if (!state.availableModels.length) state.availableModels = before.availableModels;
    this.state.setState(state);
    this.progress.setState(state.progress);
  }
}

/** @param {Request} request @returns {any} What another tab is asked to go on with it. */
function resumed({ message, reply, model, times }) {
  if (!reply?.tokens.length || !times) return message;
  const said = {
    model,
    promptTokens: reply.promptTokens,
    cachedCount: reply.cachedCount,
    tokens: reply.tokens.map(({ id }) => id),
    text: reply.text,
    firstTokenMilliseconds: times.first - times.asked,
    predictedMilliseconds: times.before + times.last - times.begun,
  };
  return { ...message, said };
}
