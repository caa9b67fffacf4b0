import { refuse, RequestError } from './errors.js';

/** The values that frames are made of: little-endian, every read checked against the bytes that are left. */

const magic = [0x53, 0x57, 0x4c, 0x54];
export const wireVersion = 7;
const headerSize = 16;
const maximumPayload = 64 * 1024 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Bytes that are not a frame of this version. */
export class WireError extends Error {
  name = 'WireError';
  code = 'bad-frame';
}

/** Builds one frame. Values that it cannot hold, or that are of another kind, are refused with a `RequestError`. */
export class FrameWriter {
  /** What is being written, for errors. */
  place = '';
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = headerSize;

  /** @param {number} kind @param {number} request */
  constructor(kind, request) {
    this.#bytes.set(magic);
    this.#bytes[4] = wireVersion;
    this.#bytes[5] = kind;
    this.#view.setUint32(8, request, true);
  }

  /** The frame, with its payload's length filled in. */
  finish() {
    const payload = this.#length - headerSize;
    if (payload > maximumPayload) {
      throw new RequestError({
        code: 'invalid-request',
        message: `A request may have at most ${maximumPayload} bytes; this one has ${payload}.`,
      });
    }
    this.#view.setUint32(12, payload, true);
    return this.#bytes.slice(0, this.#length);
  }

  /** @param {number} bytes @returns {number} Where the reserved bytes are. */
  #reserve(bytes) {
    const offset = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return offset;
  }

  /** @param {number} value */
  byte(value) {
    const offset = this.#reserve(1);
    this.#bytes[offset] = value;
  }

  /** @param {boolean} value */
  bool(value) {
    if (typeof value !== 'boolean') refuse(this.place, 'true or false', value);
    this.byte(value ? 1 : 0);
  }

  /**
   * @param {readonly (string | null)[]} names Null for none.
   * @param {string | null} value One of them, which its place stands for.
   */
  choice(names, value) {
    const index = names.indexOf(value);
    const known = names.filter((name) => name !== null);
    if (index < 0) refuse(this.place, `${known.slice(0, -1).join(', ')} or ${known.at(-1)}`, value);
    this.byte(index);
  }

  /** @param {number} value */
  uint32(value) {
    const offset = this.#reserve(4);
    this.#view.setUint32(offset, value, true);
  }

  /** @param {number} value @param {number} [least] */
  int32(value, least = 0) {
    if (!Number.isInteger(value) || value < least || value > 0x7fffffff) {
      refuse(this.place, `a whole number from ${least} to 2147483647`, value);
    }
    const offset = this.#reserve(4);
    this.#view.setInt32(offset, value, true);
  }

  /** @param {number | bigint} value */
  uint64(value) {
    if (typeof value !== 'bigint' && !Number.isInteger(value)) refuse(this.place, 'a whole number', value);
    const offset = this.#reserve(8);
    this.#view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
  }

  /** @param {number} value @param {number} [least] @param {number} [most] */
  float(value, least = -Infinity, most = Infinity) {
    // Written so that a NaN fails.
    if (!(typeof value === 'number' && value >= least && value <= most)) {
      refuse(this.place, least === -Infinity ? 'a number' : `a number from ${least} to ${most}`, value);
    }
    const offset = this.#reserve(4);
    this.#view.setFloat32(offset, value, true);
  }

  /** @param {number} value A whole number that is not negative. */
  count(value) {
    this.int32(value);
  }

  /** @param {string} value */
  string(value) {
    if (typeof value !== 'string') refuse(this.place, 'text', value);
    const bytes = encoder.encode(value);
    this.count(bytes.length);
    const offset = this.#reserve(bytes.length);
    this.#bytes.set(bytes, offset);
  }

  /** @template T @param {T | null | undefined} value @param {(value: T) => void} write */
  optional(value, write) {
    const present = value !== null && value !== undefined;
    this.bool(present);
    if (present) write(value);
  }

  /** @param {unknown} value */
  json(value) {
    let text;
    try {
      text = JSON.stringify(value);
    } catch {
      // A circle, or a bigint.
    }
    if (text === undefined) refuse(this.place, 'what JSON can hold', value);
    this.string(text);
  }

  /** @template T @param {ArrayLike<T> & Iterable<T>} values @param {(value: T) => void} write */
  list(values, write) {
    const { place } = this;
    if (!Array.isArray(values) && !ArrayBuffer.isView(values)) refuse(place, 'a list', values);
    this.count(values.length);
    let index = 0;
    for (const value of values) {
      this.place = `${place}[${index}]`;
      write(value);
      index += 1;
    }
    this.place = place;
  }
}

