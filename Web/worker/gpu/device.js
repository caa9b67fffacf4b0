/**
 * The graphics card: the WebGPU objects that the engine knows by number, and nothing about what is computed with them.
 *
 * @typedef {object} Limits What one buffer and one binding can have, in bytes, and at which multiples a binding begins.
 * @property {number} buffer
 * @property {number} binding
 * @property {number} alignment
 * @property {number} together Threads that compute in step.
 * @property {number} subgroup Threads of the smallest subgroup, whose numbers kernels share; 0: they cannot.
 *
 * Of WebGPU, for which not every compiler has types:
 *
 * @typedef {any} GPUDevice
 * @typedef {any} GPUBuffer
 * @typedef {any} GPUBindGroup
 * @typedef {any} GPUComputePipeline
 * @typedef {any} GPUComputePassEncoder
 */

const { GPUBufferUsage, GPUMapMode, GPUShaderStage } = /** @type {any} */ (globalThis);

/** What kernels are put together from. @type {Record<string, URL>} */
const files = {
  attend: new URL('./attend.wgsl', import.meta.url),
  attendRows: new URL('./attend-rows.wgsl', import.meta.url),
  combine: new URL('./combine.wgsl', import.meta.url),
  convolve: new URL('./convolve.wgsl', import.meta.url),
  curves: new URL('./curves.wgsl', import.meta.url),
  embed: new URL('./embed.wgsl', import.meta.url),
  formats: new URL('./formats.wgsl', import.meta.url),
  gate: new URL('./gate.wgsl', import.meta.url),
  heads: new URL('./heads.wgsl', import.meta.url),
  normalize: new URL('./normalize.wgsl', import.meta.url),
  product: new URL('./product.wgsl', import.meta.url),
  rows: new URL('./rows.wgsl', import.meta.url),
  subgroups: new URL('./subgroups.wgsl', import.meta.url),
  threads: new URL('./threads.wgsl', import.meta.url),
  tile: new URL('./tile.wgsl', import.meta.url),
  turn: new URL('./turn.wgsl', import.meta.url),
};
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
/** Numbers of a command in memory. */
const commandWords = 6;

/** One open device. What goes wrong with it is told once, by `onFailure`; nothing can be done with it afterwards. */
export class GraphicsDevice {
  /** @type {(message: string) => void} */
  onFailure = () => {};
  #device;
  #description;
  #together;
  #subgroup;
  #layout;
  #pipelineLayout;
  /** @type {GPUBuffer[]} */
  #buffers = [];
  /** @type {(GPUComputePipeline | undefined)[]} */
  #pipelines = [];
  /** @type {GPUBindGroup[]} */
  #bindings = [];
  /** For what is read back, those that are not in use. @type {GPUBuffer[]} */
  #staging = [];
  #isOver = false;

