import { DownloadError, EngineError, MemoryError, ModelError, recordOf } from '../errors.js';
import { BusyError, delayAfter, mostAttempts, pause, SilentError } from '../retry.js';
import { wasmFile } from '../wasm-files.js';
import { withFileLock } from './file-lock.js';
import { ChangedError, placeOf } from './http-source.js';
import { ModelCache } from './model-cache.js';
import { planFor } from './model-plan.js';
import { ModelReceiver } from './model-receiver.js';
import { MovedError, RefusedError } from './refusals.js';

/** @typedef {import('./http-source.js').HttpSource} HttpSource */

/** How often a file is begun anew that has become another one while it came. */
const mostChanges = 2;

/**
 * Brings the bytes of the models that the engine asks for: from the cache, the page's own origin, the hub or a file that
 * the user picked.
 */
export class ModelLoader {
  #engine;
  #places;
  #hashURL;
  /** @type {Map<string, { files: readonly File[], keep: boolean }>} */
  #picked = new Map();
  #abort = new AbortController();
  #running = Promise.resolve();

  /**
   * @param {import('./engine.js').Engine} engine
   * @param {{ modelsURL: string, hubURL: string, wasmURL?: string }} places
   */
  constructor(engine, places) {
    this.#engine = engine;
    this.#places = places;
    this.#hashURL = wasmFile('hash', places.wasmURL);
  }

  /**
   * Remembers a file that the user picked, or the parts of a model, for the load of `model` that follows.
   *
   * @param {string} model
   * @param {readonly File[]} files
   * @param {boolean} keep Whether they are copied into the cache.
   */
  offer(model, files, keep) {
    this.#picked.set(model, { files, keep });
  }

  /** Stops bringing bytes. What came so far stays in the cache. */
  cancel() {
    this.#abort.abort();
  }

  /** @param {Extract<import('../wire.js').Event, { type: 'fetch' }>} request */
  fetch(request) {
    this.cancel();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    // The one before must have let go of its file and buffer.
    this.#running = this.#running.then(() => this.#bring(request, signal));
  }

