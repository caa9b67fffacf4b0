/**
 * A conversation is a tree of messages: a reply that is written anew, or a message that is edited, is another version
 * beside the first, and what followed the first stays with it. `leaf` says which branch is shown.
 *
 * Every message, and every field of a summary that can change, carries the time of its last change, so that two tabs
 * that write the same conversation can be merged: the later change wins, field by field.
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {string | null} parent The message that it follows.
 * @property {'user' | 'assistant'} role
 * @property {string} content
 * @property {TextFile[]} [files] Only on messages of the user.
 * @property {number} createdAt Milliseconds since 1970.
 * @property {number} changed
 * @property {boolean} [deleted] What followed it follows its parent then.
 * @property {ReplyStatistics} [statistics] Only on replies.
 * @property {number} [thoughtFor] Milliseconds of reasoning before the answer, where it is known.
 * @property {Ending} [ending] How a reply ended, when not by itself. A reply that is being written has `cut`, so that it
 *   still says so when nobody lives to write its end.
 *
 * @typedef {{ name: string, text: string }} TextFile
 *
 * @typedef {'length' | 'aborted' | 'cut'} Ending
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
 * @property {string | null} leaf The last message of the branch that is shown.
 * @property {string | null} seenFrom The oldest message that the model still gets; the ones before it were let go.
 * @property {string | null} systemPrompt What the model is told first; null takes the one of the settings.
 * @property {boolean} deleted
 * @property {Record<string, number>} changed When each field of `mergedFields` was changed.
 */

export const mergedFields = /** @type {const} */ (['title', 'leaf', 'seenFrom', 'systemPrompt', 'deleted']);

let lastStamp = 0;

/** @returns {number} A time that is later than every one given or seen before. */
export function stamp() {
  lastStamp = Math.max(Date.now(), lastStamp + 1);
  return lastStamp;
}

/** @param {number} time A stamp that another tab gave. */
function observe(time) {
  lastStamp = Math.max(lastStamp, time);
}

/** @returns {string} Unlike `crypto.randomUUID`, this is there without a secure context too. */
export function newID() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {'user' | 'assistant'} role
 * @param {string} content
 * @param {string | null} parent
 * @returns {Message}
 */
export function newMessage(role, content, parent) {
  const now = stamp();
  return { id: newID(), parent, role, content, createdAt: now, changed: now };
}

/**
 * What both changes of a message or a summary come to.
 *
 * @template {Message | Summary} Item
 * @param {Item | undefined} before
 * @param {Item} after Wins where both changed at the same time.
 * @returns {Item}
 */
export function merge(before, after) {
  if (!before) return after;
  if (!('leaf' in before) || !('leaf' in after)) return before.changed > after.changed ? before : after;
  const merged = { ...after, changed: { ...after.changed } };
  merged.createdAt = Math.min(before.createdAt, after.createdAt);
  merged.updatedAt = Math.max(before.updatedAt, after.updatedAt);
  for (const field of mergedFields) {
    const [old = 0, young = 0] = [before.changed[field], after.changed[field]];
    if (old > young) Object.assign(merged, { [field]: before[field] });
    merged.changed[field] = Math.max(old, young);
  }
  return merged;
}

/** A conversation in memory. */
export class Conversation {
  /** @type {Summary} */
  summary;
  /** @type {Map<string, Message>} */
  #nodes = new Map();
  /** @type {Message[] | null} */
  #path = null;
  /**
   * What follows each message, oldest first; under null the first ones.
   *
   * @type {Map<Message | null, Message[]> | null}
   */
  #followers = null;

  /** @param {Summary} [summary] A new, empty conversation when left out. @param {Message[]} [messages] */
  constructor(summary, messages = []) {
    const now = Date.now();
    this.summary = summary ?? {
      id: newID(),
      title: 'New conversation',
      createdAt: now,
      updatedAt: now,
      leaf: null,
      seenFrom: null,
      systemPrompt: null,
      deleted: false,
      changed: {},
    };
    for (const time of Object.values(this.summary.changed)) observe(time);
    for (const message of messages) this.#put(message);
  }

  get id() {
    return this.summary.id;
  }

  get title() {
    return this.summary.title;
  }

  /** Every message of every branch, parents before what follows them. */
  get messages() {
    const ordered = new Set();
    for (const message of this.#nodes.values()) {
      const chain = new Set();
      for (
        /** @type {Message | undefined} */ let node = message;
        node && !ordered.has(node) && !chain.has(node);
        node = this.#nodes.get(node.parent ?? '')
      )
        chain.add(node);
      for (const node of [...chain].reverse()) ordered.add(node);
    }
    return [...ordered];
  }

