import { DownloadError } from './errors.js';
import { ModelCache } from './worker/model-cache.js';

/** @typedef {import('./wire.js').CatalogModel} CatalogModel */

/** The models that this browser keeps. */
export class ModelStorage {
  #models;

  /** @param {() => Promise<CatalogModel[]>} models The catalog. */
  constructor(models) {
    this.#models = models;
  }

  /** @returns {Promise<import('./worker/model-cache.js').CachedModel[]>} Newest first. */
  async list() {
    return (await (await ModelCache.open())?.list()) ?? [];
  }

  /** @param {string} model As `initialize` takes it. */
  async has(model) {
    return (await this.#find(model)) !== undefined;
  }

  /** @param {string} model As `initialize` takes it. @returns {Promise<boolean>} False when it was not there. */
  async delete(model) {
    const found = await this.#find(model);
    if (!found) return false;
    const cache = await ModelCache.open();
    await navigator.locks.request(ModelCache.lockName(found.file), { ifAvailable: true }, async (lock) => {
      if (!lock) {
        throw new DownloadError({
          code: 'storage-failed',
          message: 'This model is being loaded; try again in a moment.',
        });
      }
      for (const { file } of found.parts ?? [found]) await cache?.delete(file);
    });
    return true;
  }

  /**
   * Asks the browser not to clear what is kept when disk space runs low.
   *
   * @returns {Promise<boolean>} Whether it agreed.
   */
  async persist() {
    return (await navigator.storage?.persist?.()) ?? false;
  }

  /** @returns {Promise<{ usage: number, quota: number, persisted: boolean }>} Bytes. */
  async estimate() {
    const [{ usage = 0, quota = 0 }, persisted] = await Promise.all([
      navigator.storage.estimate(),
      navigator.storage.persisted(),
    ]);
    return { usage, quota, persisted };
  }

  /** @param {string} model */
  async #find(model) {
    const wanted = model.toLowerCase();
    const entry = (await this.#models()).find((candidate) =>
      [candidate.id, candidate.file, candidate.tier].some((name) => name.toLowerCase() === wanted && name !== 'other'),
    );
    const names = entry ? [entry.id] : [model];
    return (await this.list()).find((cached) => names.includes(cached.model));
  }
}
