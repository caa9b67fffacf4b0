/**
 * Requests of several clients that wait for their turn: each client's are served in their order, and the clients one
 * after the other (round robin), so that many requests of one do not keep another waiting.
 *
 * @template {{ client: unknown }} Entry
 */
export class FairQueue {
  /** What was begun before and goes on comes first, whoever's it is. @type {Entry[]} */
  #begun = [];
  /** By client, whose turn comes first is first. @type {Map<unknown, Entry[]>} */
  #waiting = new Map();

  /** @param {Entry} entry @param {boolean} [isBegun] */
  add(entry, isBegun = false) {
    if (isBegun) this.#begun.push(entry);
    else if (this.#waiting.has(entry.client)) this.#waiting.get(entry.client)?.push(entry);
    else this.#waiting.set(entry.client, [entry]);
  }

  /** @returns {Entry | undefined} The one whose turn it is, which waits no longer. */
  next() {
    if (this.#begun.length) return this.#begun.shift();
    for (const [client, entries] of this.#waiting) {
      this.#waiting.delete(client);
      const [entry, ...others] = entries;
      if (others.length) this.#waiting.set(client, others);
      return entry;
    }
    return undefined;
  }

  /** @param {(entry: Entry) => boolean} isMeant @returns {Entry[]} Those that were taken out. */
  remove(isMeant) {
    const removed = this.order().filter(isMeant);
    this.#begun = this.#begun.filter((entry) => !removed.includes(entry));
    for (const [client, entries] of [...this.#waiting]) {
      const others = entries.filter((entry) => !removed.includes(entry));
      if (others.length) this.#waiting.set(client, others);
      else this.#waiting.delete(client);
    }
    return removed;
  }

  /** @returns {Entry[]} All, in the order in which their turns come if no others are added. */
  order() {
    const lists = [...this.#waiting.values()];
    const rounds = Math.max(0, ...lists.map((entries) => entries.length));
    const entries = Array.from({ length: rounds }, (_, round) => lists.flatMap((list) => list.slice(round, round + 1)));
    return [...this.#begun, ...entries.flat()];
  }
}
