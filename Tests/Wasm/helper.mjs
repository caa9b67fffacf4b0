// A helper thread of the module, as `Web/worker/helper.js` is in the browser.

import { parentPort, workerData } from 'node:worker_threads';

const { module, memory, index, stack } = workerData;
const forbidden = () => { throw new Error('a helper called its host'); };
const env = {
  memory, emit: forbidden, now: forbidden, date: forbidden, random: forbidden, fatal: forbidden,
  prefix_read: forbidden, prefix_write: forbidden, prefix_truncate: forbidden,
};
const { exports } = await WebAssembly.instantiate(module, { env });
exports.__stack_pointer.value = typeof exports.__stack_pointer.value === 'bigint' ? BigInt(stack) : stack;
parentPort.postMessage('started');
exports.swiftlet_thread_main(index);
