/**
 * The graphics card: what is open once for all that compute on it, and the kernels that were compiled.
 *
 * @typedef {object} Limits What one buffer and one binding can have, in bytes, and at which multiples a binding begins.
 * @property {number} buffer
 * @property {number} binding
 * @property {number} alignment
 * @property {number} together Threads that compute in step.
 * @property {number} subgroup Threads of the smallest subgroup, whose numbers kernels share; 0: they cannot.
 * @property {boolean} halves Whether kernels have numbers of sixteen bits.
 * @property {boolean} bytes Whether they multiply four numbers of eight bits at a time.
 *
 * Of WebGPU, for which not every compiler has types:
 *
 * @typedef {any} GPUDevice
 * @typedef {any} GPUBuffer
 * @typedef {any} GPUBindGroup
 * @typedef {any} GPUComputePipeline
 * @typedef {any} GPUComputePassEncoder
 */

import { isSoftware, soon } from '../../placement.js';

const { GPUShaderStage } = /** @type {any} */ (globalThis);

/** What goes wrong with a card, by the number that the engine knows it by. */
export const failures = { lost: 0, memory: 1, kernel: 2 };
/** What kernels are put together from. @type {Record<string, URL>} */
const files = {
  attend: new URL('./attend.wgsl', import.meta.url),
  attendRows: new URL('./attend-rows.wgsl', import.meta.url),
  bytes: new URL('./bytes.wgsl', import.meta.url),
  combine: new URL('./combine.wgsl', import.meta.url),
  convolve: new URL('./convolve.wgsl', import.meta.url),
  choose: new URL('./choose.wgsl', import.meta.url),
  curves: new URL('./curves.wgsl', import.meta.url),
  embed: new URL('./embed.wgsl', import.meta.url),
  experts: new URL('./experts.wgsl', import.meta.url),
  formats: new URL('./formats.wgsl', import.meta.url),
  gate: new URL('./gate.wgsl', import.meta.url),
  gather: new URL('./gather.wgsl', import.meta.url),
  grids: new URL('./grids.wgsl', import.meta.url),
  halves: new URL('./halves.wgsl', import.meta.url),
  heads: new URL('./heads.wgsl', import.meta.url),
  normalize: new URL('./normalize.wgsl', import.meta.url),
  product: new URL('./product.wgsl', import.meta.url),
  round: new URL('./round.wgsl', import.meta.url),
  rows: new URL('./rows.wgsl', import.meta.url),
  subgroups: new URL('./subgroups.wgsl', import.meta.url),
  threads: new URL('./threads.wgsl', import.meta.url),
  tile: new URL('./tile.wgsl', import.meta.url),
  tileRounded: new URL('./tile-rounded.wgsl', import.meta.url),
  top: new URL('./top.wgsl', import.meta.url),
  turn: new URL('./turn.wgsl', import.meta.url),
  weigh: new URL('./weigh.wgsl', import.meta.url),
};
/** Kernels with one of these do what others do too. */
const replaceable = ['bytes', 'halves'];
/** Each is fetched once. @type {Map<string, Promise<string>>} */
const sources = new Map();

/** @param {string} name @returns {Promise<string>} */
function source(name) {
  const loading = sources.get(name) ?? fetchText(files[name]);
  sources.set(name, loading);
  loading.catch(() => sources.delete(name));
  return loading;
}

/** @param {URL} url */
async function fetchText(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
  return response.text();
}

/** All kernels have the same bindings: weights, vectors, what the pass is over, work, cache, and their parameters. */
const bindingKinds = ['read-only-storage', 'read-only-storage', 'read-only-storage', 'storage', 'storage', 'uniform'];

/** One open device. What goes wrong with it is told once, by `onFailure`; nothing can be done with it afterwards. */
export class GraphicsDevice {
  /** @type {(message: string, kind: keyof typeof failures) => void} */
  onFailure = () => {};
  /** What people call the card, as far as the browser says. */
  name;
  /** Whether it is a program that plays its part. */
  isSoftware;
  isLost = false;
  #device;
  #together;
  #subgroup;
  #halves;
  #bytes;
  #layout;
  #pipelineLayout;
  /** By their text. @type {Map<string, Promise<GPUComputePipeline | undefined>>} */
  #pipelines = new Map();

