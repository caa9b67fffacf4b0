import { DownloadError, ModelError } from './errors.js';
import { BusyError, isPassing } from './retry.js';

/** A silent server is given up after this many milliseconds. */
const patience = 20_000;
/** The hub's longest answers are a tenth of this. */
const mostJSON = 16 * 1024 * 1024;

/**
 * @param {string} url
 * @param {AbortSignal} [signal]
 * @param {string} [repository] The one that is asked about.
 * @returns {Promise<any>}
 */
export async function fetchJSON(url, signal, repository) {
  const { bytes } = await request(url, { most: mostJSON, signal, repository });
  try {
    const answer = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof answer === 'object' && answer) return answer;
  } catch {
    // Said below.
  }
  throw failed(`${new URL(url).host} answered with something else than its list of models.`);
}

/**
 * The first bytes of a file; the rest is not fetched.
 *
 * @param {string} url
 * @param {number} most
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ bytes: Uint8Array, size: number | null }>} `size` is the whole file's, where the server tells.
 */
export async function beginningOf(url, most, signal) {
  const { response, bytes } = await request(url, { most, signal, headers: { Range: `bytes=0-${most - 1}` } });
  const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
  const size = Number(response.status === 206 ? total : response.headers.get('content-length'));
  return { bytes, size: size || (bytes.length < most ? bytes.length : null) };
}

/**
 * @param {string} url
 * @param {{ most: number, signal?: AbortSignal, headers?: Record<string, string>, repository?: string }} options
 */
async function request(url, { most, signal, headers, repository }) {
  signal?.throwIfAborted();
  const abort = new AbortController();
  const cancel = () => abort.abort();
  const timer = setTimeout(cancel, patience);
  signal?.addEventListener('abort', cancel);
  try {
    const response = await fetch(url, {
      headers,
      signal: abort.signal,
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
    });
    if (!response.ok || !response.body) throw refusal(response, new URL(url), repository);
    return { response, bytes: await read(response.body, most) };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof DownloadError || error instanceof ModelError) throw error;
    throw unreachable(new URL(url), error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  }
}

/** @param {ReadableStream<Uint8Array>} body @param {number} most */
async function read(body, most) {
  const reader = body.getReader();
  const chunks = [];
  let length = 0;
  try {
    while (length < most) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value.subarray(0, most - length));
      length += value.length;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
  return new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (chunks)).arrayBuffer());
}

/** @param {Response} response @param {URL} url @param {string} [repository] */
function refusal({ status, headers }, { host, pathname }, repository) {
  if (isPassing(status)) return new BusyError(`${host} answered ${status}. Please try again in a while.`, headers);
  if (![401, 403, 404, 410].includes(status)) return failed(`${host} answered ${status}.`);
  const message = repository
    ? `${host} has no public repository ${repository}. Check the spelling; for a private one, download the file there and ` +
      'choose it here.'
    : `${host} does not give out ${pathname} (${status}).`;
  return new ModelError({ code: 'model-not-found', message });
}

/** @param {URL} url @param {unknown} cause */
function unreachable({ host, origin }, cause) {
  const isOffline = globalThis.navigator?.onLine === false;
  const isOther = globalThis.location && origin !== location.origin;
  const message = isOffline
    ? 'You are offline. Models on this device work; connect to find others.'
    : `${host} cannot be reached.${isOther ? ' It may be down, or may not be read by this page: then download the file and choose it here.' : ''}`;
  return new DownloadError({ code: 'offline', message }, { cause });
}

/** @param {string} message */
const failed = (message) => new DownloadError({ code: 'download-failed', message: message.trim() });