  /** The messages that are shown, from the first to the last. */
  get path() {
    if (!this.#path) {
      const leaf = this.#nodes.get(this.summary.leaf ?? '');
      this.#path = this.pathTo(leaf && !leaf.deleted ? leaf : this.#newestAfter(leaf ? this.parentOf(leaf) : null));
    }
    return this.#path;
  }

  /** Index in `path` of the first message that the model still gets. */
  get firstSeen() {
    return Math.max(
      0,
      this.path.findIndex((message) => message.id === this.summary.seenFrom),
    );
  }

  /** @param {string} id */
  find(id) {
    return this.#nodes.get(id);
  }

  /** @param {Message} message Becomes the last one shown. */
  add(message) {
    this.#put(message);
    this.set({ leaf: message.id });
    this.summary.updatedAt = Date.now();
  }

  /** @param {Partial<Pick<Summary, typeof mergedFields[number]>>} changes */
  set(changes) {
    const now = stamp();
    Object.assign(this.summary, changes);
    for (const field of Object.keys(changes)) this.summary.changed[field] = now;
    this.#path = null;
  }

  /** @param {Message} message @param {Partial<Message>} changes */
  change(message, changes) {
    Object.assign(message, changes, { changed: stamp() });
    if ('deleted' in changes) this.#path = this.#followers = null;
  }

  /** @param {Message} message @returns {Message[]} It and the others in its place, oldest first. */
  versions(message) {
    return this.#after(this.parentOf(message));
  }

  /** @param {Message} message Shows the branch of this one, down to the newest message after it. */
  choose(message) {
    this.set({ leaf: this.#newestAfter(message)?.id ?? message.id });
  }

  /**
   * Takes in what another tab has written.
   *
   * @param {Conversation} other
   */
  adopt(other) {
    const shown = this.path.at(-1) ?? null;
    for (const message of other.messages) {
      const mine = this.#nodes.get(message.id);
      if (!mine) this.#put(message);
      else if (message.changed > mine.changed) replace(mine, message);
    }
    this.#path = this.#followers = null;
    const { leaf, changed } = this.summary;
    this.summary = merge(other.summary, this.summary);
    this.summary.changed.leaf = changed.leaf ?? 0;
    // Each tab goes on with the branch that it shows.
    this.summary.leaf = this.#newestAfter(shown && !shown.deleted ? shown : null)?.id ?? leaf;
  }

  /** @param {Message} message */
  #put(message) {
    this.#nodes.set(message.id, message);
    observe(message.changed);
    this.#path = this.#followers = null;
  }

  /** @param {Message} message @returns {Message | null} The nearest one before it that is not deleted. */
  parentOf(message) {
    const seen = new Set([message]);
    let node = this.#nodes.get(message.parent ?? '');
    while (node?.deleted && !seen.has(node)) {
      seen.add(node);
      node = this.#nodes.get(node.parent ?? '');
    }
    return node && !seen.has(node) ? node : null;
  }

  /** @param {Message | null} message @returns {Message[]} */
  #after(message) {
    if (!this.#followers) {
      this.#followers = new Map();
      for (const node of this.#nodes.values()) {
        if (node.deleted) continue;
        const parent = this.parentOf(node);
        const followers = this.#followers.get(parent);
        if (followers) followers.push(node);
        else this.#followers.set(parent, [node]);
      }
      for (const followers of this.#followers.values()) followers.sort((a, b) => a.createdAt - b.createdAt);
    }
    return this.#followers.get(message) ?? [];
  }

  /** @param {Message | null} message @returns {Message | null} The last one of the newest branch that begins with it. */
  #newestAfter(message) {
    const seen = new Set();
    let node = message;
    for (let next = this.#after(node).at(-1); next && !seen.has(next); next = this.#after(node).at(-1)) {
      seen.add(next);
      node = next;
    }
    return node;
  }

  /** @param {Message | null} message @returns {Message[]} From the first to this one. */
  pathTo(message) {
    const path = new Set();
    for (let node = message; node && !path.has(node); node = this.parentOf(node)) path.add(node);
    return [...path].reverse();
  }
}

/** @param {any} target @param {any} source */
function replace(target, source) {
  for (const key of Object.keys(target)) if (!(key in source)) delete target[key];
  Object.assign(target, source);
}

/** @param {string} text The first thing the user said. @returns {string} One short line. */
export function titleFrom(text) {
  const line = text.trim().replace(/\s+/g, ' ');
  if (line.length <= 48) return line || 'New conversation';
  const cut = line.slice(0, 48);
  const space = cut.lastIndexOf(' ');
  return `${cut.slice(0, space > 24 ? space : 48)}…`;
}
