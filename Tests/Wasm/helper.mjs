// A helper thread of the module, as `Web/worker/helper.js` is in the browser.

import { parentPort, workerData } from 'node:worker_threads';

const { module, memory, index, stack } = workerData;
const forbidden = () => { throw new Error('a helper called its host'); };
const calls = WebAssembly.Module.imports(module).filter(({ kind }) => kind === 'function');
const env = { ...Object.fromEntries(calls.map(({ name }) => [name, forbidden])), memory };
const { exports } = await WebAssembly.instantiate(module, { env });
exports.__stack_pointer.value = typeof exports.__stack_pointer.value === 'bigint' ? BigInt(stack) : stack;
parentPort.postMessage('started');
exports.swiftlet_thread_main(index);
