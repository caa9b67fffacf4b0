import { HashWorker } from '../engine-worker.js';
import { partPaths } from '../model-file-name.js';
import { Hasher } from '../worker/hasher.js';
import { ModelCache } from '../worker/model-cache.js';
import { toast } from './toast.js';

/**
 * The user's own model files, which stay where they are: the browser's handles to them are kept between visits, and with each
 * what the file was when it was chosen.
 *
 * @typedef {object} KnownFile
 * @property {string} model As `initialize` calls it: `file:` and the file's name.
 * @property {number} size Bytes, of all parts together.
 * @property {KnownPart[]} parts One for each file that the model is in.
 * @property {number} chosenAt Milliseconds since 1970.
 *
 * @typedef {object} KnownPart
 * @property {any} handle A FileSystemFileHandle.
 * @property {number} size
 * @property {number} lastModified
 * @property {string | null} sha256
 */

const [databaseName, storeName] = ['swiftlet-files', 'files'];

/** Why a file that was chosen once cannot be loaded now, and what can be done about it. */
class LocalFileTrouble extends Error {
  /**
   * @param {'permission' | 'gone' | 'changed'} kind
   * @param {string} title
   * @param {string} message
   * @param {string | null} label Of the button that goes on.
   */
  constructor(kind, title, message, label) {
    super(message);
    this.kind = kind;
    this.title = title;
    this.label = label;
  }
}

/** Whether the browser gives handles; where it does not, a chosen file is copied. */
export const givesHandles = () => 'showOpenFilePicker' in globalThis;

/** @returns {Promise<Map<File, any>>} With the browser's handle to each. */
export async function pickFiles() {
  const types = [{ description: 'Language models', accept: { 'application/octet-stream': ['.gguf'] } }];
  try {
    const options = { id: 'models', types, multiple: true };
    const handles = await /** @type {any} */ (globalThis).showOpenFilePicker(options);
    return new Map(await Promise.all(handles.map(async (/** @type {any} */ handle) => [await handle.getFile(), handle])));
  } catch (error) {
    if (/** @type {Error} */ (error).name === 'AbortError') return new Map();
    throw error;
  }
}

/**
 * Keeps the handles of a model's files that have just been loaded.
 *
 * @param {File[]} files
 * @param {any[]} handles
 */
export async function rememberFiles(files, handles) {
  const cache = await ModelCache.open();
  const describe = async (/** @type {File} */ { name, size, lastModified }, /** @type {number} */ index) => {
    const info = await cache?.info(ModelCache.pickedName(`file:${name}`));
    return { handle: handles[index], size, lastModified, sha256: info?.size === size ? info.sha256 : null };
  };
  const parts = await Promise.all(files.map(describe));
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const known = { model: `file:${files[0].name}`, size, parts, chosenAt: Date.now() };
  await inStore('readwrite', (store) => store.put(known)).catch(() => {});
}

/** @param {any} stored What an earlier version of the page kept has one file. @returns {KnownFile} */
const knownFrom = (stored) => ({ parts: [stored], ...stored });

/** @returns {Promise<(KnownFile & { isOpen: boolean })[]>} The last chosen first; `isOpen` without asking anybody. */
export async function knownFiles() {
  const known = (await inStore('readonly', (store) => store.getAll()).catch(() => null)) ?? [];
  const files = known.map(knownFrom).map(async (one) => {
    const permissions = one.parts.map(({ handle }) => handle.queryPermission?.({ mode: 'read' }));
    return { ...one, isOpen: !(await Promise.all(permissions)).includes('prompt') };
  });
  return (await Promise.all(files)).sort((a, b) => b.chosenAt - a.chosenAt);
}

/** @param {string} model The file itself stays. */
export async function forgetFile(model) {
  await inStore('readwrite', (store) => store.delete(model));
  const cache = await ModelCache.open();
  const name = model.replace(/^file:/, '');
  for (const path of partPaths(name) ?? [name]) await cache?.delete(ModelCache.pickedName(`file:${path}`));
}

/**
 * Opens a file that was chosen before. The browser asks the user again, if it must and a press allows it to.
 *
 * @param {string} model
 * @param {boolean} [asItIs] Whether a file that has changed will do.
 * @param {(name: string) => void} [onLook] Called when all of the file must be read to tell.
 * @returns {Promise<{ files: File[], handles: any[] } | null>} Null for a model that no handle is known of.
 * @throws {LocalFileTrouble}
 */
