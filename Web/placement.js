/**
 * Where a model can run: what it needs against what this browser and this device give. The page's selector and the worker
 * both ask here, so that the one offers what the other can load, and both give the same reason where it cannot.
 *
 * @typedef {object} Surroundings
 * @property {boolean} memory64 Whether the browser runs the 64-bit module.
 * @property {boolean} isolated Whether the page may share memory among workers, as that module does.
 * @property {boolean} [secure] Whether it came over HTTPS or from this machine, without which it never may.
 * @property {number} [deviceMemory] GiB, as browsers tell it that do.
 * @property {boolean} [card] Whether there is a graphics card, which has the weights in its own memory.
 * @property {RunningModule} [module] Known in the worker.
 *
 * @typedef {object} RunningModule
 * @property {32 | 64} addressing Bits of its addresses.
 * @property {number} granted Bytes of linear memory that it can have: less than its addresses reach where the browser refused that.
 * @property {boolean} isFixed Whether no other may take its place.
 *
 * @typedef {'no-memory64' | 'not-isolated' | 'too-large' | 'not-granted' | 'device-memory'} Reason
 *
 * @typedef {object} Problem
 * @property {'not-enough-memory'} code As in every error of the engine.
 * @property {Reason} reason What keeps the model from being loaded.
 * @property {string} message A sentence for people that begins with “It needs”.
 * @property {number} need Bytes.
 * @property {number} limit Bytes.
 */

/** What linear memory holds besides the model: the code's data, stacks, messages. */
const overhead = 32 * 2 ** 20;
/** With 32-bit addresses; the last page stays unused. */
export const narrowSpace = 65535 * 65536;
/** With 32 bits a count of bytes, and so a file in one piece, is smaller than this. */
const narrowFile = 2 ** 31;
/** Browsers give a 64-bit memory no more. */
export const wideSpace = 2 ** 34;
/** The part of a device's memory that a tab can hope for. */
const usableShare = 0.75;

// The smallest modules that use one thing each: `i8x16.splat`, `i8x16.relaxed_swizzle`, and a memory with 64-bit addresses.
const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const simdProbe = vectorProbe([0xfd, 0x0f], [0x41, 0x00]);
const relaxedProbe = vectorProbe([0xfd, 0x80, 0x02], [0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f]);
const memory64Probe = new Uint8Array([...header, 0x05, 0x03, 0x01, 0x04, 0x01]);

/**
 * A module whose one function leaves a vector made by `instruction`.
 *
 * @param {number[]} instruction
 * @param {number[]} operands
 */
function vectorProbe(instruction, operands) {
  const body = [0x00, ...operands, ...instruction, 0x0b];
  const type = [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01, 0x00];
  return new Uint8Array([...header, ...type, 0x0a, body.length + 2, 0x01, body.length, ...body]);
}

/** @param {Uint8Array<ArrayBuffer>} module */
const runs = (module) => typeof WebAssembly === 'object' && WebAssembly.validate(module);

/** Words in the names of graphics cards that are programs. */
const softwareNames = /swiftshader|llvmpipe|lavapipe|basic render|warp/i;
let hasCard = false;
/** Milliseconds that one may take to open. */
const longestWait = 10_000;

/** @param {any} info What an adapter of WebGPU tells of itself. @returns {boolean} Whether it is a program. */
export function isSoftware(info) {
  const { vendor = '', architecture = '', description = '', isFallbackAdapter = false } = info ?? {};
  return isFallbackAdapter || softwareNames.test(`${vendor} ${architecture} ${description}`);
}

/** Looks for a graphics card, of which `surroundings` tells from then on. @param {boolean} isWanted Otherwise there is none. */
export async function findCard(isWanted = true) {
  const adapter = isWanted && (await soon(/** @type {any} */ (navigator).gpu?.requestAdapter()).catch(() => null));
  hasCard = Boolean(adapter) && !isSoftware(adapter.info);
}

/**
 * What a browser says of its graphics card, which some never do.
 *
 * @param {Promise<any> | undefined} answer
 * @returns {Promise<any>}
 */
export function soon(answer) {
  return Promise.race([
    answer,
    new Promise((_, reject) => setTimeout(() => reject(new Error('it does not answer')), longestWait)),
  ]);
}

/** What this browser's WebAssembly can do. */
export const webAssembly = {
  simd: () => runs(simdProbe),
  relaxedSIMD: () => runs(relaxedProbe),
  memory64: () => runs(memory64Probe),
};

/** @returns {Surroundings} Of this page or worker. */
export function surroundings() {
  return {
    memory64: webAssembly.memory64() && webAssembly.relaxedSIMD(),
    isolated: globalThis.crossOriginIsolated === true,
    secure: globalThis.isSecureContext,
    deviceMemory: /** @type {any} */ (globalThis.navigator)?.deviceMemory,
    card: hasCard,
  };
}

/**
 * Which module holds a model.
 *
 * The 64-bit one checks every access to memory, which costs speed, so it is only for what 32 bits cannot hold.
 *
 * @param {{ need: number, fileSize: number }} model Bytes, all in all and of its file.
 * @param {Surroundings} [here]
 * @returns {{ addressing: 32 | 64, problem: Problem | null }}
 */
export function placeModel({ need, fileSize }, here = surroundings()) {
  const total = need + overhead;
  const { module } = here;
  if (here.card && !module) return { addressing: 32, problem: null };
  const wanted = total > narrowSpace || fileSize >= narrowFile ? 64 : 32;
  const addressing = module?.isFixed ? module.addressing : wanted;
  const problem = (/** @type {Reason} */ reason, /** @type {number} */ limit, /** @type {string} */ why) => {
    const message = `It needs ${gigabytes(need)} of memory${why}`;
    return {
      addressing,
      problem: /** @type {Problem} */ ({ code: 'not-enough-memory', reason, message, need, limit }),
    };
  };
  if (total > wideSpace) {
    return problem('too-large', wideSpace, `; a browser tab has at most ${gigabytes(wideSpace)}.`);
  }
  if (addressing === 64 && !here.memory64) {
    return problem(
      'no-memory64',
      narrowSpace,
      `, more than this browser can address: it lacks 64-bit WebAssembly (Memory64). Chrome and Edge from version 133 and ` +
        'Firefox from 134 have it.',
    );
  }
  if (addressing === 64 && !here.isolated) {
    return problem(
      'not-isolated',
      narrowSpace,
      here.secure === false
        ? ', which browsers do not give to a page over plain HTTP from another machine. Over HTTPS or on localhost they do.'
        : ', which takes a page that is cross-origin isolated. Whoever runs this site can send the headers for that.',
    );
  }
  if (module?.addressing === addressing && total > module.granted) {
    const limit = module.granted - overhead;
    return problem(
      'not-granted',
      limit,
      `; this browser gave this tab only ${gigabytes(limit)}. It may give more once other tabs are closed and the page is ` +
        'loaded again.',
    );
  }
  // Browsers round the figure down to a power of two.
  const available = (here.deviceMemory ?? Infinity) * 2 ** 30 * usableShare;
  if (need > available) {
    return problem('device-memory', available, `; this device has about ${gigabytes(available)} to give.`);
  }
  return { addressing, problem: null };
}

/** @param {number} bytes */
function gigabytes(bytes) {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(bytes < 9.995e9 ? 2 : 1)} GB`;
}
