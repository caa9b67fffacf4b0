/**
 * Runs `work` while this tab has a Web Lock. Without one where there are none, as on a page without a secure context, or
 * where they are refused, as in a sandboxed frame.
 *
 * @template T
 * @param {string} name
 * @param {LockOptions} options
 * @param {(lock: Lock | null | undefined) => T | Promise<T>} work Gets null for a lock that others have, and nothing
 *   without locks.
 * @returns {Promise<T>}
 */
export async function withLock(name, options, work) {
  if (!navigator.locks) return work(undefined);
  let isBegun = false;
  try {
    return await navigator.locks.request(name, options, (lock) => {
      isBegun = true;
      return work(lock);
    });
  } catch (error) {
    if (isBegun || /** @type {Error} */ (error).name !== 'SecurityError') throw error;
    return work(undefined);
  }
}
