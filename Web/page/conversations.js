/**
 * Conversations, kept in this browser's IndexedDB.
 *
 * Two object stores, so that the list in the sidebar never reads the messages: `conversations` holds the summaries, and
 * `nodes` every message under the ids of its conversation and itself. A write merges what it brings with what is there,
 * within one transaction, so that tabs which write the same conversation lose nothing of each other's. Other tabs hear
 * of it over a BroadcastChannel.
 *
 * What could not be written stays in memory and is tried again with the next write.
 */

import { Conversation, merge, newID, stamp } from './conversation.js';

/** @typedef {import('./conversation.js').Message} Message */
/** @typedef {import('./conversation.js').Summary} Summary */
/** @typedef {Message & { conversation: string }} Node */

const databaseName = 'swiftlet';
/** Where a tab that closes leaves what the database did not take in time. */
const leftKey = 'swiftlet-unsaved';
const databaseVersion = 2;
/** Whoever deletes a conversation can undo it for at least this long, in milliseconds; then its messages go. */
const undoTime = 60_000;

/** @template Result @param {IDBRequest<Result>} request @returns {Promise<Result>} */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function completed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('The browser ended the transaction.'));
  });
}

/** @param {string} id */
const nodesOf = (id) => IDBKeyRange.bound([id], [id, []]);

export class ConversationArchive {
  /** @type {Promise<IDBDatabase> | undefined} */
  #database;
  #tab = newID();
  #channel = new BroadcastChannel('swiftlet-conversations');
  /** What is not written yet. @type {Map<string, Summary>} */
  #summaries = new Map();
  /** @type {Map<string, Node>} */
  #nodes = new Map();
  /** @type {(trouble: Error | null) => void} */
  #tell = () => {};
  /** @type {((id: string) => void)[]} */
  #listeners = [];

  constructor() {
    this.#takeUp();
  }

  /** @param {(id: string) => void} listener Called when another tab, or a file, changed the conversation with this id. */
  onChangeElsewhere(listener) {
    this.#listeners.push(listener);
    this.#channel.addEventListener('message', ({ data }) => listener(String(data)));
  }

  /** @param {(trouble: Error | null) => void} listener Called when something cannot be kept, and when it can again. */
  onTrouble(listener) {
    this.#tell = listener;
  }

  /** Whether something is only in the memory of this tab. */
  get isBehind() {
    return this.#summaries.size + this.#nodes.size > 0;
  }

  /** @returns {Promise<Summary[]>} Newest first. */
  async list() {
    /** @type {Summary[]} */
    const stored = await this.#read(async (database) =>
      result(database.transaction('conversations').objectStore('conversations').getAll()),
    );
    const all = new Map(stored.map((summary) => [summary.id, summary]));
    for (const summary of this.#summaries.values()) all.set(summary.id, merge(all.get(summary.id), summary));
    return [...all.values()].filter(({ deleted }) => !deleted).sort((a, b) => b.updatedAt - a.updatedAt);
  }

  /**
   * @param {string} text
   * @returns {Promise<Set<string>>} Ids of the conversations with a message, on whatever branch, that has every word.
   */
  async search(text) {
    const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    /** @type {Node[]} */
    const nodes = await this.#read(async (database) =>
      result(database.transaction('nodes').objectStore('nodes').getAll()),
    );
    const has = (/** @type {Node} */ { content, files = [], deleted }) => {
      const words = [content, ...files.flatMap(({ name, text }) => [name, text])].join('\n').toLowerCase();
      return !deleted && wanted.every((/** @type {string} */ word) => words.includes(word));
    };
    return new Set([...nodes, ...this.#nodes.values()].filter(has).map((node) => node.conversation));
  }

  /** @param {string} id @returns {Promise<Conversation | undefined>} Also a deleted one that can still be restored. */
  async load(id) {
    const [stored, storedNodes] = await this.#read(async (database) => {
      const transaction = database.transaction(['conversations', 'nodes']);
      return Promise.all([
        result(transaction.objectStore('conversations').get(id)),
        result(transaction.objectStore('nodes').getAll(nodesOf(id))),
      ]);
    }).then((answer) => (answer.length ? answer : [undefined, []]));
    const waiting = this.#summaries.get(id);
    const summary = waiting ? merge(stored, waiting) : stored;
    if (!summary) return undefined;
    const nodes = new Map(storedNodes.map((/** @type {Node} */ node) => [node.id, node]));
    for (const node of this.#nodes.values())
      if (node.conversation === id) nodes.set(node.id, merge(nodes.get(node.id), node));
    this.#forgetDeleted([...nodes.values()]);
    const messages = [...nodes.values()].map(({ conversation, ...message }) => message);
    return new Conversation(
      structuredClone(summary),
      messages.sort((a, b) => a.createdAt - b.createdAt),
    );
  }

