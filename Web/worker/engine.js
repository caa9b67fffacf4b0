import { EngineError, MemoryError, SwiftletError } from '../errors.js';
import { narrowSpace, placeModel, surroundings } from '../placement.js';
import { decodeEvent, eventKinds } from '../wire.js';
import { chooseModule } from './capabilities.js';
import { startHelpers } from './threads.js';

/**
 * @typedef {object} EngineOptions
 * @property {string} [wasmURL] The module for one thread; beside it lie the one for several as `…-threads.wasm` and the one
 *   with 64-bit addresses as `…-64.wasm`.
 * @property {number} [threads] At most; the number of cores, up to 8, when left out.
 * @property {32 | 64} [addressing] Of the module to begin with; 32 when left out.
 * @property {boolean} [keepsAddressing] Whether that module must hold every model.
 * @property {string} modelsURL Folder of models on the page's own origin.
 * @property {string} hubURL
 *
 * @typedef {object} EngineHandlers
 * @property {(frames: ArrayBuffer[]) => void} onEvents
 * @property {(request: Extract<import('../wire.js').Event, { type: 'fetch' }>) => void} onFetch
 * @property {() => void} onCancelFetch
 * @property {(addressing: 32 | 64, device?: 'cpu') => void} onMove The model needs the module with these addresses, and
 *   has given the graphics card up.
 * @property {(error: unknown) => void} onFatal The engine cannot go on.
 */

/** Events are posted at most this often while the engine is busy, in milliseconds; the first of a reply at once. */
const postInterval = 12;
const kindOffset = 5;
const interfaceVersion = 6;

/** The instantiated module and its loop. */
export class Engine {
  /** How many threads compute. */
  threads = 1;
  /** @type {32 | 64} Bits of the module's addresses. */
  addressing = 32;
  #keepsAddressing = false;
  /** Bytes that linear memory can have. */
  #granted = narrowSpace;
  #handlers;
  /**
   * What reads and writes conversations' keys and values, once that is asked for.
   *
   * @type {import('./prefix-files.js').PrefixFiles | undefined}
   */
  #prefixes;
  /** @type {Promise<void> | undefined} */
  #loadsPrefixes;
  /**
   * The graphics card, once that is asked for.
   *
   * @type {import('./gpu/imports.js').Graphics | undefined}
   */
  #graphics;
  /** @type {any} */
  #exports;
  /** @type {WebAssembly.Memory} */
  #memory = /** @type {any} */ (undefined);
  /** @type {ArrayBuffer[]} */
  #outbox = [];
  #lastPost = 0;
  #stepping = false;
  #kernelChanges = 0;
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
    for (const { name } of WebAssembly.Module.imports(choice.module)) {
      imports.env[name] ??= (/** @type {number[]} */ ...numbers) => engine.#graphics?.imports[name](...numbers);
    }
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
    engine.addressing = choice.addressing;
    engine.#keepsAddressing = options.keepsAddressing === true;
    engine.#granted = choice.granted;
    // What fits where is decided by `placement.js`, which knows what was granted and what another module could have. So the
    // module has no limit of its own, and refuses nothing that another one may take.
    engine.#exports.swiftlet_start(choice.threads, 0);
    if (choice.memory) await startHelpers(choice.module, choice.memory, engine.#exports, choice.threads);
    engine.#flush();
    return engine;
  }

  /** The module's functions. */
  get exports() {
    return this.#exports;
  }

  /** Linear memory where other workers can read it; undefined with one thread. */
  get sharedMemory() {
    return this.#memory.buffer instanceof ArrayBuffer ? undefined : this.#memory;
  }

