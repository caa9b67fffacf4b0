/**
 * What the module calls of a graphics card: numbers in linear memory become those of WebGPU. Loaded with the first model that
 * may be computed there.
 */

import { rememberedDevice, rememberDevice } from './choices.js';
import { failures, GraphicsDevice } from './device.js';
import { GraphicsSession } from './session.js';

/** A range has three numbers: buffer, offset, size. */
const rangeNumbers = 3;

export class Graphics {
  #engine;
  /** @type {GraphicsDevice | null} */
  #device = null;
  /** @type {Promise<GraphicsDevice | null> | undefined} */
  #opening;
  /** By their numbers. @type {Map<number, GraphicsSession>} */
  #sessions = new Map();
  #lastSession = 0;

  /** @param {import('../engine.js').Engine} engine */
  constructor(engine) {
    this.#engine = engine;
  }

  /**
   * Opens the card for a model, and says so.
   *
   * @param {{ id: number, model: string }} request
   * @returns {Promise<void>}
   * @throws Where there is none.
   */
  async open({ id, model }) {
    // Several may ask while it opens.
    if (!this.#opening || this.#device?.isLost) {
      this.#device = null;
      this.#opening = GraphicsDevice.open();
    }
    const opening = this.#opening;
    const device = await opening.catch(() => null);
    if (opening !== this.#opening) return this.open({ id, model });
    if (!device) this.#opening = undefined;
    if (!device) return opening.then(() => Promise.reject(new Error('it has none, or none that it trusts')));
    this.#device = device;
    const { exports } = this.#engine;
    device.onFailure = (message, kind) =>
      this.#engine.say(message, (...text) => exports.swiftlet_device_failed(failures[kind], ...text));
    const remembered = ['cpu', 'gpu'].indexOf((await rememberedDevice(device.name, model)) ?? '');
    if (device.isLost) throw new Error('it was lost');
    this.#engine.say(device.name, (...text) => {
      const { buffer, binding, alignment, together, subgroup, halves, bytes } = device.limits;
      const limits = /** @type {const} */ ([buffer, binding, alignment, together, subgroup, +halves, +bytes]);
      exports.swiftlet_device_opened(id, ...limits, +device.isSoftware, remembered, ...text);
    });
  }

  /** @param {{ device: 'cpu' | 'gpu', model: string }} choice What is faster beside the card that is open. */
  remember({ device, model }) {
    if (this.#device) rememberDevice(this.#device.name, model, device);
  }

  get isOpen() {
    return this.#device !== null;
  }

  /** Until the card has taken what it was given; at once where it is lost. */
  async settled() {
    await this.#device?.device.queue.onSubmittedWorkDone().catch(() => {});
  }

  /** @param {number} number */
  #session(number) {
    return /** @type {GraphicsSession} */ (this.#sessions.get(number));
  }

  /** @param {number} address @param {number} count */
  #ranges(address, count) {
    const numbers = new Float64Array(this.#engine.bytes(address, count * rangeNumbers * 8).slice().buffer);
    return Array.from({ length: count }, (_, index) => {
      const [buffer, offset, size] = numbers.subarray(index * rangeNumbers);
      return { buffer, offset, size };
    });
  }

  /** @type {Record<string, (...numbers: number[]) => number | void>} */
  imports = {
    gpu_session: () => {
      this.#lastSession += 1;
      this.#sessions.set(this.#lastSession, new GraphicsSession(/** @type {GraphicsDevice} */ (this.#device)));
      return this.#lastSession;
    },
    gpu_buffer: (session, bytes, isUniform) => this.#session(session).makeBuffer(bytes, isUniform === 1),
    gpu_write: (session, buffer, offset, address, length) =>
      this.#session(session).write(buffer, offset, this.#engine.bytes(address, length)),
    gpu_pipeline: (session, address, length) => {
      const text = new TextDecoder().decode(this.#engine.bytes(address, length).slice());
      const end = text.indexOf('\n');
      const compiled = (/** @type {number} */ pipeline, /** @type {boolean} */ isThere) =>
        this.#engine.call(() => this.#engine.exports.swiftlet_device_compiled(session, pipeline, +isThere));
      return this.#session(session).makePipeline(text.slice(0, end).split(' '), text.slice(end + 1), compiled);
    },
    gpu_bind: (session, address, count) => this.#session(session).bind(this.#ranges(address, count)),
    gpu_submit: (session, address, count, range, to, ticket) => {
      const here = this.#session(session);
      const commands = new Uint32Array(this.#engine.bytes(address, count * 4).slice().buffer);
      const [place] = this.#ranges(range, 1);
      const finished = (/** @type {Uint8Array | null} */ bytes) => {
        if (!bytes) return;
        this.#engine.call(() => {
          this.#engine.bytes(to, bytes.length).set(bytes);
          this.#engine.exports.swiftlet_device_finished(ticket);
        });
      };
      // A device that is lost is told by itself.
      here.submit(commands, place).then(finished, () => {});
    },
    gpu_release: (session) => {
      this.#session(session).release();
      this.#sessions.delete(session);
    },
  };
}
