import { UnsupportedBrowserError } from '../errors.js';

/** Helper threads beyond this cost more than they bring. */
const mostThreads = 8;

// The smallest modules that use one instruction each: `i8x16.splat` and `i8x16.relaxed_swizzle`.
const simdProbe = probe([0xfd, 0x0f], [0x41, 0x00]);
const relaxedProbe = probe([0xfd, 0x80, 0x02], [0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f]);

/**
 * A module whose one function leaves a vector made by `instruction`.
 *
 * @param {number[]} instruction
 * @param {number[]} operands
 */
function probe(instruction, operands) {
  const body = [0x00, ...operands, ...instruction, 0x0b];
  return new Uint8Array([
    0x00,
    0x61,
    0x73,
    0x6d,
    0x01,
    0x00,
    0x00,
    0x00,
    0x01,
    0x05,
    0x01,
    0x60,
    0x00,
    0x01,
    0x7b,
    0x03,
    0x02,
    0x01,
    0x00,
    0x0a,
    body.length + 2,
    0x01,
    body.length,
    ...body,
  ]);
}

/**
 * Compiles the module that suits this browser.
 *
 * Several threads need a cross-origin isolated page (for shared memory) and relaxed SIMD, which that module uses.
 *
 * @param {{ wasmURL: string, threads?: number }} options
 * @returns {Promise<{ module: WebAssembly.Module, memory?: WebAssembly.Memory, threads: number }>}
 */
export async function chooseModule({ wasmURL, threads }) {
  if (typeof WebAssembly !== 'object' || !WebAssembly.validate(simdProbe)) {
    throw new UnsupportedBrowserError({
      code: 'unsupported-platform',
      message:
        'This browser cannot run the language model: it has no WebAssembly with SIMD. ' +
        'Chrome and Edge from version 91, Firefox from 89 and Safari from 16.4 have it.',
    });
  }
  const wanted = Math.max(1, Math.min(threads || navigator.hardwareConcurrency || 1, mostThreads));
  if (self.crossOriginIsolated && WebAssembly.validate(relaxedProbe)) {
    const memory = sharedMemory();
    if (memory) return { module: await compile(wasmURL.replace(/\.wasm$/, '-threads.wasm')), memory, threads: wanted };
  }
  return { module: await compile(wasmURL), threads: 1 };
}

/** As much address space as the device grants. */
function sharedMemory() {
  for (const maximum of [65535, 49152, 32768, 16384]) {
    try {
      return new WebAssembly.Memory({ initial: 256, maximum, shared: true });
    } catch {
      // Too much for this device.
    }
  }
  return undefined;
}

/** @param {string} url @returns {Promise<WebAssembly.Module>} */
async function compile(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The engine could not be fetched: ${url} answered ${response.status}.`);
  const isWasm = response.headers.get('content-type')?.startsWith('application/wasm');
  return isWasm ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
