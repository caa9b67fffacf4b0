/** A conversation as Markdown, to read and to share. */

import { messageText } from './prompt.js';
import { splitReply } from './reasoning.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */

/** @param {Conversation} conversation Whether a reply of the branch that is shown has reasoning. */
export function hasReasoning(conversation) {
  return conversation.path.some(({ role, content }) => role === 'assistant' && splitReply(content).reasoning !== '');
}

/**
 * The branch that is shown: a heading for each message, replies as the model wrote them.
 *
 * @param {Conversation} conversation
 * @param {boolean} withReasoning Folded, as `<details>`; else it is left out.
 * @returns {string}
 */
export function markdownOf(conversation, withReasoning) {
  const { systemPrompt } = conversation.summary;
  const parts = [`# ${oneLine(conversation.title)}`];
  if (systemPrompt?.trim()) parts.push(`> System prompt: ${systemPrompt.trim().replace(/\n/g, '\n> ')}`);
  for (const message of conversation.path) {
    if (message.role === 'user') {
      parts.push('## You', closed(messageText(message)));
      continue;
    }
    const { reasoning, answer } = splitReply(message.content);
    parts.push(`## ${oneLine(message.statistics?.model.replace(/^file:/, '') || 'Reply')}`);
    // GitHub and others read the Markdown within only after an empty line.
    if (withReasoning && reasoning)
      parts.push(`<details>\n<summary>Reasoning</summary>\n\n${closed(reasoning)}\n\n</details>`);
    if (answer.trim()) parts.push(closed(answer.trim()));
  }
  return `${parts.join('\n\n')}\n`;
}

/** @param {string} text A title in one line, which begins nothing else. */
function oneLine(text) {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]<>#]/g, '\\$&')
    .trim();
}

/** @param {string} text A message that ends within a block of code leaves it open; what follows is no code. */
function closed(text) {
  let fence = '';
  for (const [, marks, rest] of text.matchAll(/^ {0,3}(`{3,}|~{3,})([^\n]*)$/gm)) {
    if (!fence) fence = marks[0] === '`' && rest.includes('`') ? '' : marks;
    else if (marks[0] === fence[0] && marks.length >= fence.length && !rest.trim()) fence = '';
  }
  return fence ? `${text}\n${fence}` : text;
}
