import { MemoryError, UnsupportedBrowserError } from '../errors.js';
import { narrowSpace, webAssembly, wideSpace } from '../placement.js';
import { wasmFile } from '../wasm-files.js';
import { isElsewhere } from '../worker-start.js';

/** Helper threads beyond this cost more than they bring. */
const mostThreads = 8;
const pageSize = 65536;

/**
 * A compiled module and the memory it imports, if it does.
 *
 * @typedef {object} Choice
 * @property {WebAssembly.Module} module
 * @property {WebAssembly.Memory} [memory]
 * @property {number} granted Bytes that the memory can have.
 * @property {number} threads
 * @property {32 | 64} addressing Bits of an address.
 */

/**
 * Compiles the module that suits this browser.
 *
 * Several threads need a cross-origin isolated page (for shared memory) and relaxed SIMD, which that module uses. The one
 * with 64-bit addresses is its twin, and taken only when `addressing` asks for it.
 *
 * @param {{ wasmURL?: string, threads?: number, addressing?: 32 | 64 }} options
 * @returns {Promise<Choice>}
 */
export async function chooseModule({ wasmURL, threads, addressing = 32 }) {
  if (!webAssembly.simd()) {
    throw new UnsupportedBrowserError({
      code: 'unsupported-platform',
      message:
        'This browser cannot run the language model: it has no WebAssembly with SIMD. ' +
        'Chrome and Edge from version 91, Firefox from 89 and Safari from 16.4 have it.',
    });
  }
  const wanted = Math.max(1, Math.min(threads || navigator.hardwareConcurrency || 1, mostThreads));
  if (addressing === 64) {
    const grant = firstGranted([wideSpace / pageSize, 196608, 131072, 98304], wideMemory);
    if (!grant) {
      throw new MemoryError({
        code: 'not-enough-memory',
        message: 'This browser did not give the 6 GB of address space or more that a model of this size takes.',
      });
    }
    return { module: await compile(wasmFile('-64', wasmURL)), ...grant, threads: wanted, addressing };
  }
  if (self.crossOriginIsolated && webAssembly.relaxedSIMD()) {
    const grant = firstGranted(
      [narrowSpace / pageSize, 49152, 32768, 16384],
      (maximum) => new WebAssembly.Memory({ initial: 256, maximum, shared: true }),
    );
    if (grant) return { module: await compile(wasmFile('-threads', wasmURL)), ...grant, threads: wanted, addressing };
  }
  // This one has a memory of its own, which says nothing of what the browser gives before it is asked for it.
  return { module: await compile(wasmFile('', wasmURL)), granted: narrowSpace, threads: 1, addressing };
}

/**
 * As much address space as the device grants.
 *
 * @param {number[]} pages The largest first.
 * @param {(maximum: number) => WebAssembly.Memory} make
 */
function firstGranted(pages, make) {
  for (const maximum of pages) {
    try {
      return { memory: make(maximum), granted: maximum * pageSize };
    } catch {
      // Too much for this device.
    }
  }
  return undefined;
}

/** @param {number} maximum Pages. */
function wideMemory(maximum) {
  return new WebAssembly.Memory(
    /** @type {any} */ ({ initial: 256n, maximum: BigInt(maximum), shared: true, address: 'i64' }),
  );
}

/** @param {string} url @returns {Promise<WebAssembly.Module>} */
async function compile(url) {
  const response = await fetch(url).catch((error) => {
    const hint = isElsewhere(url) ? ' Its server must send the header Access-Control-Allow-Origin.' : '';
    throw new Error(`The engine could not be fetched from ${url} (${error.message}).${hint}`);
  });
  if (!response.ok) throw new Error(`The engine could not be fetched: ${url} answered ${response.status}.`);
  const isWasm = response.headers.get('content-type')?.startsWith('application/wasm');
  return isWasm ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