/** Reads one frame. */
export class FrameReader {
  #bytes;
  #view;
  #offset = 0;

  /** @param {Uint8Array | ArrayBuffer} frame */
  constructor(frame) {
    this.#bytes = frame instanceof Uint8Array ? frame : new Uint8Array(frame);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    for (const byte of magic) {
      if (this.byte() !== byte) this.#fail('a frame that begins with SWLT', 'other bytes');
    }
    const found = this.byte();
    if (found !== wireVersion) this.#fail(`version ${wireVersion}`, `version ${found}`);
    /** What the frame is: a byte of `eventKinds`. */
    this.kind = this.byte();
    if (this.byte() !== 0 || this.byte() !== 0) this.#fail('two zero bytes', 'others');
    /** The request that the frame belongs to, or 0. */
    this.request = this.uint32();
    const length = this.uint32();
    if (length !== this.remaining) this.#fail(`${length} bytes of payload`, `${this.remaining}`);
  }

  get remaining() {
    return this.#bytes.length - this.#offset;
  }

  /** @param {string} expected @param {string} found @returns {never} */
  #fail(expected, found) {
    throw new WireError(`Bad frame at byte ${this.#offset}: expected ${expected}, found ${found}.`);
  }

  /** @param {number} count */
  #take(count) {
    if (count > this.remaining) this.#fail(`${count} more bytes`, `${this.remaining}`);
    const offset = this.#offset;
    this.#offset += count;
    return offset;
  }

  byte() {
    return this.#bytes[this.#take(1)];
  }

  bool() {
    const value = this.byte();
    if (value > 1) this.#fail('0 or 1', `${value}`);
    return value === 1;
  }

  uint32() {
    return this.#view.getUint32(this.#take(4), true);
  }

  int32() {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** @returns {bigint} */
  uint64() {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** A 64-bit number of bytes or weights, which JavaScript's numbers hold exactly. */
  size() {
    const value = this.uint64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.#fail('at most 2^53', `${value}`);
    return Number(value);
  }

  float() {
    return this.#view.getFloat32(this.#take(4), true);
  }

  double() {
    return this.#view.getFloat64(this.#take(8), true);
  }

  count() {
    const value = this.uint32();
    if (value > 0x7fffffff) this.#fail('at most 2147483647', `${value}`);
    return value;
  }

  blob() {
    const length = this.count();
    const offset = this.#take(length);
    return this.#bytes.slice(offset, offset + length);
  }

  string() {
    const length = this.count();
    const offset = this.#take(length);
    return decoder.decode(this.#bytes.subarray(offset, offset + length));
  }

  /** @template T @param {() => T} read @returns {T | null} */
  optional(read) {
    return this.bool() ? read() : null;
  }

  /**
   * @template T
   * @param {number} minimumSize Bytes that an element has at least, so that a hostile count cannot reserve memory.
   * @param {() => T} read
   * @returns {T[]}
   */
  list(minimumSize, read) {
    const length = this.count();
    if (length > this.remaining / minimumSize) this.#fail(`${length} elements`, `${this.remaining} bytes`);
    return Array.from({ length }, read);
  }

  /** @returns {Float32Array} */
  floats() {
    return Float32Array.from(this.list(4, () => this.float()));
  }

  /** @template {string | null} T @param {readonly T[]} names @returns {T} */
  choice(names) {
    const value = this.byte();
    if (value >= names.length) this.#fail(`0 to ${names.length - 1}`, `${value}`);
    return names[value];
  }

  /** Ends the frame: nothing may be left. */
  finish() {
    if (this.remaining) this.#fail('the end of the payload', `${this.remaining} more bytes`);
  }
}
