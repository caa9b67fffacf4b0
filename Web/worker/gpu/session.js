/**
 * What one executor has on the graphics card: buffers, kernels and bindings by number, and nothing about what is computed
 * with them.
 *
 * @typedef {import('./device.js').GraphicsDevice} GraphicsDevice
 * @typedef {import('./device.js').GPUBuffer} GPUBuffer
 * @typedef {import('./device.js').GPUBindGroup} GPUBindGroup
 * @typedef {import('./device.js').GPUComputePipeline} GPUComputePipeline
 * @typedef {import('./device.js').GPUComputePassEncoder} GPUComputePassEncoder
 */

const { GPUBufferUsage, GPUMapMode } = /** @type {any} */ (globalThis);

/** Numbers of a command in memory. */
const commandWords = 6;

export class GraphicsSession {
  #card;
  #device;
  /** @type {GPUBuffer[]} */
  #buffers = [];
  /** @type {(GPUComputePipeline | undefined)[]} */
  #pipelines = [];
  /** @type {GPUBindGroup[]} */
  #bindings = [];
  /** For what is read back, those that are not in use. @type {GPUBuffer[]} */
  #staging = [];
  #isReleased = false;

  /** @param {GraphicsDevice} card */
  constructor(card) {
    this.#card = card;
    this.#device = card.device;
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
   * @param {(pipeline: number, isThere: boolean) => void} done It can be used, or does not compile.
   * @returns {number}
   */
  makePipeline(parts, constants, done) {
    const index = this.#pipelines.push(undefined) - 1;
    this.#card.pipeline(parts, constants).then((pipeline) => {
      if (this.#isReleased || this.#card.isLost) return;
      this.#pipelines[index] = pipeline;
      done(index, pipeline !== undefined);
    });
    return index;
  }

  /** @param {{ buffer: number, offset: number, size: number }[]} places One for each kind of binding. @returns {number} */
  bind(places) {
    const entries = places.map(({ buffer, offset, size }, binding) => ({
      binding,
      resource: { buffer: this.#buffers[buffer], offset, size },
    }));
    return this.#bindings.push(this.#device.createBindGroup({ layout: this.#card.layout, entries })) - 1;
  }

  /**
   * Has commands carried out, of six numbers each: a pipeline, its bindings and the workgroups in three dimensions, or from a
   * buffer, to a buffer, offsets in both and a size, which the highest bit of the first number tells. Then a part of a buffer is
   * read.
   *
   * @param {Uint32Array} commands
   * @param {{ buffer: number, offset: number, size: number }} place With a size of 0 nothing is read.
   * @returns {Promise<Uint8Array | null>} Null where somebody has let go of the buffers meanwhile.
   */
  submit(commands, { buffer, offset, size }) {
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
    const staging = size ? this.#stagingOf(size) : null;
    if (staging) encoder.copyBufferToBuffer(this.#buffers[buffer], offset, staging, 0, size);
    this.#device.queue.submit([encoder.finish()]);
    return this.#read(staging, size);
  }

  /** @param {GPUBuffer | null} staging @param {number} size */
  async #read(staging, size) {
    let bytes = new Uint8Array(0);
    if (!staging) await this.#device.queue.onSubmittedWorkDone();
    else {
      await staging.mapAsync(GPUMapMode.READ, 0, size);
      bytes = new Uint8Array(staging.getMappedRange(0, size).slice(0));
      staging.unmap();
      if (this.#isReleased) staging.destroy();
      else this.#staging.push(staging);
    }
    return this.#isReleased ? null : bytes;
  }

  /** @param {number} size @returns {GPUBuffer} One that is not in use. */
  #stagingOf(size) {
    const index = this.#staging.findIndex((one) => one.size >= size);
    if (index >= 0) return this.#staging.splice(index, 1)[0];
    return this.#device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  /** Gives every buffer back. */
  release() {
    this.#isReleased = true;
    for (const buffer of [...this.#buffers, ...this.#staging]) buffer.destroy();
    [this.#buffers, this.#pipelines, this.#bindings, this.#staging] = [[], [], [], []];
  }
}
