import { EngineError } from '../errors.js';
import { bufferSize } from './hasher.js';

/** Bytes after which the graphics card is waited for: browsers keep what it has not taken yet. */
const mostUnsettled = 64 * 1024 * 1024;

/** The way of a model's bytes through linear memory to the graphics card, one piece at a time. */
export class ModelPassage {
  #engine;
  #pointer = 0;
  /** Bytes that there is room for. */
  #room = 0;
  #unsettled = 0;

  /** @param {import('./engine.js').Engine} engine */
  constructor(engine) {
    this.#engine = engine;
  }

  /**
   * Hands on the next bytes of the file.
   *
   * @param {Uint8Array} chunk
   * @param {number} size Of the whole file.
   * @param {boolean} isFresh Whether they come from where the model is published.
   * @returns {number} What the engine says of them.
   */
  pass(chunk, size, isFresh) {
    const { exports } = this.#engine;
    if (chunk.length > this.#room) {
      this.close();
      this.#room = Math.max(chunk.length, bufferSize);
      this.#pointer = exports.swiftlet_allocate(this.#room);
      if (!this.#pointer)
        throw new EngineError({ code: 'out-of-memory', message: 'The engine has no memory left for a piece of the model.' });
    }
    this.#engine.bytes(this.#pointer, chunk.length).set(chunk);
    this.#unsettled += chunk.length;
    return this.#engine.call(() => exports.swiftlet_model_pass(this.#pointer, chunk.length, size, isFresh ? 1 : 0));
  }

  /** @returns {Promise<unknown> | undefined} Until the card has taken what it was given; nothing while that is little. */
  settled() {
    if (this.#unsettled < mostUnsettled) return undefined;
    this.#unsettled = 0;
    return this.#engine.settled();
  }

  /** Gives the piece's memory back. */
  close() {
    if (this.#room) this.#engine.exports.swiftlet_free(this.#pointer);
    this.#room = 0;
  }
}
