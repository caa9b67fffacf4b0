import { optionsFrom, promptOf, tokensToContinue } from './prompt.js';
import { ThoughtClock } from './reasoning.js';
import { settings } from './settings.js';

/**
 * A reply that is being written.
 *
 * @typedef {object} Writing
 * @property {import('./conversation.js').Conversation} conversation
 * @property {import('./conversation.js').Message} message
 * @property {import('../inference-manager.js').Reply | null} reply Null until the engine has been asked.
 * @property {{ done: number, total: number } | null} prompt How far the prompt is.
 * @property {{ ahead: number, elsewhere: number }} place Replies that come first, as the engine tells it once it was asked.
 * @property {AbortController} stopping
 */

/**
 * A reply that is asked for.
 *
 * @typedef {object} Request
 * @property {string | null} parent The message it answers.
 * @property {import('./conversation.js').Message} [begun] A reply that goes on, instead of a new one.
 */

/** @typedef {{ generate: import('../inference-manager.js').InferenceManager['generate'], forget: import('../inference-manager.js').InferenceManager['forget'] } & import('./prompt.js').Templates} Engine */

/** A growing reply is saved this often, in milliseconds, so that closing the tab loses little. */
const saveInterval = 1000;

/**
 * Asks the engine for a reply and puts what comes into its message.
 *
 * @param {Engine} engine
 * @param {Writing} writing
 * @param {object} actions
 * @param {boolean} actions.goesOn Whether the reply has begun before.
 * @param {() => Promise<unknown>} actions.prepare
 * @param {(tokens: number) => void} actions.checkRoomToContinue Throws where a reply that goes on has none.
 * @param {() => string | null} actions.model
 * @param {() => void} actions.grow
 * @param {() => void} actions.save
 */
export async function writeReply(engine, writing, { goesOn, prepare, checkRoomToContinue, model, grow, save }) {
  const { conversation, message } = writing;
  await prepare();
  if (writing.stopping.signal.aborted) return;
  const messages = promptOf(conversation, message, settings.getState().systemPrompt);
  const begun = goesOn && (await tokensToContinue(engine, messages, message.content));
  if (begun) checkRoomToContinue(begun.tokens.length);
  const input = begun || messages;
  if (writing.stopping.signal.aborted) return;
  const reply = engine.generate(input, optionsFrom(settings.getState(), conversation.id));
  writing.reply = reply;
  reply.onWaiting = grow;
  reply.onPromptProgress = (done, total) => {
    writing.prompt = { done, total };
    grow();
  };
  let saved = performance.now();
  const clock = new ThoughtClock(message);
  for await (const text of reply) {
    const content = message.content + text;
    const thoughtFor = clock.hear(content, text);
    conversation.change(message, thoughtFor === undefined ? { content } : { content, thoughtFor });
    grow();
    if (performance.now() - saved < saveInterval) continue;
    saved = performance.now();
    save();
  }
  const { reason, timings } = await reply.finished;
  conversation.change(message, { ending: reason === 'stop' ? undefined : reason });
  if (!timings?.predictedCount) return;
  conversation.change(message, {
    statistics: {
      model: model() ?? '',
      tokens: timings.predictedCount,
      tokensPerSecond:
        timings.predictedMilliseconds > 0 ? (timings.predictedCount * 1000) / timings.predictedMilliseconds : 0,
      timeToFirstToken: timings.firstTokenMilliseconds,
    },
  });
}
