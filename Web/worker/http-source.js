import { DownloadError } from '../errors.js';
import { BusyError, inTime, isPassing, SilentError } from '../retry.js';
import { isElsewhere } from '../worker-start.js';

/** The source does not have the file: the next one may. */
export class NotHereError extends DownloadError {}

/** The source has another version of the file than the one that began to come. */
export class ChangedError extends DownloadError {
  /** @param {string} label How people call the source. */
  constructor(label) {
    super({ code: 'download-failed', message: `${label} has another version of the file now` });
  }
}

/**
 * A file's bytes from some place on.
 *
 * @typedef {object} Answer
 * @property {number} start Where the first byte belongs: where they were asked for, or 0.
 * @property {number} total The size of the whole file; 0 when the answer does not say.
 * @property {string | null} validator What tells this version of the file from others, if the source does.
 * @property {AsyncIterable<Uint8Array<ArrayBuffer>>} chunks Whoever takes a chunk owns its buffer.
 * @property {() => void} close For who does not want the chunks.
 */

/**
 * A file behind a URL, read from any byte on.
 *
 * One plain request with a `Range`: the browser slows the sender down when the engine does not keep up, so memory stays
 * flat without requests of pieces.
 */
export class HttpSource {
  /** Whether this page may ask for a version: for a redirection to another origin it may not. */
  #asksForVersion = true;

  /** @param {string} url @param {string} label How people call the place. */
  constructor(url, label) {
    this.url = url;
    this.label = label;
  }

  /**
   * Begins to read at `offset`.
   *
   * @param {number} offset
   * @param {string | null} version The validator of the bytes before; null when any version may go on with them, because the
   *   whole file's hash is known.
   * @param {AbortSignal} signal
   * @param {() => ArrayBuffer} takeBuffer Where to put bytes, when the browser can read into a given buffer.
   * @returns {Promise<Answer>}
   * @throws {BusyError} When the source may have it in a while.
   * @throws {NotHereError} When the answer cannot be this file.
   * @throws {ChangedError} When it is no longer the version of the bytes before, and does not come from its beginning.
   */
  async open(offset, version, signal, takeBuffer) {
    const response = await this.#ask(offset, version, signal);
    const { status, headers, body } = response;
    const type = headers.get('content-type') ?? '';
    const close = () => void body?.cancel().catch(() => {});
    const refuse = async (/** @type {Error} */ error) => {
      await body?.cancel();
      throw error;
    };
    const notHere = (/** @type {string} */ what) =>
      new NotHereError({ code: 'download-failed', message: `${this.label} ${what}` });
    // The part that is missing is none of the file's any more.
    if (offset > 0 && (status === 412 || status === 416)) return refuse(new ChangedError(this.label));
    if (isPassing(status)) return refuse(new BusyError(`${this.label} answered ${describe(response, type)}`, headers));
    if (!response.ok || !body || type.startsWith('text/html'))
      return refuse(notHere(`answered ${describe(response, type)}`));
    const validator = validatorOf(headers);
    const length = Number(headers.get('content-length'));
    // A server that names no version in a part has been asked for one.
    const isSame = version === null || hasVersion(headers, version, status === 206 && this.#maySend(version));
    if (status !== 206) {
      // Without ranges, what is here already comes again.
      const start = isSame ? offset : 0;
      return { start, total: length, validator, chunks: chunksOf(body, start, takeBuffer), close };
    }
    if (!isSame) return refuse(new ChangedError(this.label));
    // The header is hidden from pages of other origins unless the server exposes it; the length tells the rest.
    const shown = headers.get('content-range');
    const [, first, size] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(shown ?? '') ?? [];
    if (shown !== null && Number(first) !== offset) return refuse(notHere('sent another part than it was asked for'));
    const total = Number(size) || offset + length;
    return { start: offset, total, validator, chunks: chunksOf(body, 0, takeBuffer), close };
  }

  /** @param {number} offset @param {string | null} version @param {AbortSignal} signal */
  async #ask(offset, version, signal) {
    /** @type {Record<string, string>} */
    const headers = offset > 0 ? { Range: `bytes=${offset}-` } : {};
    const isConditional = offset > 0 && version !== null && this.#maySend(version);
    if (isConditional) headers['If-Range'] = version;
    signal.throwIfAborted();
    // Also what is still asked when nobody waits for it any more.
    const abort = new AbortController();
    signal.addEventListener('abort', () => abort.abort(signal.reason), { once: true });
    try {
      return await inTime(
        fetch(this.url, { headers, signal: abort.signal, cache: 'no-store', referrerPolicy: 'no-referrer' }),
      );
    } catch (error) {
      abort.abort(error);
      if (isConditional && !signal.aborted && !(error instanceof SilentError)) this.#asksForVersion = false;
      throw error;
    }
  }

  /**
   * Whether `If-Range` can be sent: another origin must have agreed to that header before (CORS), which few do. There, as
   * everywhere, the answer is held to the version.
   *
   * @param {string | null} version
   */
  #maySend(version) {
    return version !== null && this.#asksForVersion && !isElsewhere(this.url);
  }
}

/** @param {string} url @returns {string} Without the key or signature, of which an address may have another each time. */
export const placeOf = (url) => url.split('?')[0];

/** @param {Headers} headers @returns {string | null} The strong ETag, or else the date of the last change. */
function validatorOf(headers) {
  const tag = headers.get('etag');
  return tag?.startsWith('"') ? tag : headers.get('last-modified');
}

/**
 * @param {Headers} headers
 * @param {string} version
 * @param {boolean} isAssumed What holds when they do not say.
 */
function hasVersion(headers, version, isAssumed) {
  const found = headers.get(version.startsWith('"') ? 'etag' : 'last-modified');
  return found === null ? isAssumed : found === version;
}

/** @param {Response} response @param {string} type */
function describe(response, type) {
  return response.ok ? `with ${type} instead of a model` : `${response.status} ${response.statusText}`.trim();
}

/** A chunk is handed on after about this many milliseconds, so that a slow line shows progress and loses little. */
const chunkTime = 40;

/**
 * The body's chunks without the first `skip` bytes, for servers that know no ranges.
 *
 * Reading into buffers of our own is cheaper and leaves no garbage: the browser's chunks pile up by hundreds of megabytes
 * on a fast line before they are collected.
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {number} skip
 * @param {() => ArrayBuffer} takeBuffer
 * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>>}
 */
async function* chunksOf(body, skip, takeBuffer) {
  const reader = readerOf(body);
  let wanted = 16 * 1024;
  try {
    for (;;) {
      const start = performance.now();
      const { done, value } = await inTime(reader.read(takeBuffer, wanted));
      if (value?.length) {
        if (performance.now() - start < chunkTime) wanted = Math.min(wanted * 2, value.buffer.byteLength);
        else wanted = Math.max(1, wanted / 2);
        if (skip < value.length) yield skip ? value.subarray(skip) : value;
        skip = Math.max(0, skip - value.length);
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} body */
function readerOf(body) {
  try {
    const reader = body.getReader({ mode: 'byob' });
    return {
      /** @param {() => ArrayBuffer} takeBuffer @param {number} wanted @returns {Promise<any>} */
      read: (takeBuffer, wanted) => {
        const buffer = takeBuffer();
        const options = { min: Math.min(wanted, buffer.byteLength) };
        return /** @type {any} */ (reader).read(new Uint8Array(buffer), options);
      },
      cancel: () => reader.cancel(),
    };
  } catch {
    // Safari before version 26.
    const reader = body.getReader();
    return { /** @returns {Promise<any>} */ read: () => reader.read(), cancel: () => reader.cancel() };
  }
}
