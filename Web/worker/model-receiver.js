import { DownloadError, MemoryError } from '../errors.js';
import { ModelCache } from './model-cache.js';

/** The engine looked at the file's header and refused it; it has told the page why. */
export class RefusedError extends Error {}

const megabyte = 1024 * 1024;
/** Read from the cache or a picked file at a time; between two reads a cancel is heard. */
const readSize = 4 * megabyte;
/** Written bytes are flushed this often, so that little is lost when the tab crashes. */
const flushSize = 8 * megabyte;
const progressInterval = 80;

/**
 * Takes one model file's bytes, in order, into linear memory, the hash and the cache, and never holds a second copy.
 */
export class ModelReceiver {
  received = 0;
  /** Whether bytes of an earlier download are among them. */
  resumed = false;
  #engine;
  #plan;
  #expected;
  #cache;
  #signal;
  /** @type {any} The cache's open file; undefined when the bytes are not kept. */
  #handle;
  #pointer = 0;
  #size = 0;
  #source = '';
  #unflushed = 0;
  #nextInspection = megabyte;
  #lastProgress = 0;

  /**
   * @param {import('./engine.js').Engine} engine
   * @param {import('./model-plan.js').ModelPlan} plan
   * @param {{ size: number, sha256: string | null }} expected `size` is 0 when the source tells it.
   * @param {ModelCache | null} cache
   * @param {AbortSignal} signal
   */
  constructor(engine, plan, expected, cache, signal) {
    this.#engine = engine;
    this.#plan = plan;
    this.#expected = expected;
    this.#cache = cache;
    this.#signal = signal;
  }

  /** @param {ConstructorParameters<typeof ModelReceiver>} parameters */
  static async open(...parameters) {
    const receiver = new ModelReceiver(...parameters);
    receiver.#engine.exports.swiftlet_hash_reset();
    const [, plan, , cache] = parameters;
    receiver.#handle = await cache?.open(plan.file).catch(() => undefined);
    return receiver;
  }

  get isFull() {
    return this.#size > 0 && this.received === this.#size;
  }

