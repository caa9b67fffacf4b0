/**
 * A helper thread: enters the module once and computes for the engine until it is terminated with it. The page hands it a
 * port, on which the engine's worker tells it what to enter.
 */

self.onmessage = ({ data: port }) => {
  // What is thrown here later than at once would be heard by nobody.
  port.onmessage = (/** @type {MessageEvent} */ { data }) => enter(data, port).catch(reportError);
  port.onmessageerror = () => reportError(new Error('The engine cannot be shared with it.'));
};

/** @param {{ module: WebAssembly.Module, memory: WebAssembly.Memory, index: number, stack: number }} place @param {MessagePort} port */
async function enter({ module, memory, index, stack }, port) {
  const calls = WebAssembly.Module.imports(module)
    .filter(({ kind }) => kind === 'function')
    .map(({ name }) => {
      const call = () => {
        throw new Error(`A helper thread called ${name}.`);
      };
      return [name, call];
    });
  const env = { ...Object.fromEntries(calls), now: () => performance.now(), date: () => Date.now(), memory };
  const { exports } = /** @type {any} */ (await WebAssembly.instantiate(module, { env }));
  // The one number of the module's that is as wide as its addresses.
  exports.__stack_pointer.value = typeof exports.__stack_pointer.value === 'bigint' ? BigInt(stack) : stack;
  port.postMessage('started');
  exports.swiftlet_thread_main(index);
}