  /**
   * Keeps a conversation's summary and those of its messages that have changed.
   *
   * @param {Conversation} conversation
   * @param {Message[]} [messages] All of them when left out.
   * @returns {Promise<boolean>} Whether everything is kept; if not, it is in memory and `onTrouble` was told.
   */
  async save(conversation, messages = conversation.messages) {
    this.#summaries.set(conversation.id, structuredClone(conversation.summary));
    for (const message of messages)
      this.#nodes.set(message.id, { ...structuredClone(message), conversation: conversation.id });
    return this.flush();
  }

  /** Tries to write what is not written yet. @returns {Promise<boolean>} */
  async flush() {
    const summaries = new Map(this.#summaries);
    const nodes = new Map(this.#nodes);
    if (!summaries.size && !nodes.size) return true;
    try {
      await this.#write(await this.#open(), [...summaries.values()], [...nodes.values()]);
    } catch (error) {
      this.#tell(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
    // What has changed in the meantime waits for the next time.
    for (const [id, summary] of summaries) if (this.#summaries.get(id) === summary) this.#summaries.delete(id);
    for (const [id, node] of nodes) if (this.#nodes.get(id) === node) this.#nodes.delete(id);
    for (const id of new Set([...summaries.keys(), ...[...nodes.values()].map((node) => node.conversation)]))
      this.#channel.postMessage(id);
    if (!this.isBehind) this.#tell(null);
    return true;
  }

  /**
   * Leaves what is not written yet for the next visit: a page that goes away waits for no database.
   *
   * @returns {boolean} Whether nothing is lost.
   */
  leave() {
    if (!this.isBehind) return true;
    try {
      const left = JSON.parse(localStorage.getItem(leftKey) ?? '{}');
      left[this.#tab] = { summaries: [...this.#summaries.values()], nodes: [...this.#nodes.values()] };
      localStorage.setItem(leftKey, JSON.stringify(left));
      return true;
    } catch {
      // Storage is full or blocked.
      return false;
    }
  }

  /** @param {Summary} summary @param {string} title Given to it while the page goes away. */
  leaveTitle(summary, title) {
    if (title === summary.title) return;
    const conversation = new Conversation(structuredClone(summary));
    conversation.set({ title });
    this.#summaries.set(summary.id, merge(this.#summaries.get(summary.id), conversation.summary));
    this.leave();
  }

  /** @param {string} id It can be restored for a while. */
  async delete(id) {
    await this.#setDeleted(id, true);
    setTimeout(() => this.purge().catch(() => {}), undoTime + 1000);
  }

  /** @param {string} id */
  async restore(id) {
    await this.#setDeleted(id, false);
  }

  /** Lets go of the messages of conversations that were deleted some time ago; that they were deleted is kept. */
  async purge() {
    const transaction = (await this.#open()).transaction(['conversations', 'nodes'], 'readwrite');
    const conversations = transaction.objectStore('conversations');
    for (const summary of /** @type {Summary[]} */ (await result(conversations.getAll()))) {
      if (!summary.deleted || !summary.title || summary.changed.deleted > stamp() - undoTime) continue;
      conversations.put({ ...summary, title: '' });
      transaction.objectStore('nodes').delete(nodesOf(summary.id));
    }
    await completed(transaction);
  }

  /** @param {string[]} [ids] All conversations when left out. @returns {Promise<string>} JSON that `import` takes. */
  async export(ids) {
    const chosen = ids ?? (await this.list()).map((summary) => summary.id);
    const conversations = await Promise.all(chosen.map((id) => this.load(id)));
    const { exportText } = await import('./conversation-export.js');
    return exportText(
      conversations.filter((conversation) => conversation !== undefined),
      !ids,
    );
  }

  /**
   * Adds the conversations of an exported file, and what was deleted of them here. What is there stays as it is: a file
   * never changes a message.
   *
   * @param {string} json
   * @returns {Promise<{ added: number, grown: number, known: number, presets: number }>} Conversations that are new here,
   *   those that got messages, others, and new presets.
   */
  async import(json) {
    const { addPresetsOf, parseExport } = await import('./conversation-export.js');
    let [added, grown, known] = [0, 0, 0];
    for (const conversation of parseExport(json)) {
      const here = await this.load(conversation.id);
      const isNew = !here || here.summary.deleted;
      const fresh = conversation.messages.filter(({ id }) => {
        const mine = here?.find(id);
        return !mine || mine.deleted;
      });
      if (isNew) added += 1;
      else if (fresh.length) grown += 1;
      else known += 1;
      if (here?.summary.deleted) here.set({ deleted: false, title: conversation.title });
      if (here && !here.summary.deleted && !fresh.length && !isNew) continue;
      await this.save(here ?? conversation, fresh);
      for (const listener of this.#listeners) listener(conversation.id);
    }
    return { added, grown, known, presets: addPresetsOf(json) };
  }

  /** Writes what a tab that was closed has left. */
  async #takeUp() {
    try {
      const text = localStorage.getItem(leftKey);
      if (!text) return;
      for (const { summaries, nodes } of Object.values(JSON.parse(text))) {
        for (const summary of summaries)
          this.#summaries.set(summary.id, merge(this.#summaries.get(summary.id), summary));
        for (const node of nodes) this.#nodes.set(node.id, merge(this.#nodes.get(node.id), node));
      }
      if ((await this.flush()) && localStorage.getItem(leftKey) === text) localStorage.removeItem(leftKey);
    } catch {
      // Storage is blocked, or was changed by hand.
    }
  }

  /** @param {Node[]} nodes The words of those that were deleted some time ago go for good. */
  #forgetDeleted(nodes) {
    const gone = nodes.filter(
      ({ deleted, content, files, changed }) => deleted && (content || files) && changed < stamp() - undoTime,
    );
    for (const node of gone) this.#nodes.set(node.id, { ...node, content: '', files: undefined });
    if (gone.length) this.flush();
  }

  /** @param {string} id @param {boolean} deleted */
  async #setDeleted(id, deleted) {
    const conversation = await this.load(id);
    conversation?.set({ deleted });
    if (conversation) await this.save(conversation, []);
  }

  /** @param {IDBDatabase} database @param {Summary[]} summaries @param {Node[]} nodes */
  async #write(database, summaries, nodes) {
    const transaction = database.transaction(['conversations', 'nodes'], 'readwrite');
    const done = completed(transaction);
    /** @type {unknown} */
    let cause;
    const put = async () => {
      const conversations = transaction.objectStore('conversations');
      const messages = transaction.objectStore('nodes');
      const gone = new Set();
      for (const summary of summaries) {
        const merged = merge(await result(conversations.get(summary.id)), summary);
        if (merged.deleted && !merged.title) gone.add(summary.id);
        conversations.put(merged);
      }
      for (const node of nodes) {
        if (gone.has(node.conversation)) continue;
        messages.put(merge(await result(messages.get([node.conversation, node.id])), node));
      }
    };
    put().catch((error) => {
      cause = error;
      try {
        transaction.abort();
      } catch {
        // It has ended already, and `done` says why.
      }
    });
    await done.catch((error) => {
      throw cause ?? error;
    });
  }

  /**
   * @template Value
   * @param {(database: IDBDatabase) => Promise<Value[]>} read
   * @returns {Promise<Value[]>} Empty when the browser gives nothing.
   */
  async #read(read) {
    try {
      return await read(await this.#open());
    } catch (error) {
      this.#tell(/** @type {Error} */ (error));
      return [];
    }
  }

  #open() {
    this.#database ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(databaseName, databaseVersion);
      request.onupgradeneeded = ({ oldVersion }) => upgrade(request, oldVersion);
      request.onsuccess = () => {
        const database = request.result;
        const forget = () => (this.#database = undefined);
        database.onclose = forget;
        // A newer version of the page, in another tab, must be able to change what is kept.
        database.onversionchange = () => {
          database.close();
          forget();
        };
        resolve(database);
      };
      request.onblocked = () =>
        this.#tell(new Error('An older version of this page is open in another tab. Please close or reload that tab.'));
      request.onerror = () => reject(request.error);
    });
    this.#database.catch(() => (this.#database = undefined));
    return this.#database;
  }
}

/** @param {IDBOpenDBRequest} request @param {number} oldVersion */
function upgrade(request, oldVersion) {
  const database = request.result;
  if (oldVersion < 1) database.createObjectStore('conversations', { keyPath: 'id' });
  const nodes = database.createObjectStore('nodes', { keyPath: ['conversation', 'id'] });
  if (oldVersion !== 1) return;
  // Version 1 kept all messages of a conversation in one record.
  const transaction = /** @type {IDBTransaction} */ (request.transaction);
  const conversations = transaction.objectStore('conversations');
  const old = transaction.objectStore('messages');
  old.getAll().onsuccess = (/** @type {any} */ event) => {
    const lists = new Map(event.target.result.map((/** @type {any} */ stored) => [stored.id, stored.messages]));
    conversations.getAll().onsuccess = (/** @type {any} */ second) => {
      for (const { firstSeen = 0, ...summary } of second.target.result) {
        /** @type {any[]} */
        const messages = lists.get(summary.id) ?? [];
        let parent = null;
        for (const message of messages) {
          message.id ??= newID();
          nodes.put({ ...message, parent, changed: message.createdAt, conversation: summary.id });
          parent = message.id;
        }
        const seenFrom = firstSeen > 0 ? (messages[firstSeen]?.id ?? null) : null;
        conversations.put({ ...summary, leaf: parent, seenFrom, deleted: false, changed: {} });
      }
      database.deleteObjectStore('messages');
    };
  };
}
