import { EngineError, SwiftletError } from '../errors.js';
import { decodeEvent, eventKinds } from '../wire.js';
import { chooseModule } from './capabilities.js';
import { startHelpers } from './threads.js';

/**
 * @typedef {object} EngineOptions
 * @property {string} wasmURL The module for one thread; the one for several lies beside it as `…-threads.wasm`.
 * @property {number} [threads] At most; the number of cores, up to 8, when left out.
 * @property {string} modelsURL Folder of models on the page's own origin.
 * @property {string} hubURL
 *
 * @typedef {object} EngineHandlers
 * @property {(frames: ArrayBuffer[]) => void} onEvents
 * @property {(request: Extract<import('../wire.js').Event, { type: 'fetch' }>) => void} onFetch
 * @property {() => void} onCancelFetch
 * @property {(error: unknown) => void} onFatal The engine cannot go on.
 */

/** Events are posted at most this often while the engine is busy, in milliseconds; the first of a reply at once. */
const postInterval = 12;
const kindOffset = 5;
const interfaceVersion = 1;

/** The instantiated module and its loop. */
export class Engine {
  /** How many threads compute. */
  threads = 1;
  #handlers;
  /** @type {any} */
  #exports;
  /** @type {WebAssembly.Memory} */
  #memory = /** @type {any} */ (undefined);
  /** @type {ArrayBuffer[]} */
  #outbox = [];
  #lastPost = 0;
  #stepping = false;
  #turn = new Turn();

  /** @param {EngineHandlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** @param {EngineOptions} options @param {EngineHandlers} handlers */
  static async start(options, handlers) {
    const engine = new Engine(handlers);
    const choice = await chooseModule(options);
    const imports = engine.#imports();
    if (choice.memory) imports.env.memory = choice.memory;
    const instance = await WebAssembly.instantiate(choice.module, imports);
    engine.#exports = instance.exports;
    engine.#memory = choice.memory ?? /** @type {WebAssembly.Memory} */ (instance.exports.memory);
    const found = engine.#exports.swiftlet_interface_version();
    if (found !== interfaceVersion) {
      throw new EngineError({
        code: 'internal',
        message: `The page expects version ${interfaceVersion} of the engine and found ${found}. Reload the page.`,
      });
    }
    engine.threads = choice.threads;
    engine.#exports.swiftlet_start(choice.threads);
    if (choice.memory) await startHelpers(choice.module, choice.memory, engine.#exports, choice.threads);
    engine.#flush();
    return engine;
  }

  /** The module's functions. */
  get exports() {
    return this.#exports;
  }

  /**
   * Linear memory from `pointer` on. Take it anew after every call into the module: growth detaches it.
   *
   * @param {number} pointer
   * @param {number} length
   */
  bytes(pointer, length) {
    return new Uint8Array(this.#memory.buffer, pointer >>> 0, length);
  }

  /**
   * Hands a command frame to the engine.
   *
   * @param {Uint8Array} frame
   */
  receive(frame) {
    this.call(() => this.withBytes(frame, (pointer) => this.#exports.swiftlet_receive(pointer, frame.length)));
  }

  /**
   * Runs `use` with a copy of `bytes` in linear memory.
   *
   * @param {Uint8Array} bytes
   * @param {(pointer: number) => any} use
   */
  withBytes(bytes, use) {
    const pointer = this.#exports.swiftlet_allocate(bytes.length) >>> 0;
    if (!pointer)
      throw new EngineError({ code: 'out-of-memory', message: 'The engine has no memory left for a message.' });
    this.bytes(pointer, bytes.length).set(bytes);
    const answer = use(pointer);
    this.#exports.swiftlet_free(pointer);
    return answer;
  }

  /**
   * Calls into the module, lets its events out, and goes on stepping.
   *
   * @template T
   * @param {() => T} work
   * @returns {T}
   */
  call(work) {
    const answer = this.#guard(work);
    if (!this.#stepping) this.#flush();
    this.#run();
    return answer;
  }

  /** Lets waiting messages in. */
  turn() {
    return this.#turn.next();
  }

  /** Steps until the engine is idle; between two steps the page's messages get their turn. */
  async #run() {
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      while (this.#guard(() => this.#exports.swiftlet_step()) === 1) {
        if (performance.now() - this.#lastPost >= postInterval) this.#flush();
        await this.#turn.next();
      }
      this.#flush();
    } catch {
      // `#guard` has told the page already.
    } finally {
      this.#stepping = false;
    }
  }

  /** @template T @param {() => T} work @returns {T} */
  #guard(work) {
    try {
      return work();
    } catch (error) {
      this.#flush();
      this.#handlers.onFatal(error instanceof SwiftletError ? error : trapError(error));
      throw error;
    }
  }

  #flush() {
    if (!this.#outbox.length) return;
    this.#lastPost = performance.now();
    this.#handlers.onEvents(this.#outbox.splice(0));
  }

  /** @param {number} pointer @param {number} length */
  #emit(pointer, length) {
    const frame = this.bytes(pointer, length).slice();
    const kind = frame[kindOffset];
    if (kind === eventKinds.fetch || kind === eventKinds.cancelFetch) {
      // Not from here: the module must not be called while it emits.
      const event = /** @type {any} */ (decodeEvent(frame));
      queueMicrotask(() => (event.type === 'fetch' ? this.#handlers.onFetch(event) : this.#handlers.onCancelFetch()));
      return;
    }
    this.#outbox.push(/** @type {ArrayBuffer} */ (frame.buffer));
  }

  /** @returns {{ env: Record<string, any> }} */
  #imports() {
    return {
      env: {
        emit: (/** @type {number} */ pointer, /** @type {number} */ length) => this.#emit(pointer, length),
        now: () => performance.now(),
        date: () => Date.now() - new Date().getTimezoneOffset() * 60_000,
        random: (/** @type {number} */ pointer, /** @type {number} */ length) => {
          // `getRandomValues` refuses shared memory.
          this.bytes(pointer, length).set(crypto.getRandomValues(new Uint8Array(length)));
        },
        fatal: (/** @type {number} */ pointer, /** @type {number} */ length) => {
          const text = new TextDecoder().decode(this.bytes(pointer, length).slice());
          const [, code, message] = /^([a-z-]+): (.*)$/s.exec(text) ?? ['', 'internal', text];
          throw new EngineError({ code, message });
        },
      },
    };
  }
}

/** @param {unknown} error */
function trapError(error) {
  const detail = error instanceof Error ? error.message : String(error);
  return new EngineError(
    { code: 'internal', message: `The engine stopped unexpectedly (${detail}).` },
    { cause: error },
  );
}

/** A turn of the event loop without the delay of a timer. */
class Turn {
  #channel = new MessageChannel();
  /** @type {(() => void)[]} */
  #waiting = [];

  constructor() {
    this.#channel.port1.onmessage = () => this.#waiting.shift()?.();
  }

  /** @returns {Promise<void>} */
  next() {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#channel.port2.postMessage(null);
    });
  }
}
