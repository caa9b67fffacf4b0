/**
 * A helper thread: enters the module once and computes for the engine until it is terminated with it.
 */

self.onmessage = async ({ data: { module, memory, index, stack } }) => {
  const unexpected = (/** @type {string} */ name) => () => {
    throw new Error(`A helper thread called ${name}.`);
  };
  const env = {
    memory,
    emit: unexpected('emit'),
    now: () => performance.now(),
    date: () => Date.now(),
    random: unexpected('random'),
    fatal: unexpected('fatal'),
  };
  const { exports } = /** @type {any} */ (await WebAssembly.instantiate(module, { env }));
  exports.__stack_pointer.value = stack;
  self.postMessage('started');
  exports.swiftlet_thread_main(index);
};