  /**
   * Linear memory from `pointer` on. Take it anew after every call into the module: growth detaches it.
   *
   * @param {number} pointer
   * @param {number} length
   */
  bytes(pointer, length) {
    return new Uint8Array(this.#memory.buffer, pointer, length);
  }

  /**
   * Sees to it that a model is in the module that can hold it.
   *
   * @param {number} need Bytes, as far as that is known.
   * @param {number} fileSize
   * @param {boolean} isExact Whether `need` is all that the model needs; it may be less before the header was read.
   * @returns {32 | 64 | null} The other module's addresses when this one is not it.
   * @throws {MemoryError} When no module in this browser holds it.
   */
  placeElsewhere(need, fileSize, isExact) {
    const module = { addressing: this.addressing, granted: this.#granted, isFixed: this.#keepsAddressing };
    const { addressing, problem } = placeModel({ need, fileSize }, { ...surroundings(), module });
    if (problem) {
      throw new MemoryError({ ...problem, message: `This model does not fit this device. ${problem.message}` });
    }
    return addressing === this.addressing || (addressing === 32 && !isExact) ? null : addressing;
  }

  /** @param {32 | 64} addressing Of the module that goes on in this one's place. */
  move(addressing) {
    // Where a card was opened, it could not take the model.
    this.#handlers.onMove(addressing, this.#graphics?.isOpen ? 'cpu' : undefined);
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
    const pointer = this.#exports.swiftlet_allocate(bytes.length);
    if (!pointer)
      throw new EngineError({ code: 'out-of-memory', message: 'The engine has no memory left for a message.' });
    this.bytes(pointer, bytes.length).set(bytes);
    const answer = use(pointer);
    this.#exports.swiftlet_free(pointer);
    return answer;
  }

  /**
   * Calls into the module with a text in linear memory.
   *
   * @param {string} text
   * @param {(address: number, length: number) => void} tell
   */
  say(text, tell) {
    const bytes = new TextEncoder().encode(text);
    this.call(() => this.withBytes(bytes, (address) => tell(address, bytes.length)));
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

  /** Until the graphics card has taken what it was given. @returns {Promise<void> | undefined} */
  settled() {
    return this.#graphics?.settled();
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
      this.#noticeKernels();
    } catch {
      // `#guard` has told the page already.
    } finally {
      this.#stepping = false;
    }
  }

  /** Tells the page once when the engine found its kernels wrong and took others. */
  #noticeKernels() {
    const changes = this.#exports.swiftlet_kernel_changes();
    if (changes === this.#kernelChanges) return;
    this.#kernelChanges = changes;
    self.postMessage({
      type: 'notice',
      code: 'kernels-replaced',
      message: 'This browser computes some instructions wrongly. The engine does without them, which is slower.',
    });
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
    if (kind === eventKinds.openDevice || kind === eventKinds.rememberDevice) {
      const event = /** @type {any} */ (decodeEvent(frame));
      queueMicrotask(() => this.#onDevice(event));
      return;
    }
    if (kind >= eventKinds.openPrefix && kind <= eventKinds.deletePrefix) {
      const event = /** @type {any} */ (decodeEvent(frame));
      queueMicrotask(() => this.#onPrefix(event));
      return;
    }
    this.#outbox.push(/** @type {ArrayBuffer} */ (frame.buffer));
  }

  /** @param {Parameters<import('./prefix-files.js').PrefixFiles['handle']>[0]} event */
  #onPrefix(event) {
    this.#loadsPrefixes ??= import('./prefix-files.js').then(({ PrefixFiles }) => {
      this.#prefixes = new PrefixFiles(this);
    });
    this.#loadsPrefixes.then(
      () => this.#prefixes?.handle(event),
      () => event.type === 'openPrefix' && this.call(() => this.#exports.swiftlet_prefix_unavailable(event.id)),
    );
  }

  /** @param {Extract<import('../wire.js').Event, { type: 'openDevice' | 'rememberDevice' }>} event */
  async #onDevice(event) {
    try {
      if (!('gpu' in navigator)) throw new Error(isSecureContext ? 'it has no WebGPU' : 'WebGPU is only there over HTTPS');
      const { Graphics } = await import('./gpu/imports.js');
      this.#graphics ??= new Graphics(this);
      if (event.type === 'openDevice') await this.#graphics.open(event);
      else this.#graphics.remember(event);
    } catch (error) {
      if (event.type !== 'openDevice') return;
      const reason = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
      const text = `This browser gives no graphics card to compute with: ${reason}.`;
      this.say(text, (...bytes) => this.#exports.swiftlet_device_unavailable(event.id, ...bytes));
    }
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
        prefix_read: (/** @type {number} */ offset, /** @type {number} */ pointer, /** @type {number} */ length) =>
          Number(this.#prefixes?.read(offset, this.bytes(pointer, length)) ?? 0),
        prefix_write: (/** @type {number} */ offset, /** @type {number} */ pointer, /** @type {number} */ length) =>
          Number(this.#prefixes?.write(offset, this.bytes(pointer, length)) ?? 0),
        prefix_truncate: (/** @type {number} */ size) => this.#prefixes?.truncate(size),
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
