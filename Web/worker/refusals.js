/** The engine looked at the file's header and refused it; it has told the page why. */
export class RefusedError extends Error {}

/** Another module must hold the model. */
export class MovedError extends RefusedError {
  /** @param {32 | 64} addressing That module's. */
  constructor(addressing) {
    super();
    this.addressing = addressing;
  }
}
