/** What the model gets of a conversation. */

import { splitReply } from './reasoning.js';

/** @typedef {import('./conversation.js').Message} Message */
/** @typedef {Pick<Message, 'role' | 'content' | 'files'>} Draft */
/** @typedef {Pick<import('../inference-manager.js').InferenceManager, 'tokenize' | 'applyTemplate'>} Templates */

/**
 * Tokens of room that a reply needs, so that going on with it is worth a press: what was cut where the context ended can
 * read as some tokens fewer than it was written in, and would be cut again at the next word.
 */
export const roomToContinue = 16;

/**
 * The messages before `reply`, as far as the model still sees them. Two of one speaker in a row, as they come about when
 * a message stayed without a reply, are one: many templates refuse others. Of a reply goes its answer alone: what a model
 * thought before is not meant for the next turn, and many templates, but not all, would leave it out themselves.
 *
 * @param {import('./conversation.js').Conversation} conversation
 * @param {Message | null} reply Null for all of them.
 * @param {string} systemPrompt Of a conversation that has none of its own.
 * @param {{ from?: number, draft?: Draft | null }} [more] Index of the first message that is
 *   sent, when not the conversation's; a message that comes last.
 * @returns {{ role: string, content: string }[]}
 */
export function promptOf(conversation, reply, systemPrompt, { from, draft } = {}) {
  const isShown = !reply || conversation.path.includes(reply);
  // Another branch may be shown by the time that a reply's turn comes.
  const path = isShown ? conversation.path : conversation.pathTo(reply);
  const first = path.findIndex(({ id }) => id === conversation.summary.seenFrom);
  const seen = path.slice(from ?? Math.max(0, first), reply ? path.indexOf(reply) : undefined);
  if (draft) seen.push(/** @type {Message} */ (draft));
  /** @type {{ role: string, content: string }[]} */
  const messages = [];
  for (const message of seen) {
    const { role } = message;
    const content = role === 'assistant' ? splitReply(message.content).answer : messageText(message);
    const last = messages.at(-1);
    if (!content) continue;
    if (last?.role === role) last.content += `\n\n${content}`;
    else messages.push({ role, content });
  }
  const system = (conversation.summary.systemPrompt ?? systemPrompt).trim();
  return system ? [{ role: 'system', content: system }, ...messages] : messages;
}

/**
 * A message with its files: each under its name, in a fence that nothing in it closes.
 *
 * @param {Pick<Message, 'content' | 'files'>} message
 */
export function messageText({ content, files = [] }) {
  const parts = files.map(({ name, text }) => {
    // Not with `Math.max(...)`, which takes no million arguments.
    const longest = (text.match(/`{3,}/g) ?? []).reduce((most, { length }) => Math.max(most, length), 2);
    const fence = '`'.repeat(longest + 1);
    const language = /\.(\w{1,12})$/.exec(name)?.[1] ?? '';
    return `File “${name}”:\n\n${fence}${language}\n${text.replace(/\n$/, '')}\n${fence}`;
  });
  return [...parts, content].filter(Boolean).join('\n\n');
}

/**
 * @param {import('./settings.js').Settings} settings What is left out takes the model's recommended value.
 * @param {string} conversation Its id.
 */
export function optionsFrom(settings, conversation) {
  const { temperature, topP, topK, minP, typicalP, repeatPenalty, repeatLastN, frequencyPenalty, presencePenalty } =
    settings;
  const numbers = {
    temperature,
    topP,
    topK,
    minP,
    typicalP,
    repeatPenalty,
    repeatLastN,
    frequencyPenalty,
    presencePenalty,
  };
  const options = { ...numbers, seed: settings.seed, maxTokens: settings.maxTokens || null };
  const stop = settings.stop.split('\n').flatMap((line) => line.replaceAll('\\n', '\n') || []);
  return {
    .../** @type {Record<string, number>} */ (
      Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null))
    ),
    ...(stop.length && { stop }),
    ...(!settings.speculation && { speculation: false }),
    ...(settings.keepsPrefixes && { conversation }),
  };
}

/**
 * The tokens after which the model goes on with a reply that it has begun.
 *
 * @param {Templates} engine
 * @param {{ role: string, content: string }[]} messages
 * @param {string} begun What the reply says so far; plain text, whatever it spells.
 */
export async function tokensToContinue(engine, messages, begun) {
  const prompt = await engine.applyTemplate({ messages });
  const [[first], tokens, more] = await Promise.all([
    engine.tokenize('', { addSpecial: true }),
    engine.tokenize(prompt, { addSpecial: false, parseSpecial: true }),
    engine.tokenize(begun, { addSpecial: false }),
  ]);
  // Some templates write the token that begins a text themselves, others leave it to the tokenizer.
  const begin = first === undefined || tokens[0] === first ? [] : [first];
  return { tokens: [...begin, ...tokens, ...more] };
}