export async function reopenFiles(model, asItIs = false, onLook = () => {}) {
  const stored = await inStore('readonly', (store) => store.get(model)).catch(() => undefined);
  if (!stored) return null;
  const { parts, chosenAt } = knownFrom(stored);
  const files = [];
  for (const part of parts) files.push(await reopen(part, chosenAt, asItIs, onLook));
  return { files, handles: parts.map(({ handle }) => handle) };
}

/**
 * @param {KnownPart} known
 * @param {number} chosenAt
 * @param {boolean} asItIs
 * @param {(name: string) => void} onLook
 * @returns {Promise<File>}
 */
async function reopen(known, chosenAt, asItIs, onLook) {
  const { handle } = known;
  const { name } = handle;
  let permission = (await handle.queryPermission?.({ mode: 'read' })) ?? 'granted';
  const mayAsk = /** @type {any} */ (navigator).userActivation?.isActive !== false;
  const wasAsked = permission === 'prompt' && mayAsk;
  if (wasAsked) permission = await handle.requestPermission({ mode: 'read' }).catch(() => 'prompt');
  if (permission !== 'granted') {
    const message =
      permission === 'denied'
        ? `The browser was told not to let this page read ${name}. Allow it beside the page's address, or choose the file again.`
        : 'The model is in a file of yours, and the browser asks before this page may read it again.';
    throw new LocalFileTrouble('permission', `${name} waits for you`, message, `Open ${name} again`);
  }
  const file = await handle.getFile().catch((/** @type {Error} */ error) => {
    const message =
      error.name === 'NotFoundError'
        ? 'It was moved, renamed or deleted. Choose it where it is now, or another model.'
        : `The browser cannot read it: ${error.message}`;
    throw new LocalFileTrouble('gone', `${name} is no longer where it was`, message, null);
  });
  if (!asItIs && !(await isSame(file, known, () => onLook(name)))) {
    const message = `It is no longer the file that you chose on ${new Date(chosenAt).toLocaleDateString('en', { dateStyle: 'long' })}.`;
    throw new LocalFileTrouble('changed', `${name} has changed`, message, 'Use it as it is now');
  }
  return file;
}

/**
 * Loads a file that was chosen before from where it is; its copy, where no handle to it is known; or asks what that takes.
 *
 * @param {string} model
 * @param {object} page
 * @param {(model: string | File[], handles?: any[]) => Promise<void>} page.load
 * @param {import('../shared-inference-manager.js').SharedInferenceManager} page.engines
 * @param {import('./loading-view.js').LoadingView} page.loading
 * @param {() => boolean} page.isWanted Whether nothing else was chosen since.
 * @param {boolean} [asItIs]
 * @returns {Promise<void>}
 */
export async function openLocal(model, page, asItIs) {
  try {
    const known = await reopenFiles(model, asItIs, (name) => {
      const message = 'Its date has changed. What is in it is compared with what you chose.';
      page.loading.ask({ title: `Looking at ${name}`, message, label: null, run: () => {} });
    });
    if (!page.isWanted()) return;
    await (known ? page.load(known.files, known.handles) : page.load(model));
  } catch (trouble) {
    if (!(trouble instanceof LocalFileTrouble)) throw trouble;
    if (!page.isWanted()) return;
    const { title, message, label, kind } = trouble;
    const run = () => openLocal(model, page, kind === 'changed');
    if (page.engines.state.getState().loadingStep === 'ready') {
      toast(`${title}. ${message}`, label ? { label, run } : undefined);
    } else {
      // So that others can be chosen.
      page.engines.start().catch(() => {});
      page.loading.ask({ title, message, label, run });
    }
  }
}

/** @param {File} file @param {KnownPart} known @param {() => void} onLook */
async function isSame(file, { size, lastModified, sha256 }, onLook) {
  if (file.size !== size) return false;
  if (file.lastModified === lastModified) return true;
  // A file that was only touched or copied over itself has the same content.
  onLook();
  return sha256 !== null && (await hashOf(file).catch(() => null)) === sha256;
}

/** @param {File} file */
async function hashOf(file) {
  const hasher = new Hasher(new HashWorker(), new URL('../hash.wasm', import.meta.url).href, { sha256: true });
  try {
    const reader = file.stream().getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return (await hasher.finish()).sha256;
      await hasher.update(value);
    }
  } finally {
    hasher.close();
  }
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>} When it is stored.
 */
async function inStore(mode, work) {
  const opening = indexedDB.open(databaseName, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(storeName, { keyPath: 'model' });
  /** @type {IDBDatabase} */
  const database = await new Promise((resolve, reject) => {
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = opening.onblocked = () => reject(opening.error);
  });
  try {
    const transaction = database.transaction(storeName, mode);
    const request = work(transaction.objectStore(storeName));
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}