  /**
   * Reads what the cache has.
   *
   * @returns {Promise<boolean>} Whether that was the whole file.
   */
  async resume() {
    const present = this.#handle?.getSize() ?? 0;
    if (!present) return false;
    if (!this.#expected.size || present > this.#expected.size) {
      this.#handle.truncate(0);
      return false;
    }
    this.resumed = true;
    this.#reserve(this.#expected.size);
    while (this.received < present) {
      const length = Math.min(readSize, present - this.received);
      const target = this.#engine.bytes(this.#pointer + this.received, length);
      if (this.#handle.read(target, { at: this.received }) !== length) break;
      this.#took(length);
      await this.#engine.turn();
      this.#signal.throwIfAborted();
    }
    return this.isFull;
  }

  /**
   * Learns the whole file's size from a source.
   *
   * @param {number} total
   * @param {{ label: string, url: string }} source
   */
  async expect(total, source) {
    const size = this.#expected.size || total;
    if (!size) {
      throw new DownloadError({
        code: 'download-failed',
        message: `${source.label} does not say how large the model is`,
      });
    }
    // A length of 0 is one that the browser did not see, as with compressed answers.
    if (total && total !== size) {
      throw new DownloadError({
        code: 'download-failed',
        message: `${source.label} has a file of ${total} bytes where ${size} were expected`,
      });
    }
    this.#source = source.url;
    if (!this.#pointer) await this.#begin(size);
  }

  /**
   * Reads a file that the user picked.
   *
   * @param {File} file
   */
  async readFile(file) {
    this.#source = file.name;
    if (!this.#pointer) await this.#begin(file.size);
    while (this.received < this.#size) {
      const chunk = new Uint8Array(await file.slice(this.received, this.received + readSize).arrayBuffer());
      this.#signal.throwIfAborted();
      this.accept(chunk);
    }
  }

  /** @param {Uint8Array} chunk The bytes that follow those before. */
  accept(chunk) {
    if (chunk.length > this.#size - this.received) {
      throw new DownloadError({ code: 'download-failed', message: 'the source sent more bytes than the model has' });
    }
    this.#engine.bytes(this.#pointer + this.received, chunk.length).set(chunk);
    this.#keep(chunk);
    this.#took(chunk.length);
  }

  /**
   * Compares the whole file's hash with the expected one. When it is right the file is marked as complete, otherwise it
   * is dropped from the cache.
   */
  async verify() {
    const { exports } = this.#engine;
    const pointer = exports.swiftlet_allocate(32);
    exports.swiftlet_hash_finish(pointer);
    const digest = Array.from(this.#engine.bytes(pointer, 32), (byte) => byte.toString(16).padStart(2, '0')).join('');
    exports.swiftlet_free(pointer);
    const isRight = this.isFull && (this.#expected.sha256 ?? digest) === digest;
    if (!isRight) {
      this.#handle?.truncate(0);
    } else if (this.#handle) {
      this.#handle.flush();
      await this.#saveInfo(digest, true);
    }
    return isRight;
  }

  /** Begins again with an empty file; what an earlier download had noted about it no longer counts. */
  async restart() {
    this.received = 0;
    this.resumed = false;
    this.#expected = { size: this.#size, sha256: this.#plan.sha256 };
    this.#nextInspection = megabyte;
    this.#engine.exports.swiftlet_hash_reset();
    this.#handle?.truncate(0);
    if (this.#size) await this.#saveInfo(this.#expected.sha256, false);
  }

  /** Lets go of the cache's file. What is in it stays, for a resume. */
  close() {
    try {
      this.#handle?.flush();
    } finally {
      this.#handle?.close();
      this.#handle = undefined;
    }
  }

  /** @param {number} size */
  async #begin(size) {
    this.#reserve(size);
    if (!this.#handle) return;
    const { quota = Infinity, usage = 0 } = await navigator.storage
      .estimate()
      .catch(() => /** @type {StorageEstimate} */ ({}));
    if (quota - usage < size) this.#stopKeeping();
    else await this.#saveInfo(this.#expected.sha256, false);
  }

  /** @param {number} size */
  #reserve(size) {
    this.#size = size;
    this.#pointer = this.#engine.exports.swiftlet_model_buffer(size) >>> 0;
    if (!this.#pointer) {
      const gigabytes = (size / 1e9).toFixed(2);
      throw new MemoryError({
        code: 'not-enough-memory',
        message: `This model takes ${gigabytes} GB, more than this browser tab can hold. Choose a smaller one.`,
        need: size,
      });
    }
  }

  /** @param {Uint8Array} chunk */
  #keep(chunk) {
    if (!this.#handle) return;
    try {
      const written = this.#handle.write(chunk, { at: this.received });
      if (written !== chunk.length) return this.#stopKeeping();
      this.#unflushed += written;
      if (this.#unflushed >= flushSize) {
        this.#handle.flush();
        this.#unflushed = 0;
      }
    } catch {
      this.#stopKeeping();
    }
  }

  /** The disk has no room: the model is used all the same, but will have to be fetched again. */
  #stopKeeping() {
    this.#handle.truncate(0);
    this.#handle.close();
    this.#handle = undefined;
    self.postMessage({
      type: 'notice',
      code: 'not-kept',
      message: 'There is no room to keep this model on the device. It will be downloaded again next time.',
    });
  }

  /**
   * Bytes that are in linear memory now.
   *
   * @param {number} length
   */
  #took(length) {
    const { exports } = this.#engine;
    exports.swiftlet_hash_update(this.#pointer + this.received, length);
    this.received += length;
    const now = performance.now();
    if (now - this.#lastProgress >= progressInterval || this.isFull) {
      this.#lastProgress = now;
      this.#engine.call(() => exports.swiftlet_model_progress(this.received, this.#size));
    }
    this.#inspect();
  }

  /**
   * Asks as early as possible whether the engine can run this file, before the rest of it is fetched.
   *
   * Bytes that come from the cache may be damaged: only their hash tells, and what is refused here is not fetched again.
   */
  #inspect() {
    if (this.resumed || !this.#nextInspection || (this.received < this.#nextInspection && !this.isFull)) return;
    const length = this.received;
    const answer = this.#engine.call(() =>
      this.#engine.exports.swiftlet_model_inspect(this.#pointer, length, this.#size, 0),
    );
    if (answer === 2) {
      this.#handle?.truncate(0);
      throw new RefusedError();
    }
    this.#nextInspection = answer === 1 ? length * 2 : 0;
  }

  /** @param {string | null} sha256 @param {boolean} complete */
  async #saveInfo(sha256, complete) {
    const { model, file } = this.#plan;
    await this.#cache?.saveInfo({
      model,
      file,
      size: this.#size,
      sha256,
      source: this.#source,
      complete,
      savedAt: Date.now(),
    });
  }
}
