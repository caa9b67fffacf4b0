import { PageWorker } from './page-worker.js';

/**
 * Starts the helper threads: one Web Worker each, with an instance of the same module over the same memory.
 *
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Memory} memory
 * @param {any} exports The engine's own instance.
 * @param {number} threads The engine's thread included.
 */
export async function startHelpers(module, memory, exports, threads) {
  const started = [];
  for (let index = 1; index < threads; index += 1) {
    const helper = new PageWorker('thread');
    started.push(
      new Promise((resolve, reject) => {
        helper.onmessage = resolve;
        helper.onerror = (message) => reject(new Error(`A helper thread could not start: ${message}`));
      }),
    );
    helper.postMessage({ module, memory, index, stack: exports.swiftlet_thread_stack() });
  }
  await Promise.all(started);
}