  /**
   * @param {GPUDevice} device
   * @param {string} description
   * @param {number} together
   * @param {number} subgroup
   */
  constructor(device, description, together, subgroup) {
    this.#device = device;
    this.#together = together;
    this.#subgroup = subgroup;
    this.#description = description;
    this.#layout = device.createBindGroupLayout({
      entries: bindingKinds.map((type, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type },
      })),
    });
    this.#pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [this.#layout] });
    device.lost.then((/** @type {any} */ { message }) => this.#fail(message || 'the device was lost'));
    device.onuncapturederror = (/** @type {any} */ { error }) => this.#fail(error.message);
  }

  /**
   * @param {Record<string, number>} [lowered] Limits to ask for in place of the adapter's own, for tests; and of how few
   *   threads the `subgroups` may be that kernels use.
   * @returns {Promise<GraphicsDevice | null>} Null where there is none.
   */
  static async open(lowered = {}) {
    const adapter = await /** @type {any} */ (navigator).gpu?.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) return null;
    const names = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeWorkgroupStorageSize'];
    const requiredLimits = Object.fromEntries(names.map((name) => [name, lowered[name] ?? adapter.limits[name]]));
    const { vendor = '', architecture = '', description = '' } = adapter.info ?? {};
    const { subgroupMinSize = 0, subgroupMaxSize = 32 } = adapter.info ?? {};
    // Smaller ones cost more than they save.
    const hasSubgroups = adapter.features.has('subgroups') && subgroupMinSize >= (lowered.subgroups ?? 8);
    const device = await adapter.requestDevice({ requiredLimits, requiredFeatures: hasSubgroups ? ['subgroups'] : [] });
    const name = description || [vendor, architecture].filter(Boolean).join(' ');
    return new GraphicsDevice(device, name, subgroupMaxSize, hasSubgroups ? subgroupMinSize : 0);
  }

  /** What people call the card, as far as the browser says. */
  get description() {
    return this.#description;
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
    };
  }

  /** @param {number} size Bytes. @param {boolean} isUniform @returns {number} */
  makeBuffer(size, isUniform) {
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const usage = (isUniform ? UNIFORM : STORAGE) | COPY_DST | COPY_SRC;
    return this.#buffers.push(this.#device.createBuffer({ size, usage })) - 1;
  }

  /** @param {number} buffer @param {number} offset @param {Uint8Array} bytes A multiple of four, at a multiple of four. */
  write(buffer, offset, bytes) {
    // WebGPU takes nothing from memory that threads share.
    const own = bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
    this.#device.queue.writeBuffer(this.#buffers[buffer], offset, own);
  }

  /**
   * Begins to compile a kernel.
   *
   * @param {string[]} parts Names of the files that it consists of.
   * @param {string} constants WGSL that goes with them.
   * @param {() => void} done It can be used.
   * @returns {number}
   */
  makePipeline(parts, constants, done) {
    const pipelines = this.#pipelines;
    const index = pipelines.push(undefined) - 1;
    Promise.all(parts.map(source))
      .then((texts) => {
        const module = this.#device.createShaderModule({ code: [constants, ...texts].join('\n'), label: parts.at(-1) });
        return this.#device.createComputePipelineAsync({ layout: this.#pipelineLayout, compute: { module } });
      })
      .then(
        (pipeline) => {
          pipelines[index] = pipeline;
          // Not for those who let go of it meanwhile.
          if (!this.#isOver && pipelines === this.#pipelines) done();
        },
        (error) => this.#fail(`the kernel ${parts.at(-1)} does not compile: ${error.message}`),
      );
    return index;
  }

  /** @param {{ buffer: number, offset: number, size: number }[]} places One for each kind of binding. @returns {number} */
  bind(places) {
    const entries = places.map(({ buffer, offset, size }, binding) => ({
      binding,
      resource: { buffer: this.#buffers[buffer], offset, size },
    }));
    return this.#bindings.push(this.#device.createBindGroup({ layout: this.#layout, entries })) - 1;
  }

  /**
   * Has commands carried out, of six numbers each: a pipeline, its bindings and the workgroups in three dimensions, or from a
   * buffer, to a buffer, offsets in both and a size, which the highest bit of the first number tells.
   *
   * @param {Uint32Array} commands
   */
  submit(commands) {
    const encoder = this.#device.createCommandEncoder();
    /** @type {GPUComputePassEncoder | null} */
    let pass = null;
    for (let at = 0; at < commands.length; at += commandWords) {
      const [first, second, x, y, z] = commands.subarray(at, at + commandWords);
      if (first >= 2 ** 31) {
        pass?.end();
        pass = null;
        encoder.copyBufferToBuffer(this.#buffers[first - 2 ** 31], x, this.#buffers[second], y, z);
        continue;
      }
      pass ??= encoder.beginComputePass();
      pass.setPipeline(/** @type {GPUComputePipeline} */ (this.#pipelines[first]));
      pass.setBindGroup(0, this.#bindings[second]);
      pass.dispatchWorkgroups(x, y, z);
    }
    pass?.end();
    this.#device.queue.submit([encoder.finish()]);
  }

  /**
   * Waits for what was submitted, and reads a part of a buffer then.
   *
   * @param {{ buffer: number, offset: number, size: number }} place With a size of 0 nothing is read.
   * @returns {Promise<Uint8Array | null>} Null where somebody has let go of the buffers meanwhile.
   */
  async finish({ buffer, offset, size }) {
    const buffers = this.#buffers;
    let bytes = new Uint8Array(0);
    if (!size) await this.#device.queue.onSubmittedWorkDone();
    else {
      const index = this.#staging.findIndex((one) => one.size >= size);
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const [staging] = index < 0 ? [this.#device.createBuffer({ size, usage })] : this.#staging.splice(index, 1);
      const encoder = this.#device.createCommandEncoder();
      encoder.copyBufferToBuffer(this.#buffers[buffer], offset, staging, 0, size);
      this.#device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ, 0, size);
      bytes = new Uint8Array(staging.getMappedRange(0, size).slice(0));
      staging.unmap();
      this.#staging.push(staging);
    }
    return buffers === this.#buffers ? bytes : null;
  }

  /** Gives every buffer back; numbers begin anew. */
  release() {
    for (const buffer of [...this.#buffers, ...this.#staging]) buffer.destroy();
    [this.#buffers, this.#pipelines, this.#bindings, this.#staging] = [[], [], [], []];
  }

  /** @param {string} message */
  #fail(message) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onFailure(message);
  }
}
