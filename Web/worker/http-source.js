import { DownloadError } from '../errors.js';

/** The source does not have the file: the next one may. */
export class NotHereError extends DownloadError {}

/**
 * A file behind a URL, read from any byte on.
 *
 * One plain request with a `Range`: the browser slows the sender down when the engine does not keep up, so memory stays
 * flat without requests of pieces.
 */
export class HttpSource {
  /** @param {string} url @param {string} label How people call the place. */
  constructor(url, label) {
    this.url = url;
    this.label = label;
  }

  /**
   * Begins to read at `offset`.
   *
   * @param {number} offset
   * @param {AbortSignal} signal
   * @param {() => ArrayBuffer} takeBuffer Where to put bytes, when the browser can read into a given buffer.
   * @returns {Promise<{ total: number, chunks: AsyncIterable<Uint8Array<ArrayBuffer>> }>} `total` is the size of the whole
   *   file. Whoever takes a chunk owns its buffer.
   * @throws {NotHereError} When the answer cannot be this file.
   */
  async open(offset, signal, takeBuffer) {
    const headers = offset > 0 ? { Range: `bytes=${offset}-` } : undefined;
    const response = await fetch(this.url, { headers, signal, cache: 'no-store', referrerPolicy: 'no-referrer' });
    const type = response.headers.get('content-type') ?? '';
    if (!response.ok || !response.body || type.startsWith('text/html')) {
      await response.body?.cancel();
      throw new NotHereError({
        code: 'download-failed',
        message: `${this.label} answered ${describe(response, type)}`,
      });
    }
    if (response.status === 206) {
      const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
      // The header is hidden from pages of other origins unless the server exposes it; the length tells the rest.
      const start = range ? Number(range[1]) : offset;
      const total = range ? Number(range[2]) : offset + Number(response.headers.get('content-length'));
      if (start !== offset) {
        throw new NotHereError({
          code: 'download-failed',
          message: `${this.label} sent another part than it was asked for`,
        });
      }
      return { total, chunks: chunksOf(response.body, 0, takeBuffer) };
    }
    return {
      total: Number(response.headers.get('content-length')),
      chunks: chunksOf(response.body, offset, takeBuffer),
    };
  }
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
      const { done, value } = await reader.read(takeBuffer, wanted);
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
