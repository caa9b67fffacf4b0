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
   * @returns {Promise<{ total: number, chunks: AsyncIterable<Uint8Array> }>} `total` is the size of the whole file.
   * @throws {NotHereError} When the answer cannot be this file.
   */
  async open(offset, signal) {
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
      return { total, chunks: chunksOf(response.body, 0) };
    }
    return { total: Number(response.headers.get('content-length')), chunks: chunksOf(response.body, offset) };
  }
}

/** @param {Response} response @param {string} type */
function describe(response, type) {
  return response.ok ? `with ${type} instead of a model` : `${response.status} ${response.statusText}`.trim();
}

/**
 * The body's chunks without the first `skip` bytes, for servers that know no ranges.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {number} skip
 */
async function* chunksOf(body, skip) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (skip >= value.length) skip -= value.length;
      else {
        yield skip ? value.subarray(skip) : value;
        skip = 0;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
