import { withLock } from '../locks.js';
import { ModelCache } from './model-cache.js';

/** How often the other tab's progress is looked at, in milliseconds. */
const watchInterval = 250;

/**
 * Runs `use` while no other tab reads or writes the model file of this name.
 *
 * @template T
 * @param {string} file
 * @param {AbortSignal} signal Gives up waiting.
 * @param {{ whileWaiting: () => void, use: () => Promise<T> }} actions
 * @returns {Promise<T>}
 */
export async function withFileLock(file, signal, { whileWaiting, use }) {
  const name = ModelCache.lockName(file);
  const atOnce = await withLock(name, { ifAvailable: true }, async (lock) => lock !== null && { value: await use() });
  if (atOnce) return atOnce.value;
  const watch = setInterval(whileWaiting, watchInterval);
  try {
    return await navigator.locks.request(name, { signal }, () => {
      clearInterval(watch);
      return use();
    });
  } finally {
    clearInterval(watch);
  }
}
