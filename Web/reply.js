import { DeviceError } from './errors.js';

/**
 * A reply that is being generated: an async iterable of its text, in pieces as large as have come since the last one.
 *
 * Leaving the loop early cancels the reply.
 */
export class Reply {
  /**
   * Resolves when the reply has ended; rejects when it failed.
   *
   * @type {Promise<import('./inference-manager.js').FinishedReply>}
   */
  finished;
  isCancelled = false;
  /** Tokens of the prompt, and how many of them did not have to be computed again. */
  promptTokens = /** @type {number[]} */ ([]);
  cachedCount = 0;
  /**
   * The generated tokens so far.
   *
   * @type {import('./wire.js').GeneratedToken[]}
   */
  tokens = [];
  /** The text so far. */
  text = '';
  /**
   * The seed in use.
   *
   * @type {bigint | undefined}
   */
  seed;
  /**
   * Called while the prompt goes through the model.
   *
   * @type {((done: number, total: number) => void) | undefined}
   */
  onPromptProgress;
  /** Replies that come before this one, and how many of them are other tabs', in an engine that tabs share. */
  place = { ahead: 0, elsewhere: 0 };
  /** Called when `place` has changed. @type {(() => void) | undefined} */
  onWaiting;
  /** Called with every event of the engine. @type {((event: any) => void) | undefined} */
  onEvent;
  #cancel;
  #delivered = 0;
  #ended = false;
  /** @type {Error | undefined} */
  #error;
  /** @type {(() => void) | undefined} */
  #wake;
  /** @type {(value: any) => void} */
  #resolve = () => {};
  /** @type {(error: Error) => void} */
  #reject = () => {};

  /** @param {() => void} cancel Tells the engine to end it. */
  constructor(cancel) {
    this.#cancel = cancel;
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who only iterates hears of the error there.
    this.finished.catch(() => {});
  }

  /** Ends the reply after the token that is being computed; it finishes with the reason `aborted`. */
  cancel() {
    if (this.isCancelled || this.#ended) return;
    this.isCancelled = true;
    this.#cancel();
  }

  /** Ends it with an error where it has begun, since another engine would begin it again. @returns {boolean} */
  breakOff() {
    if (!this.tokens.length) return false;
    this.fail(new DeviceError({ code: 'device-lost', message: 'The reply broke off with the graphics card.' }));
    return true;
  }

  /**
   * An event of the engine about this reply.
   *
   * @param {any} event
   */
  receive(event) {
    switch (event.type) {
      case 'started':
        this.promptTokens = event.promptTokens;
        this.cachedCount = event.cachedCount;
        this.seed = event.seed;
        break;
      case 'waiting':
        this.place = { ahead: event.ahead, elsewhere: event.elsewhere };
        this.onWaiting?.();
        break;
      case 'resumed':
        this.tokens.length = event.kept;
        break;
      case 'prompt':
        this.onPromptProgress?.(event.done, event.total);
        break;
      case 'text':
        this.text += event.text;
        for (const token of event.tokens) this.tokens.push(token);
        break;
      case 'finished':
        this.#ended = true;
        this.cachedCount = event.timings?.cachedCount ?? this.cachedCount;
        this.#resolve({ reason: event.reason, timings: event.timings, text: this.text, tokens: this.tokens });
        break;
    }
    this.onEvent?.(event);
    this.#wake?.();
  }

  /** @param {Error} error */
  fail(error) {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#reject(error);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator]() {
    try {
      for (;;) {
        if (this.#delivered < this.text.length) {
          const piece = this.text.slice(this.#delivered);
          this.#delivered = this.text.length;
          yield piece;
        } else if (this.#error) {
          throw this.#error;
        } else if (this.#ended) {
          return;
        } else {
          await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
        }
      }
    } finally {
      this.cancel();
    }
  }
}
