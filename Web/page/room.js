import { ContextOverflowError } from '../inference-manager.js';
import { roomToContinue } from './prompt.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */
/** @typedef {import('./conversation.js').Message} Message */
/** @typedef {import('./reply-writer.js').Request} Request */

/** Of an error: the last message would have no room in an empty context either. */
export const messageOverflow = 'message-overflow';

/** Room in the model's context, which a conversation makes by no longer sending its oldest messages. */
export class Room {
  /** The oldest messages of a conversation are no longer sent. @type {(count: number, conversation: Conversation, seenFrom: string | null) => void} */
  onMade = () => {};
  /** What the context had no room for. @type {WeakMap<Conversation, Request>} */
  #refused = new WeakMap();
  #engine;
  #limit;

  /** @param {import('./reply-writer.js').Engine} engine @param {() => number} limit Tokens that the context holds. */
  constructor(engine, limit) {
    this.#engine = engine;
    this.#limit = limit;
  }

  /**
   * No longer sends the oldest messages, so that half of the context is free.
   *
   * @param {Conversation} conversation
   * @param {import('./context.js').Sent} sent What is to have room.
   * @param {boolean} [isOnlyIfFull]
   */
  async make(conversation, sent, isOnlyIfFull = false) {
    const { makeRoom } = await import('./context.js');
    const { seenFrom } = conversation.summary;
    const count = await makeRoom(this.#engine, conversation, sent, this.#limit(), isOnlyIfFull);
    if (count) this.onMade(count, conversation, seenFrom);
  }

  /**
   * @param {number} need Tokens after which a reply is to go on.
   * @throws {ContextOverflowError} Where it would be cut again at once.
   */
  checkRoomToContinue(need) {
    const limit = this.#limit();
    if (need + roomToContinue <= limit) return;
    const message = `The reply has no room to go on: the conversation has ${need} of ${limit} tokens.`;
    throw new ContextOverflowError({ code: 'context-overflow', message, need, limit });
  }

  /**
   * Remembers a reply that found no room.
   *
   * @param {ContextOverflowError} error
   * @param {Conversation} conversation
   * @param {Request} request
   * @param {Message} reply
   * @returns {Promise<ContextOverflowError>} Says whether room would help.
   */
  async refuse(error, conversation, request, reply) {
    this.#refused.set(conversation, request);
    const { countLast, hasRoom } = await import('./context.js');
    const [need, limit] = [await countLast(this.#engine, conversation, { reply }).catch(() => 0), this.#limit()];
    if (hasRoom({ reply }, need, limit)) return error;
    return new ContextOverflowError({ code: messageOverflow, message: error.message, need, limit }, { cause: error });
  }

  /** @param {Conversation} conversation @returns {Request} The reply that found no room, or one to the last message. */
  refused(conversation) {
    return this.#refused.get(conversation) ?? { parent: conversation.path.at(-1)?.id ?? null };
  }
}
