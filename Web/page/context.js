/** How much of the model's context a conversation takes, and which of its oldest messages make room. */

import { promptOf, roomToContinue, tokensToContinue } from './prompt.js';
import { settings } from './settings.js';

/** @typedef {import('./conversation.js').Message} Message */
/** @typedef {import('./conversation.js').Conversation} Conversation */

/**
 * What is sent besides what is there.
 *
 * @typedef {object} Sent
 * @property {Message} [reply] What is sent ends before this one, and with what it says so far.
 * @property {import('./prompt.js').Draft | null} [draft] A message that is being written.
 */

/**
 * Counted by the model's own tokenizer, over what its template makes of the conversation.
 *
 * @param {import('./prompt.js').Templates} engine
 * @param {Conversation} conversation
 * @param {Sent} sent
 * @param {number} [from] Index of the first message that is sent.
 * @returns {Promise<number>} 0 where there is nothing to send.
 */
export async function countTokens(engine, conversation, { reply, draft }, from) {
  const messages = promptOf(conversation, reply ?? null, settings.getState().systemPrompt, { from, draft });
  if (!messages.some(({ role }) => role === 'user')) return 0;
  return (await tokensToContinue(engine, messages, reply?.content ?? '')).tokens.length;
}

/**
 * What the last message of the user takes that is sent, without any before it.
 *
 * @param {import('./prompt.js').Templates} engine
 * @param {Conversation} conversation
 * @param {Sent} sent
 */
export function countLast(engine, conversation, sent) {
  const path = sent.reply ? conversation.pathTo(sent.reply) : conversation.path;
  const last = path.findLastIndex(({ role }) => role === 'user');
  return countTokens(engine, conversation, sent, sent.draft ? path.length : Math.max(0, last));
}

/**
 * Whether a reply has room after the last message of the user alone.
 *
 * @param {Sent} sent
 * @param {number} last Tokens of that message, as `countLast` counts them.
 * @param {number} limit Tokens that the context holds.
 */
export const hasRoom = ({ reply }, last, limit) => last + (reply?.content ? roomToContinue : 1) <= limit;

/**
 * No longer sends the oldest messages, as few as leave half of the context free. The last one of the user always stays;
 * where that has no room alone, so do all.
 *
 * @param {import('./prompt.js').Templates} engine
 * @param {Conversation} conversation
 * @param {Sent} sent
 * @param {number} limit Tokens that the context holds.
 * @param {boolean} [isOnlyIfFull] Not where a reply still has room: what it may have at most, or a quarter of the context.
 * @returns {Promise<number>} How many are not sent any longer.
 */
export async function makeRoom(engine, conversation, sent, limit, isOnlyIfFull = false) {
  if (isOnlyIfFull) {
    const free = limit - (await countTokens(engine, conversation, sent));
    if (free >= Math.min(settings.getState().maxTokens || limit, limit / 4)) return 0;
  }
  const { path, firstSeen } = conversation;
  const end = sent.reply ? path.indexOf(sent.reply) : path.length;
  // What the model sees begins with a message of the user.
  const places = [...path.keys()].filter((at) => at > firstSeen && at < end && path[at].role === 'user');
  if (!places.length || !hasRoom(sent, await countLast(engine, conversation, sent), limit)) return 0;
  let [low, high] = [0, places.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((await countTokens(engine, conversation, sent, places[middle])) <= limit / 2) high = middle;
    else low = middle + 1;
  }
  conversation.set({ seenFrom: path[places[low]].id });
  return places[low] - firstSeen;
}
