/**
 * Conversations, kept in this browser's IndexedDB.
 *
 * Two object stores, so that the list in the sidebar never reads the messages: `conversations` holds the summaries and
 * `messages` the messages of one conversation under its id. Other tabs hear of changes over a BroadcastChannel.
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {'user' | 'assistant'} role
 * @property {string} content
 * @property {number} createdAt Milliseconds since 1970.
 * @property {ReplyStatistics} [statistics] Only on replies.
 * @property {'length' | 'aborted'} [ending] How a reply ended, when not by itself.
 *
 * @typedef {object} ReplyStatistics
 * @property {string} model
 * @property {number} tokens
 * @property {number} tokensPerSecond
 * @property {number} timeToFirstToken Milliseconds.
 *
 * @typedef {object} Summary
 * @property {string} id
 * @property {string} title
 * @property {number} createdAt
 * @property {number} updatedAt
 * @property {number} firstSeen Index of the oldest message the model still gets; the ones before it were let go.
 *
 * @typedef {Summary & { messages: Message[] }} Conversation
 */

const databaseName = 'swiftlet';
const databaseVersion = 1;
const exportFormat = 'swiftlet-conversations';
const exportVersion = 1;

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
    transaction.onabort = () => reject(transaction.error);
  });
}

export class ConversationArchive {
  /** @type {Promise<IDBDatabase> | undefined} */
  #database;
  #channel = new BroadcastChannel('swiftlet-conversations');

  /** @param {() => void} listener Called when another tab changed the archive. */
  onChangeElsewhere(listener) {
    this.#channel.onmessage = () => listener();
  }

  /** @returns {Promise<Summary[]>} Newest first. */
  async list() {
    const database = await this.#open();
    const summaries = await result(database.transaction('conversations').objectStore('conversations').getAll());
    return summaries.sort((a, b) => b.updatedAt - a.updatedAt);
  }

  /** @param {string} id @returns {Promise<Conversation | undefined>} */
  async load(id) {
    const database = await this.#open();
    const transaction = database.transaction(['conversations', 'messages']);
    const [summary, stored] = await Promise.all([
      result(transaction.objectStore('conversations').get(id)),
      result(transaction.objectStore('messages').get(id)),
    ]);
    return summary && { ...summary, messages: stored?.messages ?? [] };
  }

  /** @param {Conversation[]} conversations */
  async save(...conversations) {
    const database = await this.#open();
    const transaction = database.transaction(['conversations', 'messages'], 'readwrite');
    for (const { messages, ...summary } of conversations) {
      transaction.objectStore('conversations').put(summary);
      transaction.objectStore('messages').put({ id: summary.id, messages });
    }
    await completed(transaction);
    this.#channel.postMessage('changed');
  }

  /** @param {string} id */
  async delete(id) {
    const database = await this.#open();
    const transaction = database.transaction(['conversations', 'messages'], 'readwrite');
    transaction.objectStore('conversations').delete(id);
    transaction.objectStore('messages').delete(id);
    await completed(transaction);
    this.#channel.postMessage('changed');
  }

  /** @param {string[]} [ids] All conversations when left out. @returns {Promise<string>} JSON that `import` takes. */
  async export(ids) {
    const chosen = ids ?? (await this.list()).map((summary) => summary.id);
    const conversations = (await Promise.all(chosen.map((id) => this.load(id)))).filter(Boolean);
    return JSON.stringify({ format: exportFormat, version: exportVersion, conversations }, null, 2);
  }

  /**
   * Adds the conversations of an exported file, each under a new id.
   *
   * @param {string} json
   * @returns {Promise<Conversation[]>} The added ones, in the file's order.
   */
  async import(json) {
    const conversations = parseExport(json);
    await this.save(...conversations);
    return conversations;
  }

  #open() {
    this.#database ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(databaseName, databaseVersion);
      request.onupgradeneeded = () => {
        request.result.createObjectStore('conversations', { keyPath: 'id' });
        request.result.createObjectStore('messages', { keyPath: 'id' });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return this.#database;
  }
}

/** @returns {Conversation} An empty one, not saved yet. */
export function newConversation() {
  const now = Date.now();
  return {
    id: crypto.randomUUID(),
    title: 'New conversation',
    createdAt: now,
    updatedAt: now,
    firstSeen: 0,
    messages: [],
  };
}

/** @param {'user' | 'assistant'} role @param {string} content @returns {Message} */
export function newMessage(role, content) {
  return { id: crypto.randomUUID(), role, content, createdAt: Date.now() };
}

/** @param {string} text The first thing the user said. @returns {string} One short line. */
export function titleFrom(text) {
  const line = text.trim().replace(/\s+/g, ' ');
  if (line.length <= 48) return line || 'New conversation';
  const cut = line.slice(0, 48);
  const space = cut.lastIndexOf(' ');
  return `${cut.slice(0, space > 24 ? space : 48)}…`;
}

/**
 * Reads an exported file, which may come from anywhere: only what is understood is kept.
 *
 * @param {string} json
 * @returns {Conversation[]}
 */
export function parseExport(json) {
  let parsed;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new Error('This file is not JSON.');
  }
  if (parsed?.format !== exportFormat || !Array.isArray(parsed.conversations)) {
    throw new Error('This file does not hold exported Swiftlet conversations.');
  }
  if (parsed.version !== exportVersion) {
    throw new Error(`This file has version ${parsed.version}; this page reads version ${exportVersion}.`);
  }
  return parsed.conversations.map((/** @type {any} */ raw, /** @type {number} */ index) => {
    if (!Array.isArray(raw?.messages))
      throw new Error(`Conversation ${index + 1} of the file has no list of messages.`);
    const messages = raw.messages.map((/** @type {any} */ message, /** @type {number} */ place) => {
      const known = message?.role === 'user' || message?.role === 'assistant';
      if (!known || typeof message.content !== 'string') {
        throw new Error(`Message ${place + 1} of conversation ${index + 1} has no role or no text.`);
      }
      return {
        ...newMessage(message.role, message.content),
        createdAt: numberOr(message.createdAt, Date.now()),
        ...(message.ending === 'length' || message.ending === 'aborted' ? { ending: message.ending } : {}),
        ...(isStatistics(message.statistics) ? { statistics: message.statistics } : {}),
      };
    });
    return {
      ...newConversation(),
      title: typeof raw.title === 'string' && raw.title.trim() ? raw.title.slice(0, 200) : 'Imported conversation',
      createdAt: numberOr(raw.createdAt, Date.now()),
      updatedAt: numberOr(raw.updatedAt, Date.now()),
      firstSeen: Math.min(messages.length, Math.max(0, Math.trunc(numberOr(raw.firstSeen, 0)))),
      messages,
    };
  });
}

/** @param {any} value @param {number} fallback */
function numberOr(value, fallback) {
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}

/** @param {any} value */
function isStatistics(value) {
  return (
    value !== null &&
    typeof value === 'object' &&
    typeof value.model === 'string' &&
    [value.tokens, value.tokensPerSecond, value.timeToFirstToken].every(Number.isFinite)
  );
}
