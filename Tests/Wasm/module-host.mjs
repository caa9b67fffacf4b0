// A host for the browser module in Node: the same imports and calls as in `Web/worker`, with files instead of downloads.

import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { decodeEvent, encodeCommand } from '../../Web/wire.js';

export class ModuleHost {
  /** Events that came, oldest first. */
  events = [];
  /** What is kept of each conversation: its file's bytes. @type {Map<string, Uint8Array>} */
  kept = new Map();
  /** The conversation whose file is open. */
  #open = '';
  #workers = [];
  #nextRequest = 1;

  /**
   * @param {string} wasmPath
   * @param {{ threads?: number, maximumPages?: number }} options More than one thread takes the module with shared memory.
   */
  static async start(wasmPath, { threads = 1, maximumPages = 65535 } = {}) {
    const host = new ModuleHost();
    const module = await WebAssembly.compile(readFileSync(wasmPath));
    const shared = WebAssembly.Module.imports(module).some(({ kind }) => kind === 'memory');
    const memory = shared ? new WebAssembly.Memory({ initial: 256, maximum: maximumPages, shared: true }) : undefined;
    const env = {
      memory,
      emit: (pointer, length) => host.events.push(decodeEvent(host.bytes(pointer, length).slice())),
      now: () => performance.now(),
      date: () => Date.UTC(2026, 1, 28, 23, 59, 58),
      random: (pointer, length) => host.bytes(pointer, length).set(crypto.getRandomValues(new Uint8Array(length))),
      prefix_read: (offset, pointer, length) => {
        const bytes = host.kept.get(host.#open)?.subarray(offset, offset + length);
        if (bytes?.length !== length) return 0;
        host.bytes(pointer, length).set(bytes);
        return 1;
      },
      prefix_write: (offset, pointer, length) => {
        const before = host.kept.get(host.#open);
        const bytes = new Uint8Array(Math.max(before.length, offset + length));
        bytes.set(before);
        bytes.set(host.bytes(pointer, length), offset);
        host.kept.set(host.#open, bytes);
        return 1;
      },
      prefix_truncate: (size) => host.kept.set(host.#open, host.kept.get(host.#open).slice(0, size)),
      fatal: (pointer, length) => {
        throw new Error(`fatal ${new TextDecoder().decode(host.bytes(pointer, length).slice())}`);
      },
    };
    for (const { name } of WebAssembly.Module.imports(module)) env[name] ??= () => { throw new Error(`no ${name} here`); };
    host.exports = (await WebAssembly.instantiate(module, { env })).exports;
    host.memory = memory ?? host.exports.memory;
    host.exports.swiftlet_start(threads, maximumPages * 65536);
    for (let index = 1; index < threads; index += 1) {
      const worker = new Worker(new URL('./helper.mjs', import.meta.url), {
        workerData: { module, memory, index, stack: host.exports.swiftlet_thread_stack() },
      });
      host.#workers.push(worker);
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }
    return host;
  }

  /** Linear memory; growth detaches it. */
  bytes(pointer, length) {
    return new Uint8Array(this.memory.buffer, pointer, length);
  }

  /** Sends a command and steps until there is nothing to do. Returns the events that came meanwhile. */
  run(command) {
    const before = this.events.length;
    this.send(command);
    this.settle();
    return this.events.slice(before);
  }

  send(command) {
    // There is no graphics card to ask for.
    const device = command.type === 'load' ? { device: 'cpu' } : {};
    this.sendFrame(encodeCommand({ id: this.#nextRequest++, ...device, ...command }));
  }

  sendFrame(frame) {
    const pointer = this.exports.swiftlet_allocate(frame.length);
    this.bytes(pointer, frame.length).set(frame);
    this.exports.swiftlet_receive(pointer, frame.length);
    this.exports.swiftlet_free(pointer);
  }

  settle() {
    let served = this.#served;
    for (;;) {
      const goesOn = this.exports.swiftlet_step() === 1;
      for (; served < this.events.length; served += 1) this.#serve(this.events[served]);
      if (!goesOn && !this.#opened) break;
      this.#opened = false;
    }
    this.#served = served;
  }

  /** Events up to this one were looked at; a file was opened since the last step. */
  #served = 0;
  #opened = false;

  /** Opens and deletes the files of conversations. */
  #serve({ type, id, conversation }) {
    if (type === 'openPrefix') {
      this.#open = conversation;
      if (!this.kept.has(conversation)) this.kept.set(conversation, new Uint8Array());
      this.exports.swiftlet_prefix_opened(id, this.kept.get(conversation).length, 2 ** 30);
      this.#opened = true;
    } else if (type === 'deletePrefix') {
      if (conversation) this.kept.delete(conversation);
      else this.kept.clear();
    }
  }

  /** Loads a file, or several that are a model's parts, as the page does: header first, then everything into buffers. */
  load(path, { contextLength = 0, threads = 0, sequences = 0, model = path } = {}) {
    const paths = path.split(',');
    const before = this.events.length;
    this.send({ type: 'load', model, contextLength, threads, sequences });
    const { exports } = this;
    for (const fetch of this.events.slice(before).filter(({ type }) => type === 'fetch')) {
      exports.swiftlet_model_begin(fetch.id);
      const total = paths.reduce((sum, one) => sum + statSync(one).size, 0);
      let verdict = 0;
      let before = 0;
      for (const [part, one] of paths.entries()) {
        const file = openSync(one, 'r');
        const { size } = fstatSync(file);
        const buffer = exports.swiftlet_model_buffer(part, size);
        verdict = buffer ? 1 : -1;
        for (let offset = 0; offset < size && verdict >= 0 && verdict !== 2;) {
          const length = readSync(file, this.bytes(buffer + offset, Math.min(1 << 22, size - offset)));
          offset += length;
          exports.swiftlet_model_progress(before + offset, total);
          if (verdict === 1) verdict = exports.swiftlet_model_inspect(buffer, offset, part, paths.length, total, 0);
        }
        closeSync(file);
        before += size;
        if (verdict < 0 || verdict === 2) break;
      }
      if (verdict < 0) this.#fail('not-enough-memory', `There is no memory for ${total} bytes.`);
      else if (verdict === 2) exports.swiftlet_model_discard();
      else exports.swiftlet_model_arrived();
    }
    this.settle();
    return this.events.slice(before);
  }

  #fail(code, message) {
    const put = (text) => {
      const encoded = Buffer.from(text);
      const pointer = this.exports.swiftlet_allocate(encoded.length);
      this.bytes(pointer, encoded.length).set(encoded);
      return [pointer, encoded.length];
    };
    const [first, second] = [put(code), put(message)];
    this.exports.swiftlet_model_failed(...first, ...second, 0, 0);
    for (const [pointer] of [first, second]) this.exports.swiftlet_free(pointer);
  }

  async stop() {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
