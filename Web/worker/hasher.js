import { EngineError } from '../errors.js';

/** Bytes of one buffer. */
export const bufferSize = 1024 * 1024;
/** At most so many bytes wait to be hashed: who brings them is then made to wait, so that memory stays flat. */
const mostWaiting = 16 * bufferSize;

/**
 * Hashes bytes in a worker of its own. It reads them in linear memory where that is shared; otherwise their buffers are
 * handed over rather than copied, and come back to be filled again.
 */
export class Hasher {
  #worker;
  #memory;
  #waiting = 0;
  /** @type {ArrayBuffer[]} */
  #spare = [];
  /** @type {Error | undefined} */
  #failure;
  /** @type {{ sha256: string | null, checksum: string } | undefined} */
  #result;
  /** Called when something came back. */
  #wake = () => {};

  /**
   * @param {import('./page-worker.js').PageWorker | import('../engine-worker.js').HashWorker} worker That hashes.
   * @param {string} wasmURL
   * @param {{ sha256: boolean, memory?: WebAssembly.Memory, signal?: AbortSignal }} options Whether the SHA-256 is wanted
   *   beside the checksum; the linear memory if it is shared; and what ends every wait.
   */
  constructor(worker, wasmURL, { sha256, memory, signal }) {
    signal?.addEventListener('abort', () => this.#fail(signal.reason));
    this.#memory = memory;
    this.#worker = worker;
    this.#worker.postMessage({ wasmURL, sha256, memory });
    this.#worker.onmessage = (data) => {
      if (data.failed) return this.#fail(hashError(data.failed));
      if ('done' in data) {
        this.#waiting -= data.done;
        if (data.buffer) this.#spareBuffer(data.buffer);
      } else this.#result = data;
      this.#wake();
    };
    this.#worker.onerror = (message) => this.#fail(hashError(message));
  }

  /** A buffer that is free. */
  takeBuffer() {
    return this.#spare.pop() ?? new ArrayBuffer(bufferSize);
  }

  /**
   * Hashes the bytes that follow those before.
   *
   * @param {Uint8Array<ArrayBuffer>} bytes Handed over: they must not be used any more.
   * @param {number} [address] Where they lie in linear memory, if that is shared.
   * @returns {Promise<void> | undefined} Until there is room for more; nothing when there is.
   */
  update(bytes, address) {
    const { buffer, length } = bytes;
    this.#waiting += length;
    if (this.#memory) {
      this.#worker.postMessage({ address, length });
      this.#spareBuffer(buffer);
    } else this.#worker.postMessage({ bytes }, [buffer]);
    if (this.#failure || this.#waiting > mostWaiting)
      return this.#until(() => this.#waiting <= mostWaiting / 2 || undefined).then(() => {});
    return undefined;
  }

  /** @returns {Promise<{ sha256: string | null, checksum: string }>} In hex. */
  finish() {
    this.#worker.postMessage({ finish: true });
    return this.#until(() => this.#result);
  }

  /** Ends the worker, whatever it is doing. */
  close() {
    this.#worker.terminate();
  }

  /** @param {ArrayBuffer} buffer One more than can be in use is not kept. */
  #spareBuffer(buffer) {
    if (buffer.byteLength === bufferSize && this.#spare.length < mostWaiting / bufferSize) this.#spare.push(buffer);
  }

  /** @param {Error} error */
  #fail(error) {
    this.#failure ??= error;
    this.#wake();
  }

  /** @template T @param {() => T | undefined} value @returns {Promise<T>} */
  async #until(value) {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const found = value();
      if (found !== undefined) return found;
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
  }
}

/** @param {string} detail */
function hashError(detail) {
  return new EngineError({ code: 'internal', message: `The model's bytes could not be checked (${detail}).` });
}
