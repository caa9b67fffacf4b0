/** Where the WebAssembly modules lie: beside this file. To the letter, so that bundlers find them and take them along. */

/** For one thread, for several, and with 64-bit addresses; and the one that hashes. */
const beside = {
  '': new URL('./swiftlet.wasm', import.meta.url),
  '-threads': new URL('./swiftlet-threads.wasm', import.meta.url),
  '-64': new URL('./swiftlet-64.wasm', import.meta.url),
  hash: new URL('./hash.wasm', import.meta.url),
};

/**
 * @param {keyof typeof beside} which
 * @param {string} [wasmURL] Of `swiftlet.wasm` where a caller has put them elsewhere, next to each other.
 * @returns {string}
 */
export function wasmFile(which, wasmURL) {
  if (!wasmURL) return beside[which].href;
  return which === 'hash' ? new URL('hash.wasm', wasmURL).href : wasmURL.replace(/\.wasm$/, `${which}.wasm`);
}