  /** @param {Extract<import('../wire.js').Event, { type: 'fetch' }>} request @param {AbortSignal} signal */
  async #bring(request, signal) {
    const { exports } = this.#engine;
    try {
      signal.throwIfAborted();
      exports.swiftlet_model_begin(request.id);
      const plan = await planFor(request, this.#places, this.#picked.get(request.model), signal, tellWait);
      const cache = await ModelCache.open();
      const { files } = plan;
      await withFileLock(files[0].file, signal, {
        whileWaiting: async () => {
          // Another tab is fetching the same model: its progress is ours.
          const sizes = await Promise.all(files.map(async ({ file }) => (await cache?.size(file)) ?? 0));
          const total = sum(files.map(({ size }) => size));
          if (!signal.aborted && total) this.#engine.call(() => exports.swiftlet_model_progress(sum(sizes), total));
        },
        use: async () => {
          let before = 0;
          for (const [index, file] of files.entries()) {
            const part = { index, count: files.length, before, after: sum(files.slice(index + 1).map(({ size }) => size)) };
            before += await this.#receive({ model: plan.model, ...file, part }, cache, signal);
          }
        },
      });
      signal.throwIfAborted();
      this.#engine.call(() => exports.swiftlet_model_arrived());
    } catch (error) {
      if (signal.aborted || error instanceof RefusedError) {
        this.#engine.call(() => exports.swiftlet_model_discard());
        if (!signal.aborted && error instanceof MovedError) this.#engine.move(error.addressing);
        return;
      }
      const { code, message, need, limit } = recordOf(error, 'download-failed');
      const text = new TextEncoder();
      const [codeBytes, messageBytes] = [text.encode(code), text.encode(message)];
      this.#engine.call(() =>
        this.#engine.withBytes(codeBytes, (codePointer) =>
          this.#engine.withBytes(messageBytes, (messagePointer) =>
            exports.swiftlet_model_failed(
              codePointer,
              codeBytes.length,
              messagePointer,
              messageBytes.length,
              need ?? 0,
              limit ?? 0,
            ),
          ),
        ),
      );
    }
  }

  /**
   * Receives one file.
   *
   * @param {import('./model-plan.js').PartPlan} plan
   * @param {ModelCache | null} cache
   * @param {AbortSignal} signal
   * @returns {Promise<number>} Its bytes.
   */
  async #receive(plan, cache, signal) {
    const noted = await cache?.info(plan.file);
    const known = noted && isOf(plan, noted) ? noted : null;
    const size = plan.size || known?.size || 0;
    const sha256 = plan.sha256 ?? (known?.complete ? known.sha256 : null);
    // The checksum speaks for the bytes whose SHA-256 was right when they came.
    const isKept = known?.complete && known.sha256 === sha256 && known.size === size;
    const checksum = isKept ? (known.checksum ?? null) : null;
    const expected = { size, sha256, checksum, source: known?.source, validator: known?.validator };
    const receiver = await ModelReceiver.open(this.#engine, plan, expected, cache, signal, this.#hashURL);
    try {
      receiver.estimate();
      // A picked file is what is in it, not what its name says: nothing kept under that name stands for it or begins it.
      if (plan.picked) {
        await receiver.restart();
        if (plan.staysOutside) await cache?.delete(plan.file);
        await receiver.readFile(plan.picked);
        if (await receiver.verify()) return receiver.received;
        throw new DownloadError({
          code: 'download-failed',
          message: `${plan.picked.name} could not be read to its end. Please choose it again.`,
        });
      }
      if (await receiver.resume()) {
        if (await receiver.verify()) return receiver.received;
        await receiver.restart();
      }
      await this.#download(plan, receiver, signal);
      return receiver.received;
    } finally {
      receiver.close();
    }
  }

  /**
   * Tries the sources one after the other. A busy or silent one that others follow is waited for only when these fail.
   *
   * @param {import('./model-plan.js').PartPlan} plan
   * @param {ModelReceiver} receiver
   * @param {AbortSignal} signal
   */
  async #download(plan, receiver, signal) {
    if (!plan.sources.length) {
      throw new ModelError({
        code: 'model-not-found',
        message: 'This file is no longer at hand. Please choose it again.',
      });
    }
    const failures = [];
    let isOther = false;
    const queue = plan.sources.map((source, index) => ({ source, waits: index === plan.sources.length - 1 }));
    for (const { source, waits } of queue) {
      try {
        // Without a hash, what came from one source is nothing to another.
        const isBound = receiver.received > 0 && !plan.sha256;
        if (await this.#transferVerified(source, receiver, signal, waits || isBound)) return;
        isOther = true;
        failures.push(`${source.label} has another file under that name (its SHA-256 is not the published one)`);
      } catch (error) {
        signal.throwIfAborted();
        if ([RefusedError, MemoryError, EngineError].some((kind) => error instanceof kind)) throw error;
        if (isUnwell(error) && !waits) queue.push({ source, waits: true });
        else failures.push(error instanceof DownloadError ? error.message : `${source.label} cannot be reached`);
      }
    }
    const offline = navigator.onLine === false;
    throw new DownloadError({
      code: offline ? 'offline' : isOther ? 'hash-mismatch' : 'download-failed',
      message: offline
        ? 'You are offline, and this model is not on this device yet. Connect once to download it.'
        : `The model could not be downloaded: ${failures.join(', and ')}.`,
    });
  }

  /** @param {HttpSource} source @param {ModelReceiver} receiver @param {AbortSignal} signal @param {boolean} waits */
  async #transferVerified(source, receiver, signal, waits) {
    for (;;) {
      const { resumed } = receiver;
      await this.#transfer(source, receiver, signal, waits);
      if (await receiver.verify()) return true;
      await receiver.restart();
      // The bytes of an earlier download may be the wrong ones: once more, all from here.
      if (!resumed) return false;
    }
  }

  /**
   * Reads one source to its end, taking it up again where it broke.
   *
   * @param {HttpSource} source
   * @param {ModelReceiver} receiver
   * @param {AbortSignal} signal
   * @param {boolean} waits Whether it is waited for when it is busy or silent before it has sent anything.
   */
  async #transfer(source, receiver, signal, waits) {
    const start = receiver.received;
    let furthest = start;
    let changes = 0;
    let isAnew = false;
    const change = () => {
      changes += 1;
      furthest = 0;
      if (changes <= mostChanges) return;
      throw new DownloadError({
        code: 'download-failed',
        message: `${source.label} changes the file faster than it can be downloaded`,
      });
    };
    for (let failures = 0; ; ) {
      const { offset, version } = isAnew ? { offset: 0, version: null } : receiver.continuation(source);
      try {
        const answer = await source.open(offset, version, signal, receiver.takeBuffer);
        try {
          if (answer.start < offset) change();
          await receiver.expect(answer, source);
        } catch (error) {
          answer.close();
          throw error;
        }
        isAnew = false;
        for await (const chunk of answer.chunks) {
          signal.throwIfAborted();
          await receiver.accept(chunk);
        }
        if (receiver.isFull) return;
        throw new TypeError('The connection ended early.');
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ChangedError) {
          change();
          isAnew = true;
          continue;
        }
        // What has begun to come goes on when the network is back; without one it does not begin.
        const isOnline = navigator.onLine !== false;
        const isBroken = error instanceof TypeError && receiver.received > (isOnline ? 0 : start);
        const isBusy = error instanceof BusyError;
        if (isUnwell(error) && !waits && receiver.received === start) throw error;
        if (!isBroken && !isBusy) throw error;
        if (receiver.received > furthest) failures = 0;
        furthest = Math.max(furthest, receiver.received);
        if (isOnline || isBusy) failures += 1;
        if (failures === mostAttempts) throw isBusy ? givenUp(error) : error;
        const delay = delayAfter(Math.max(1, failures), isBusy ? error.asks : null);
        if (isBusy) tellWait(error, delay);
        await pause(delay, signal);
      }
    }
  }
}

/**
 * Whether what is kept under a model's file name can be that model: of two URLs the names may be the same, and without a
 * published hash nothing else would tell.
 *
 * @param {import('./model-plan.js').PartPlan} plan
 * @param {import('./model-cache.js').CachedModel} noted
 */
function isOf({ model, sha256, picked, sources }, noted) {
  const place = placeOf(noted.source ?? '');
  return sha256 || picked || noted.model === model || sources.some(({ url }) => placeOf(url) === place);
}

const sum = (/** @type {number[]} */ numbers) => numbers.reduce((total, number) => total + number, 0);

/** @param {unknown} error @returns {boolean} Whether the server may do better in a while. */
const isUnwell = (error) => error instanceof BusyError || error instanceof SilentError;

/** @param {BusyError} error What a server answered. @param {number} milliseconds Until it is asked again. */
function tellWait({ message }, milliseconds) {
  const [said] = message.split('. ');
  self.postMessage({ type: 'waiting', text: `Waiting ${Math.ceil(milliseconds / 1000)} s: ${said}` });
}

/** @param {BusyError} error */
function givenUp({ message }) {
  return new DownloadError({ code: 'download-failed', message: `${message}, ${mostAttempts} times in a row` });
}
