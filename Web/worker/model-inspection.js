import { MovedError, RefusedError } from './refusals.js';

const megabyte = 1024 * 1024;

/** What the engine says of bytes that it was shown. */
export const verdicts = { more: 1, refused: 2 };

/** Asks as early as possible whether the engine can run a file, before the rest of it is fetched. */
export class ModelInspection {
  #engine;
  #part;
  /** Bytes after which to look; 0 when all was seen. */
  #next = megabyte;

  /** @param {import('./engine.js').Engine} engine @param {import('./model-plan.js').PartPlan['part']} part */
  constructor(engine, part) {
    this.#engine = engine;
    this.#part = part;
  }

  /** The file begins anew. */
  restart() {
    this.#next = megabyte;
  }

  /**
   * @param {number} pointer Where the file's first bytes are.
   * @param {number} length How many there are.
   * @param {{ total: number, isFull: boolean, isKept: boolean }} about `total` are the bytes of all parts. What was kept may be
   *   damaged: only its hash tells, and what is refused here is not fetched again.
   * @throws {RefusedError}
   */
  look(pointer, length, { total, isFull, isKept }) {
    if (!this.#next || (length < this.#next && !isFull)) return;
    this.#next = length * 2;
    const { exports } = this.#engine;
    const { index, count } = this.#part;
    if (!isKept) {
      const answer = this.#engine.call(() => exports.swiftlet_model_inspect(pointer, length, index, count, total, 0));
      if (answer === verdicts.refused) throw new RefusedError();
      if (answer === verdicts.more) return;
    }
    // A model needs more than its file, which is all that is known before the header is whole.
    const need = index ? Infinity : exports.swiftlet_model_need(pointer, length, total);
    if (need <= total) return;
    this.#next = 0;
    if (!index) this.place(need, total, true);
  }

  /** @param {number} need Bytes of memory. @param {number} total @param {boolean} isExact @throws {MovedError} */
  place(need, total, isExact) {
    const elsewhere = this.#engine.placeElsewhere(need, total, isExact);
    if (elsewhere) throw new MovedError(elsewhere);
  }
}
