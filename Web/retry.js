/** When to try again after something passing went wrong, and how long to wait before: as the native downloads do. */

import { DownloadError } from './errors.js';

/** Attempts in a row that bring not a single new byte. */
export const mostAttempts = 5;
/** The first wait, in milliseconds; each further one is twice as long. */
const firstDelay = 500;
const longestDelay = 15_000;
/** Where the server says how long. */
const longestAsked = 60_000;
/** A server that says nothing for so long is taken for gone, in milliseconds. */
export const longestSilence = 30_000;

/** The server answered that it may answer otherwise in a while. */
export class BusyError extends DownloadError {
  /** @param {string} message @param {Headers} headers */
  constructor(message, headers) {
    super({ code: 'download-failed', message });
    // For whoever catches it there is nothing special about it.
    this.name = 'DownloadError';
    const seconds = headers.get('retry-after') ?? '';
    /** How long it asks to wait, in milliseconds. */
    this.asks = /^\d+(\.\d+)?$/.test(seconds) ? Number(seconds) * 1000 : null;
  }
}

/**
 * Statuses of overload and of passing failure.
 *
 * @param {number} status
 */
export function isPassing(status) {
  return [408, 425, 429].includes(status) || (status >= 500 && status < 600 && status !== 501 && status !== 505);
}

/**
 * @param {number} failures In a row.
 * @param {number | null} [asks] What the server asks for, in milliseconds.
 * @returns {number} Milliseconds.
 */
export function delayAfter(failures, asks = null) {
  // Spread, so that many pages do not come back in step.
  const doubled = firstDelay * 2 ** (failures - 1) * (0.75 + Math.random() / 2);
  return Math.min(Math.max(asks ?? 0, doubled), asks === null ? longestDelay : longestAsked);
}

/** A server says nothing any more: as much as a broken connection. */
export class SilentError extends TypeError {}

/**
 * @template T
 * @param {Promise<T>} answer What a server is to send.
 * @returns {Promise<T>} Rejects with a `SilentError` after too long a silence.
 */
export function inTime(answer) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new SilentError('The server has fallen silent.')), longestSilence);
  });
  return Promise.race([answer, silence]).finally(() => clearTimeout(timer));
}

/** @param {number} milliseconds @param {AbortSignal} signal @returns {Promise<void>} */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const cancel = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', cancel);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', cancel, { once: true });
  });
}

/**
 * Does `work`, again when the server is busy.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {AbortSignal} signal
 * @param {(error: BusyError, milliseconds: number) => void} onWait
 * @returns {Promise<T>}
 */
export async function retrying(work, signal, onWait) {
  for (let failures = 1; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BusyError) || failures === mostAttempts) throw error;
      const delay = delayAfter(failures, error.asks);
      onWait(error, delay);
      await pause(delay, signal);
    }
  }
}
