/**
 * Keys and values of conversations in the Origin Private File System, so that a later visit need not compute them again.
 *
 * In the folder `conversations` every conversation has one file, named by a hash of the conversation's name. What is in it
 * is the engine's business, which trusts nothing of it. Nothing in it is needed, and none of it leaves the device.
 *
 * Both the worker and the page use this module; only a worker may open files.
 */

const folderName = 'conversations';
/** All files together may take this much, in bytes, and this share of what the browser grants. */
const largestBudget = 2 ** 30;
const quotaShare = 0.1;
/** How long a reply waits for the browser to open a file, in milliseconds. */
const patience = 1000;
/** A file that is to be deleted while somebody has it open is tried again after so many milliseconds, so many times. */
const [retryTime, retries] = [200, 10];

/** @returns {Promise<any>} */
async function openFolder() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(folderName, { create: true });
}

/** @param {string} conversation */
async function fileName(conversation) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(conversation));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {any} folder @param {string} name @returns {Promise<boolean>} Whether it is gone. */
async function remove(folder, name) {
  try {
    await folder.removeEntry(name);
    return true;
  } catch (error) {
    // Else somebody has it open, and keeps less than they might: it goes with the next that are too many.
    return /** @type {DOMException} */ (error).name === 'NotFoundError';
  }
}

/** @param {any} folder @param {string} name */
async function removeForGood(folder, name) {
  for (let left = retries; !(await remove(folder, name)) && left > 0; left -= 1)
    await new Promise((resolve) => setTimeout(resolve, retryTime));
}

/**
 * Deletes what is kept of a conversation.
 *
 * @param {string} conversation All of them when empty.
 */
export async function deletePrefixes(conversation) {
  const folder = await openFolder();
  if (conversation) return removeForGood(folder, await fileName(conversation));
  const names = [];
  for await (const name of folder.keys()) names.push(name);
  await Promise.all(names.map((name) => removeForGood(folder, name)));
}

/** @typedef {{ isOver: boolean, end: () => void, refuse: () => void }} Wait For a file, until it is open or time is up. */

/** What the engine reads and writes: one file at a time. */
export class PrefixFiles {
  #engine;
  /** @type {any} */
  #access;
  #name = '';
  /** What is done one after the other. */
  #queue = Promise.resolve();

  /** @param {import('./engine.js').Engine} engine */
  constructor(engine) {
    this.#engine = engine;
  }

  /** @param {Extract<import('../wire.js').Event, { type: 'openPrefix' | 'closePrefix' | 'deletePrefix' }>} event */
  handle(event) {
    // From now on, not from when those before are done: the browser may never answer one of them.
    const wait = event.type === 'openPrefix' && this.#waitFor(event.id);
    const work = () =>
      event.type === 'openPrefix'
        ? this.#open(event, /** @type {Wait} */ (wait))
        : event.type === 'closePrefix'
          ? this.#close()
          : deletePrefixes(event.conversation);
    // What goes wrong with these files costs time, nothing else.
    this.#queue = this.#queue.then(work).catch(() => {});
  }

  /** @param {number} offset @param {Uint8Array} bytes @returns {boolean} Whether all of them are there. */
  read(offset, bytes) {
    // Not into memory that threads share, which some browsers refuse.
    const buffer = new Uint8Array(bytes.length);
    try {
      if (this.#access?.read(buffer, { at: offset }) !== bytes.length) return false;
    } catch {
      return false;
    }
    bytes.set(buffer);
    return true;
  }

  /** @param {number} offset @param {Uint8Array} bytes @returns {boolean} Whether there was room for all of them. */
  write(offset, bytes) {
    try {
      return this.#access?.write(bytes.slice(), { at: offset }) === bytes.length;
    } catch {
      return false;
    }
  }

  /** @param {number} size */
  truncate(size) {
    try {
      this.#access?.truncate(size);
    } catch {
      // The engine notices what is left behind.
    }
  }

  /** @param {number} id Of a file that the engine waits for. @returns {Wait} */
  #waitFor(id) {
    const wait = {
      isOver: false,
      end: () => {
        clearTimeout(timer);
        wait.isOver = true;
      },
      refuse: () => {
        wait.end();
        this.#engine.call(() => this.#engine.exports.swiftlet_prefix_unavailable(id));
      },
    };
    const timer = setTimeout(wait.refuse, patience);
    return wait;
  }

  /** @param {{ id: number, conversation: string }} event @param {Wait} wait */
  async #open({ id, conversation }, wait) {
    if (wait.isOver) return;
    try {
      await this.#close();
      const name = await fileName(conversation);
      const folder = await openFolder();
      const access = await (await folder.getFileHandle(name, { create: true })).createSyncAccessHandle();
      if (wait.isOver) return access.close();
      this.#access = access;
      this.#name = name;
      const limit = await budget();
      if (wait.isOver) return this.#close();
      wait.end();
      this.#engine.call(() => this.#engine.exports.swiftlet_prefix_opened(id, access.getSize(), limit));
    } catch {
      // Another tab has this conversation open, or the browser keeps no files.
      if (!wait.isOver) wait.refuse();
    }
  }

  /** Closes the file; those that were not written for the longest time go when all together are too large. */
  async #close() {
    if (!this.#access) return;
    const isEmpty = this.#access.getSize() === 0;
    this.#access.close();
    this.#access = undefined;
    const folder = await openFolder();
    if (isEmpty) await remove(folder, this.#name);
    const files = [];
    for await (const [name, handle] of folder.entries()) {
      if (handle.kind !== 'file') continue;
      // Another tab may delete a file while these are listed.
      const file = await handle.getFile().catch(() => undefined);
      if (file) files.push({ name, size: file.size, lastModified: file.lastModified });
    }
    let room = await budget();
    for (const { name, size } of files.sort((a, b) => b.lastModified - a.lastModified)) {
      room -= size;
      if (room < 0) await remove(folder, name);
    }
  }
}

/** @returns {Promise<number>} Bytes that all files together may have. */
async function budget() {
  const { quota = 0 } = await navigator.storage.estimate();
  return Math.min(largestBudget, Math.floor(quota * quotaShare));
}
