/** What the module calls of a graphics card: numbers in linear memory become those of WebGPU. */

import { GraphicsDevice } from './device.js';

/** A range has three numbers: buffer, offset, size. */
const rangeNumbers = 3;

/**
 * Opens the card for an engine that is about to start.
 *
 * @param {import('../engine.js').Engine} engine
 * @returns {Promise<{ limits: import('./device.js').Limits, imports: Record<string, any> } | null>} Null where there is none.
 */
export async function openGraphics(engine) {
  const device = await GraphicsDevice.open();
  if (!device) return null;
  device.onFailure = (message) => {
    const bytes = new TextEncoder().encode(message);
    const tell = (/** @type {number} */ address) => engine.exports.swiftlet_device_failed(address, bytes.length);
    engine.call(() => engine.withBytes(bytes, tell));
  };

  /** @param {number} address @param {number} count */
  const ranges = (address, count) => {
    const numbers = new Float64Array(engine.bytes(address, count * rangeNumbers * 8).slice().buffer);
    return Array.from({ length: count }, (_, index) => {
      const [buffer, offset, size] = numbers.subarray(index * rangeNumbers);
      return { buffer, offset, size };
    });
  };

  /** @type {Record<string, (...numbers: number[]) => number | void>} */
  const imports = {
    gpu_buffer: (bytes, isUniform) => device.makeBuffer(bytes, isUniform === 1),
    gpu_write: (buffer, offset, address, length) => device.write(buffer, offset, engine.bytes(address, length)),
    gpu_pipeline: (address, length) => {
      const text = new TextDecoder().decode(engine.bytes(address, length).slice());
      const end = text.indexOf('\n');
      const compiled = () => engine.call(() => engine.exports.swiftlet_device_compiled());
      return device.makePipeline(text.slice(0, end).split(' '), text.slice(end + 1), compiled);
    },
    gpu_bind: (address, count) => device.bind(ranges(address, count)),
    gpu_submit: (address, count, range, to, ticket) => {
      device.submit(new Uint32Array(engine.bytes(address, count * 4).slice().buffer));
      const [place] = ranges(range, 1);
      const finished = (/** @type {Uint8Array | null} */ bytes) => {
        if (!bytes) return;
        engine.call(() => {
          engine.bytes(to, bytes.length).set(bytes);
          engine.exports.swiftlet_device_finished(ticket);
        });
      };
      // A device that is lost is told by itself.
      device.finish(place).then(finished, () => {});
    },
    gpu_release: () => device.release(),
  };
  return { limits: device.limits, imports };
}
