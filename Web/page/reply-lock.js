import { withLock } from '../locks.js';

/**
 * A tab holds a Web Lock while it writes a reply, so that another tab which shows the same conversation can tell a reply
 * that is still growing from one that was cut off. The browser releases the lock of a tab that is closed or crashes.
 */

/** @typedef {import('./conversation.js').Message} Message */
/** @typedef {import('./conversation.js').Conversation} Conversation */

/** How often a tab that writes is asked for a sign of life, in milliseconds, and after how many in vain it sleeps. */
const askInterval = 2500;
const mostUnanswered = 4;

/** @param {Message} message */
const lockOf = (message) => `swiftlet-reply:${message.id}`;

/**
 * @template Value
 * @param {Message} message The reply.
 * @param {() => Promise<Value>} work Ends when what it wrote is kept: whoever waits for the lock reads it then.
 * @returns {Promise<Value>}
 */
export async function whileWriting(message, work) {
  // Without locks other tabs take the reply for cut off.
  return withLock(lockOf(message), {}, work);
}

/** The replies that other tabs are writing, as far as this one has looked. */
export class RepliesElsewhere {
  /** @type {Set<string>} */
  #ids = new Set();
  /** Over it go `stop` and `ask`, with the id of a reply, and `here` of the tab that writes it. */
  #channel = new BroadcastChannel('swiftlet-replies');
  #adopt;
  #show;

  /**
   * @param {object} actions
   * @param {(conversation: Conversation) => Promise<void>} actions.adopt Takes in what other tabs have stored.
   * @param {(conversation: Conversation) => void} actions.show Another tab began or ended a reply of it.
   * @param {(id: string) => Conversation | undefined} actions.writing Whose reply with this id is being written here.
   * @param {(conversation: Conversation) => void} actions.stop Another tab asks that its reply ends.
   */
  constructor({ adopt, show, writing, stop }) {
    this.#adopt = adopt;
    this.#show = show;
    this.#channel.addEventListener('message', ({ data: { type, id } }) => {
      const conversation = type === 'here' ? undefined : writing(id);
      if (conversation && type === 'stop') stop(conversation);
      else if (conversation) this.#channel.postMessage({ type: 'here', id });
    });
  }

  /** @param {Message} message Its tab is asked to end it. */
  stop(message) {
    this.#channel.postMessage({ type: 'stop', id: message.id });
  }

  /** @param {Message} message */
  has(message) {
    return this.#ids.has(message.id);
  }

  /**
   * Finds out which unfinished replies of a conversation another tab is writing.
   *
   * @param {Conversation} conversation
   * @param {Message} [mine] The one that this tab writes.
   */
  async look(conversation, mine) {
    const messages = conversation.path.filter((message) => message.ending === 'cut' && message !== mine);
    const { held = [] } = (messages.length && (await navigator.locks?.query().catch(() => null))) || {};
    // Those who wait for a reply share its lock; who writes it has it alone.
    const written = new Set(held.filter(({ mode }) => mode === 'exclusive').map(({ name }) => name));
    for (const message of messages) {
      if (this.has(message) || !written.has(lockOf(message))) continue;
      this.#ids.add(message.id);
      this.#show(conversation);
      navigator.locks.request(lockOf(message), { mode: 'shared' }, async () => {
        // Without its end, which is stored, it would look cut off.
        await this.#adopt(conversation);
        this.#ids.delete(message.id);
        this.#show(conversation);
      });
    }
  }

  /**
   * Waits until what a reply follows is whole, whichever tab writes it, so that its model sees all of it.
   *
   * @param {import('./reply-writer.js').Writing} writing
   * @param {() => unknown} show The reply waits.
   */
  async wait(writing, show) {
    const { conversation, message, place, stopping } = writing;
    const { signal } = stopping;
    const before = conversation.pathTo(message).filter((one) => one !== message);
    // The last words of one that was stopped may still be on their way.
    const unfinished = before.filter(({ ending }) => ending === 'cut' || ending === 'aborted');
    if (!unfinished.length) return;
    if (unfinished.some(({ ending }) => ending === 'cut')) writing.place = { ahead: 1, elsewhere: 1 };
    show();
    const free = unfinished.map((one) => withLock(lockOf(one), { mode: 'shared', signal }, () => {}));
    const over = new AbortController();
    await Promise.race([Promise.all(free), this.#sleep(unfinished, over.signal)]).catch((error) => {
      if (!signal.aborted) throw error;
    });
    over.abort();
    writing.place = place;
    if (!signal.aborted) await this.#adopt(conversation);
  }

  /**
   * Waits until no tab answers for these replies: one that a telephone has put to sleep keeps its locks.
   *
   * @param {Message[]} messages
   * @param {AbortSignal} over
   */
  async #sleep(messages, over) {
    let unanswered = 0;
    const hear = (/** @type {MessageEvent} */ { data: { type, id } }) => {
      if (type === 'here' && messages.some((message) => message.id === id)) unanswered = 0;
    };
    this.#channel.addEventListener('message', hear);
    while (!over.aborted && unanswered < mostUnanswered) {
      for (const { id } of messages) this.#channel.postMessage({ type: 'ask', id });
      unanswered += 1;
      await new Promise((resolve) => setTimeout(resolve, askInterval));
    }
    this.#channel.removeEventListener('message', hear);
  }
}
