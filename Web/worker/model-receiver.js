import { DownloadError, MemoryError, ModelError } from '../errors.js';
import { bufferSize, Hasher } from './hasher.js';
import { ChangedError, placeOf } from './http-source.js';
import { ModelCache } from './model-cache.js';
import { ModelInspection, verdicts } from './model-inspection.js';
import { ModelPassage } from './model-passage.js';
import { PageWorker } from './page-worker.js';
import { MovedError, RefusedError } from './refusals.js';

const progressInterval = 80;

/**
 * Takes one model file's bytes, in order, into linear memory, the hash and the cache, and never holds a second copy. Where a
 * graphics card computes, the engine hands them on as they come, and linear memory holds one piece at a time.
 *
 * The hash is computed beside the transfer. A file that was complete before is held to its checksum, which costs next to
 * nothing, instead of its SHA-256.
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
  /** Where the bytes go to a graphics card. @type {ModelPassage | undefined} */
  #passage;
  #source = '';
  /** Of the source's version that the bytes are of. @type {string | null} */
  #validator = null;
  /** @type {Hasher | undefined} */
  #hasher;
  #hashURL;
  #inspection;
  #lastProgress = 0;

  /**
   * @param {import('./engine.js').Engine} engine
   * @param {import('./model-plan.js').PartPlan} plan
   * @param {{ size: number, sha256: string | null, checksum: string | null, source?: string, validator?: string | null }}
   *   expected `size` is 0 when the source tells it; `checksum` is that of a complete file in the cache, `source` and
   *   `validator` say what there is of an unfinished one.
   * @param {ModelCache | null} cache
   * @param {AbortSignal} signal
   * @param {string} hashURL Of the module that hashes.
   */
  constructor(engine, plan, expected, cache, signal, hashURL) {
    this.#engine = engine;
    this.#plan = plan;
    this.#expected = expected;
    this.#cache = cache;
    this.#signal = signal;
    this.#hashURL = hashURL;
    this.#inspection = new ModelInspection(engine, plan.part);
  }

  /** @param {ConstructorParameters<typeof ModelReceiver>} parameters */
  static async open(...parameters) {
    const receiver = new ModelReceiver(...parameters);
    const [, plan, , cache] = parameters;
    if (receiver.#engine.exports.swiftlet_model_streams()) receiver.#passage = new ModelPassage(receiver.#engine);
    if (!plan.staysOutside) receiver.#handle = await cache?.open(plan.file).catch(() => undefined);
    return receiver;
  }

  get isFull() {
    return this.#size > 0 && this.received === this.#size;
  }

  /** Bytes of all parts together. */
  get #total() {
    const { before, after } = this.#plan.part;
    return before + this.#size + after;
  }

  /**
   * Refuses a model of the catalog that no module holds before it is asked for. What the catalog says moves it to none: the
   * header is more exact.
   *
   * @throws {MemoryError}
   */
  estimate() {
    const { part } = this.#plan;
    if (this.#passage || part.index) return;
    const size = this.#expected.size + (this.#expected.size && part.after);
    const need = size && this.#engine.exports.swiftlet_model_need(0, 0, size);
    if (size) this.#engine.placeElsewhere(Math.max(need, size), size, false);
  }

  /**
   * Reads what the cache has.
   *
   * @returns {Promise<boolean>} Whether that was the whole file.
   */
  async resume() {
    const present = this.#handle?.getSize() ?? 0;
    if (!present || !this.#expected.size || present > this.#expected.size) {
      this.#forget();
      return false;
    }
    if (present !== this.#expected.size) this.#expected.checksum = null;
    this.resumed = true;
    this.#source = this.#expected.source ?? '';
    this.#validator = this.#expected.validator ?? null;
    this.#reserve(this.#expected.size);
    while (this.received < present) {
      const chunk = new Uint8Array(this.takeBuffer(), 0, Math.min(bufferSize, present - this.received));
      if (this.#handle.read(chunk, { at: this.received }) !== chunk.length) break;
      await this.#take(chunk);
      // So that a cancel is heard.
      await this.#engine.turn();
      this.#signal.throwIfAborted();
    }
    if (!this.isFull) await this.#tellKept();
    return this.isFull;
  }

  /** Says all that is here already: progress is told now and then only, and the source may keep people waiting. */
  async #tellKept() {
    await new Promise((resolve) => setTimeout(resolve, 110));
    this.#signal.throwIfAborted();
    this.#report();
  }

  /**
   * Where a source goes on, and with which version of the file. Without a hash only bytes of one version may come together.
   *
   * @param {{ url: string }} source
   */
  continuation({ url }) {
    if (this.#expected.sha256) return { offset: this.received, version: null };
    const version = placeOf(url) === placeOf(this.#source) ? this.#validator : null;
    return { offset: version === null ? 0 : this.received, version };
  }

  /**
   * Learns from a source's answer what comes. One from the file's beginning takes the place of all that is here.
   *
   * @param {import('./http-source.js').Answer} answer
   * @param {{ label: string, url: string }} source
   */
  async expect({ start, total, validator }, source) {
    const isAnew = start < this.received;
    const size = (isAnew ? this.#plan.size : this.#expected.size) || total;
    if (!size) {
      throw new DownloadError({
        code: 'download-failed',
        message: `${source.label} does not say how large the model is`,
      });
    }
    // A length of 0 is one that the browser did not see, as with compressed answers.
    if (total && total !== size) {
      if (start > 0 && !this.#expected.sha256) throw new ChangedError(source.label);
      throw new DownloadError({
        code: 'download-failed',
        message: `${source.label} has a file of ${total} bytes where ${size} were expected`,
      });
    }
    if (isAnew) await this.restart();
    if (!this.received) this.#validator = validator;
    // Of bytes from several places only the hash tells whether they belong together.
    else if (placeOf(source.url) !== placeOf(this.#source)) this.#validator = null;
    this.#source = source.url;
    if (!this.received) await this.#begin(size);
  }

  /**
   * Reads a file that the user picked.
   *
   * @param {File} file
   */
  async readFile(file) {
    this.#source = file.name;
    if (!file.size) throw new ModelError({ code: 'invalid-model', message: 'The file is empty.' });
    if (!this.received) await this.#begin(file.size);
    while (this.received < this.#size) {
      const chunk = new Uint8Array(await file.slice(this.received, this.received + bufferSize).arrayBuffer());
      this.#signal.throwIfAborted();
      await this.accept(chunk);
    }
  }

  /** A buffer for the bytes that come next. */
  takeBuffer = () => this.#hashing().takeBuffer();

  /**
   * @param {Uint8Array<ArrayBuffer>} chunk The bytes that follow those before. Handed over, with its buffer.
   * @returns {Promise<void> | undefined} Until more can be taken.
   */
  accept(chunk) {
    if (chunk.length > this.#size - this.received) {
      throw new DownloadError({ code: 'download-failed', message: 'the source sent more bytes than the model has' });
    }
    this.#keep(chunk);
    return this.#take(chunk);
  }

  /**
   * Compares the whole file's hash with the expected one. When it is right the file is marked as complete, otherwise it
   * is dropped from the cache.
   */
  async verify() {
    const { sha256, checksum } = await this.#hashing().finish();
    this.#endHash();
    this.#signal.throwIfAborted();
    const { sha256: expectedHash, checksum: expectedSum } = this.#expected;
    const isRight = this.isFull && (expectedSum ? checksum === expectedSum : (expectedHash ?? sha256) === sha256);
    if (!isRight) this.#handle?.truncate(0);
    // Not flushed, which takes seconds: what a failure of the power takes away, the checksum misses.
    else if ((this.#handle || this.#plan.staysOutside) && !expectedSum) await this.#saveInfo(sha256, checksum);
    return isRight;
  }

  /** Begins again with an empty file; what an earlier download had noted about it no longer counts. */
  async restart() {
    if (this.#passage) this.#engine.exports.swiftlet_model_discard();
    this.received = 0;
    this.resumed = false;
    this.#inspection.restart();
    this.#endHash();
    this.#forget();
    if (this.#size) await this.#saveInfo(this.#expected.sha256, null);
  }

  /** Empties the cache's file: what is known of the bytes that were there says nothing about others. */
  #forget() {
    this.#handle?.truncate(0);
    this.#validator = null;
    this.#expected = { size: this.#plan.size, sha256: this.#plan.sha256, checksum: null };
  }

  /** Lets go of the cache's file. What is in it stays, for a resume. */
  close() {
    this.#endHash();
    this.#handle?.close();
    this.#handle = undefined;
    this.#passage?.close();
  }

  /** @param {number} size */
  async #begin(size) {
    if (!this.#pointer || size !== this.#size) this.#reserve(size);
    if (!this.#handle) return;
    const { quota = Infinity, usage = 0 } = await navigator.storage
      .estimate()
      .catch(() => /** @type {StorageEstimate} */ ({}));
    // A part without the others is of no use.
    if (quota - usage < size + this.#plan.part.after) this.#stopKeeping();
    else await this.#saveInfo(this.#expected.sha256, null);
  }

  /** @param {number} size */
  #reserve(size) {
    this.#size = size;
    if (this.#passage) return;
    this.#inspection.place(this.#total, this.#total, false);
    this.#pointer = this.#engine.exports.swiftlet_model_buffer(this.#plan.part.index, size);
    if (!this.#pointer) {
      const gigabytes = (this.#total / 1e9).toFixed(2);
      throw new MemoryError({
        code: 'not-enough-memory',
        message: `This model takes ${gigabytes} GB, more than this browser tab can hold. Choose a smaller one.`,
        need: this.#total,
      });
    }
  }

  /** @param {Uint8Array} chunk */
  #keep(chunk) {
    if (!this.#handle) return;
    try {
      const written = this.#handle.write(chunk, { at: this.received });
      if (written !== chunk.length) this.#stopKeeping();
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

  #hashing() {
    this.#hasher ??= new Hasher(new PageWorker('hash'), this.#hashURL, {
      sha256: !this.#expected.checksum,
      memory: this.#passage ? undefined : this.#engine.sharedMemory,
      signal: this.#signal,
    });
    return this.#hasher;
  }

  #endHash() {
    this.#hasher?.close();
    this.#hasher = undefined;
  }

  /**
   * Puts bytes into linear memory and hands them to the hash.
   *
   * @param {Uint8Array<ArrayBuffer>} chunk
   */
  #take(chunk) {
    if (this.#passage) return this.#pass(chunk, this.#passage);
    const address = this.#pointer + this.received;
    this.#engine.bytes(address, chunk.length).set(chunk);
    this.received += chunk.length;
    const room = this.#hashing().update(chunk, address);
    this.#report();
    this.#inspect();
    return room;
  }

  /**
   * Hands bytes to the engine, which hands them on, and to the hash.
   *
   * @param {Uint8Array<ArrayBuffer>} chunk
   * @param {ModelPassage} passage
   */
  #pass(chunk, passage) {
    this.received += chunk.length;
    const verdict = passage.pass(chunk, this.#total, !this.resumed);
    if (verdict === verdicts.refused && !this.resumed) this.#handle?.truncate(0);
    if (verdict) throw new RefusedError();
    const [room, settled] = [this.#hashing().update(chunk), passage.settled()];
    this.#report();
    return settled ? Promise.all([room, settled]).then(() => {}) : room;
  }

  #report() {
    const { exports } = this.#engine;
    const now = performance.now();
    if (now - this.#lastProgress >= progressInterval || this.isFull) {
      this.#lastProgress = now;
      this.#engine.call(() => exports.swiftlet_model_progress(this.#plan.part.before + this.received, this.#total));
    }
  }

  #inspect() {
    try {
      const about = { total: this.#total, isFull: this.isFull, isKept: this.resumed };
      this.#inspection.look(this.#pointer, this.received, about);
    } catch (error) {
      if (error instanceof RefusedError && !(error instanceof MovedError)) this.#handle?.truncate(0);
      throw error;
    }
  }

  /** @param {string | null} sha256 @param {string | null} checksum Of the complete file, whose hash was right. */
  async #saveInfo(sha256, checksum) {
    const { model, file, part } = this.#plan;
    await this.#cache?.saveInfo({
      model,
      file,
      ...(part.count > 1 && { part: part.index, count: part.count }),
      size: this.#size,
      sha256,
      source: this.#source,
      validator: this.#validator,
      checksum,
      complete: checksum !== null,
      savedAt: Date.now(),
    });
  }
}
