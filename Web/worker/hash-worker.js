/**
 * Hashes a model's bytes beside the engine: SHA-256 and, for later loads, a checksum (BrowserModule.md).
 *
 * The page hands it a port, on which who wants the hash first sends `{wasmURL, sha256, memory}`: whether the SHA-256 is wanted,
 * and the engine's memory if it is shared. Then, in order, `{address, length}` of bytes in that memory, answered with
 * `{done: length}`, or `{bytes}`, whose answer has their `buffer` beside. `{finish: true}` is answered with `{sha256, checksum}`,
 * both in hex, `sha256` null when it was not wanted.
 */

let fill = 0;
let wantsSHA256 = false;

/** @param {{ wasmURL: string, sha256: boolean }} options */
async function start({ wasmURL, sha256 }) {
  const response = await fetch(wasmURL);
  if (!response.ok) throw new Error(`${wasmURL} answered ${response.status}.`);
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), {});
  wantsSHA256 = sha256;
  /** @type {any} */ (instance.exports).hash_reset(sha256 ? 1 : 0);
  return instance.exports;
}

/** @param {any} exports @param {Uint8Array} bytes */
function update(exports, bytes) {
  const capacity = exports.hash_capacity();
  const buffer = new Uint8Array(exports.memory.buffer, exports.hash_buffer(), capacity);
  for (let offset = 0; offset < bytes.length; ) {
    const piece = bytes.subarray(offset, offset + capacity - fill);
    buffer.set(piece, fill);
    fill += piece.length;
    offset += piece.length;
    if (fill < capacity) continue;
    exports.hash_full();
    fill = 0;
  }
}

/** @param {any} exports */
function finish(exports) {
  const checksum = BigInt.asUintN(64, exports.hash_finish(fill)).toString(16).padStart(16, '0');
  const digest = new Uint8Array(exports.memory.buffer, exports.hash_sha256(), 32);
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { sha256: wantsSHA256 ? sha256 : null, checksum };
}

self.onmessage = ({ data: port }) => {
  /** @type {WebAssembly.Memory} */
  let memory;
  /** @type {Promise<any>} */
  let ready;
  // Messages are taken one after the other, also while the module is being fetched.
  let queue = Promise.resolve();
  port.onmessage = (/** @type {MessageEvent} */ { data }) => {
    queue = queue.then(async () => {
      const { address, length, bytes } = data;
      if (data.wasmURL) {
        memory = data.memory;
        ready = start(data);
        await ready;
      } else if (data.finish) port.postMessage(finish(await ready));
      else {
        update(await ready, bytes ?? new Uint8Array(memory.buffer, address, length));
        if (bytes) port.postMessage({ done: bytes.length, buffer: bytes.buffer }, [bytes.buffer]);
        else port.postMessage({ done: length });
      }
    });
    queue.catch((error) => port.postMessage({ failed: String(error?.message ?? error) }));
  };
  port.onmessageerror = () => port.postMessage({ failed: 'The memory cannot be shared with it.' });
};
