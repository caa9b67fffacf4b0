/**
 * Model files in the Origin Private File System.
 *
 * In the folder `models` every model has two files: its bytes, under the file's name, and beside them `….json` with what
 * is known about them. `complete` is set only after the hash was right; bytes without it are a download to go on with.
 *
 * A split model has these for each of its parts; `list` gives it as one.
 *
 * Both the worker and the page use this module; only a worker may write.
 *
 * @typedef {object} CachedModel
 * @property {string} model As `initialize` was given it, or the catalog's id.
 * @property {string} file Name of the file here.
 * @property {number} size Bytes of the whole file.
 * @property {string | null} sha256 Lower-case hex.
 * @property {string | null} [checksum] XXH64 in hex, of a complete file.
 * @property {string} source Where the bytes came from.
 * @property {string | null} [validator] Of the source's answer that they began with (`ETag` or `Last-Modified`).
 * @property {boolean} complete
 * @property {number} [part] Of a part: which one it is, counted from 0, of `count`.
 * @property {number} [count]
 * @property {CachedModel[]} [parts] Of a split model as `list` gives it, which has the first one's name and the size of all.
 * @property {number} savedAt Milliseconds since 1970.
 */

const folderName = 'models';
const infoSuffix = '.json';
/** How long the browser may take to open its file system, in milliseconds. */
const patience = 1500;

export class ModelCache {
  #folder;

  /** @param {FileSystemDirectoryHandle} folder */
  constructor(folder) {
    this.#folder = folder;
  }

  /** @returns {Promise<ModelCache | null>} Null where the browser keeps no files (some private windows). */
  static async open() {
    const open = async () => {
      const root = await navigator.storage.getDirectory();
      return new ModelCache(await root.getDirectoryHandle(folderName, { create: true }));
    };
    const silence = () => new Promise((resolve) => setTimeout(resolve, patience, undefined));
    try {
      // Firefox at times leaves a request unanswered that comes while it sets up the storage of a new profile.
      for (let tries = 0; tries < 3; tries += 1) {
        const cache = await Promise.race([open(), silence()]);
        if (cache) return cache;
      }
    } catch {
      // Kept files are a convenience: without them the model is fetched each time.
    }
    return null;
  }

  /**
   * The name of the lock that whoever reads, writes or deletes a file holds.
   *
   * @param {string} file
   */
  static lockName(file) {
    return `swiftlet-model:${file}`;
  }

  /**
   * A file name that any model's name can have.
   *
   * @param {string} name
   */
  static fileName(name) {
    return name.replace(/[^\w.-]+/g, '_').slice(-180);
  }

  /**
   * The name here of a file that the user picked.
   *
   * @param {string} model
   */
  static pickedName(model) {
    return ModelCache.fileName(model.replace(':', '-'));
  }

  /** @returns {Promise<CachedModel[]>} Complete ones, newest first. */
  async list() {
    /** @type {CachedModel[]} */
    const files = [];
    for await (const name of /** @type {any} */ (this.#folder).keys()) {
      if (!name.endsWith(infoSuffix)) continue;
      const info = await this.info(name.slice(0, -infoSuffix.length));
      if (info?.complete && (await this.size(info.file)) === info.size) files.push(info);
    }
    const models = files.flatMap((first) => {
      const { model, part = 0, count = 1 } = first;
      if (part > 0) return [];
      if (count === 1) return [first];
      const isNext = (/** @type {CachedModel} */ other, /** @type {number} */ index) =>
        other.model === model && other.part === index && other.count === count;
      const parts = Array.from({ length: count }, (_, index) => files.find((other) => isNext(other, index)));
      if (parts.includes(undefined)) return [];
      const all = /** @type {CachedModel[]} */ (parts);
      return [{ ...first, size: all.reduce((sum, { size }) => sum + size, 0), parts: all }];
    });
    return models.sort((a, b) => b.savedAt - a.savedAt);
  }

  /** @param {string} file @returns {Promise<CachedModel | null>} */
  async info(file) {
    try {
      const handle = await this.#folder.getFileHandle(file + infoSuffix);
      return JSON.parse(await (await handle.getFile()).text());
    } catch {
      // Absent, or cut off by a crash while it was written: both mean that nothing is known.
      return null;
    }
  }

  /** @param {CachedModel} info */
  async saveInfo(info) {
    const handle = await this.#folder.getFileHandle(info.file + infoSuffix, { create: true });
    const access = await handle.createSyncAccessHandle();
    try {
      access.truncate(0);
      access.write(new TextEncoder().encode(JSON.stringify(info)), { at: 0 });
      access.flush();
    } finally {
      access.close();
    }
  }

  /**
   * Bytes that are there, also of an unfinished download.
   *
   * @param {string} file
   * @returns {Promise<number>}
   */
  async size(file) {
    try {
      return (await (await this.#folder.getFileHandle(file)).getFile()).size;
    } catch {
      return 0;
    }
  }

  /**
   * Opens a file to read and write; only one tab can have it open.
   *
   * @param {string} file
   */
  async open(file) {
    return (await this.#folder.getFileHandle(file, { create: true })).createSyncAccessHandle();
  }

  /** @param {string} file */
  async delete(file) {
    for (const name of [file + infoSuffix, file]) {
      await this.#folder.removeEntry(name).catch((error) => {
        if (error.name !== 'NotFoundError') throw error;
      });
    }
  }
}