  /**
   * @param {GPUDevice} device
   * @param {any} info What the adapter tells of itself.
   * @param {Pick<Limits, 'subgroup' | 'halves' | 'bytes'>} features
   */
  constructor(device, info, { subgroup, halves, bytes }) {
    const { vendor = '', architecture = '', description = '', subgroupMaxSize = 32 } = info ?? {};
    this.#device = device;
    this.#together = subgroupMaxSize;
    this.#subgroup = subgroup;
    this.#halves = halves;
    this.#bytes = bytes;
    this.name = description || [vendor, architecture].filter(Boolean).join(' ') || 'the graphics card';
    this.isSoftware = isSoftware(info);
    this.#layout = device.createBindGroupLayout({
      entries: bindingKinds.map((type, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type },
      })),
    });
    this.#pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [this.#layout] });
    device.lost.then((/** @type {any} */ { message }) => this.#fail(message || 'it was lost', 'lost'));
    device.onuncapturederror = (/** @type {any} */ { error }) =>
      this.#fail(error.message, error.constructor.name === 'GPUOutOfMemoryError' ? 'memory' : 'lost');
  }

  /**
   * @param {Record<string, number>} [lowered] Limits to ask for in place of the adapter's own, for tests; and of how few
   *   threads the `subgroups` may be that kernels use; 0 for `halves` or `bytes` does without them.
   * @returns {Promise<GraphicsDevice | null>} Null where there is none.
   */
  static async open(lowered = {}) {
    const { gpu } = /** @type {any} */ (navigator);
    const adapter = await soon(gpu?.requestAdapter({ powerPreference: 'high-performance' }));
    if (!adapter) return null;
    const names = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeWorkgroupStorageSize'];
    const requiredLimits = Object.fromEntries(names.map((name) => [name, lowered[name] ?? adapter.limits[name]]));
    const { subgroupMinSize = 0 } = adapter.info ?? {};
    // Smaller ones cost more than they save.
    const hasSubgroups = adapter.features.has('subgroups') && subgroupMinSize >= (lowered.subgroups ?? 8);
    const halves = adapter.features.has('shader-f16') && lowered.halves !== 0;
    const bytes = Boolean(gpu.wgslLanguageFeatures?.has('packed_4x8_integer_dot_product')) && lowered.bytes !== 0;
    const requiredFeatures = [...(hasSubgroups ? ['subgroups'] : []), ...(halves ? ['shader-f16'] : [])];
    const device = await soon(adapter.requestDevice({ requiredLimits, requiredFeatures }));
    return new GraphicsDevice(device, adapter.info, { subgroup: hasSubgroups ? subgroupMinSize : 0, halves, bytes });
  }

  get device() {
    return this.#device;
  }

  /** Of the bindings of every kernel. */
  get layout() {
    return this.#layout;
  }

  /** @returns {Limits} */
  get limits() {
    const { maxBufferSize, maxStorageBufferBindingSize, minStorageBufferOffsetAlignment } = this.#device.limits;
    return {
      buffer: maxBufferSize,
      binding: maxStorageBufferBindingSize,
      alignment: Math.max(minStorageBufferOffsetAlignment, this.#device.limits.minUniformBufferOffsetAlignment),
      together: this.#together,
      subgroup: this.#subgroup,
      halves: this.#halves,
      bytes: this.#bytes,
    };
  }

  /**
   * Compiles a kernel, each only once.
   *
   * @param {string[]} parts Names of the files that it consists of.
   * @param {string} constants WGSL that goes with them.
   * @returns {Promise<GPUComputePipeline | undefined>} Nothing where that fails, which `onFailure` hears of unless others can take
   *   its place.
   */
  pipeline(parts, constants) {
    const key = [...parts, constants].join('\n');
    const known = this.#pipelines.get(key) ?? this.#compile(parts, constants);
    this.#pipelines.set(key, known);
    return known;
  }

  /** @param {string[]} parts @param {string} constants */
  async #compile(parts, constants) {
    try {
      const texts = await Promise.all(parts.map(source));
      this.#device.pushErrorScope('validation');
      const module = this.#device.createShaderModule({ code: [constants, ...texts].join('\n'), label: parts.at(-1) });
      const problem = await this.#device.popErrorScope();
      if (problem) throw problem;
      return await this.#device.createComputePipelineAsync({ layout: this.#pipelineLayout, compute: { module } });
    } catch (error) {
      if (parts.some((part) => replaceable.includes(part))) return undefined;
      this.#fail(`the kernel ${parts.at(-1)} does not compile: ${/** @type {Error} */ (error).message}`, 'kernel');
      return undefined;
    }
  }

  /** @param {string} message @param {keyof typeof failures} kind */
  #fail(message, kind) {
    if (this.isLost) return;
    this.isLost = true;
    this.onFailure(message.trim().replace(/\.$/, ''), kind);
    this.#device.destroy();
  }
}
