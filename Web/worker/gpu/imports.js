import { GraphicsDevice } from './device.js';

/**
 * What the module calls of a graphics card: numbers in linear memory become those of WebGPU.
 *
 * @typedef {object} GraphicsImports
 * @property {(bytes: number, isUniform: number) => number} buffer
 * @property {(buffer: number, offset: number, address: number, length: number) => void} write
 * @property {(address: number, length: number) => number} pipeline
 * @property {(address: number, count: number) => number} bind
 * @property {(address: number, count: number, range: number, to: number, ticket: number) => void} submit
 * @property {() => void} close
 */

/** A range has three numbers: buffer, offset, size. */
const rangeNumbers = 3;

/**
 * Opens the card for an engine that has not started.
 *
 * @param {import('../engine.js').Engine} engine
 * @returns {Promise<GraphicsImports | null>} Null where there is none.
 */
export async function openGraphics(engine) {
  const device = await GraphicsDevice.open();
  if (!device) return null;
  const { exports } = engine;
  const { buffer, binding, alignment, together } = device.limits;
  exports.swiftlet_device(buffer, binding, alignment, together);
  device.onFailure = (message) => {
    const bytes = new TextEncoder().encode(message);
    engine.call(() => engine.withBytes(bytes, (address) => exports.swiftlet_device_failed(address, bytes.length)));
  };

  /** @param {number} address @param {number} count */
  const ranges = (address, count) => {
    const numbers = new Float64Array(engine.bytes(address, count * rangeNumbers * 8).slice().buffer);
    return Array.from({ length: count }, (_, index) => {
      const [buffer, offset, size] = numbers.subarray(index * rangeNumbers);
      return { buffer, offset, size };
    });
  };

  return {
    buffer: (bytes, isUniform) => device.makeBuffer(bytes, isUniform === 1),
    write: (buffer, offset, address, length) => device.write(buffer, offset, engine.bytes(address, length)),
    pipeline: (address, length) => {
      const text = new TextDecoder().decode(engine.bytes(address, length).slice());
      const end = text.indexOf('\n');
      const compiled = () => engine.call(() => exports.swiftlet_device_compiled());
      return device.makePipeline(text.slice(0, end).split(' '), text.slice(end + 1), compiled);
    },
    bind: (address, count) => device.bind(ranges(address, count)),
    submit: (address, count, range, to, ticket) => {
      device.submit(new Uint32Array(engine.bytes(address, count * 4).slice().buffer));
      const [{ buffer, offset, size }] = ranges(range, 1);
      const done = size > 0 ? device.read(buffer, offset, size) : device.finish();
      done.then(
        (bytes) =>
          engine.call(() => {
            if (bytes) engine.bytes(to, size).set(bytes);
            exports.swiftlet_device_finished(ticket);
          }),
        () => {
          // The device is lost, which is told by itself.
        },
      );
    },
    close: () => device.close(),
  };
}
