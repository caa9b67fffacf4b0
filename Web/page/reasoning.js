/**
 * What a model thinks before it answers is part of its reply's text, between marks that differ from model to model.
 *
 * @typedef {object} ReplyParts
 * @property {string} reasoning
 * @property {string} answer
 * @property {boolean} isThinking Whether the end of the reasoning has not come yet.
 */

const opening = /^\s*(?:<(think|thinking|thought|reasoning|seed:think)>|\[THINK\])/i;
/** Some templates write the opening mark into the prompt; the reply then begins within. */
const loneClosing = /<\/think>/i;

/**
 * @param {string} text A reply, whole or as far as it has come.
 * @returns {ReplyParts}
 */
export function splitReply(text) {
  const open = opening.exec(text);
  if (!open) {
    const close = loneClosing.exec(text);
    return close && !text.slice(0, close.index).includes('`')
      ? parts(text.slice(0, close.index), text.slice(close.index + close[0].length))
      : { reasoning: '', answer: isBeginning(text) ? '' : text, isThinking: isBeginning(text) };
  }
  const begin = open[0].length;
  const mark = open[1] ? `</${open[1].toLowerCase()}>` : '[/think]';
  const end = text.toLowerCase().indexOf(mark, begin);
  if (end < 0) return { ...parts(text.slice(begin), ''), isThinking: true };
  return parts(text.slice(begin, end), text.slice(end + mark.length));
}

/** How long a reply thinks before it answers, whether anybody looks or not. */
export class ThoughtClock {
  #begun = 0;
  #isOver = false;
  #before;

  /** @param {{ content: string, thoughtFor?: number }} reply A new one, or one that goes on. */
  constructor({ content, thoughtFor }) {
    this.#before = thoughtFor ?? 0;
    // What it has thought for is known, or nobody knows.
    this.#isOver = content !== '' && (thoughtFor === undefined || !splitReply(content).isThinking);
  }

  /**
   * @param {string} text The reply as far as it has come.
   * @param {string} piece What has just come.
   * @returns {number | undefined} Milliseconds, while it thinks and when it has just stopped.
   */
  hear(text, piece) {
    if (this.#isOver) return undefined;
    this.#begun ||= performance.now();
    const isOpen = opening.test(text);
    // Where the prompt has the opening mark, only the closing one tells.
    if (!isOpen && !piece.includes('>')) return undefined;
    const { reasoning, isThinking } = splitReply(text);
    this.#isOver = isOpen ? !isThinking : reasoning !== '';
    return reasoning ? this.#before + performance.now() - this.#begun : undefined;
  }
}

/** @param {string} reasoning @param {string} answer @returns {ReplyParts} */
function parts(reasoning, answer) {
  return { reasoning: reasoning.trim(), answer: answer.replace(/^\s+/, ''), isThinking: false };
}

/** @param {string} text Whether this may become an opening mark: it is not shown for a blink. */
function isBeginning(text) {
  const begun = text.trimStart().toLowerCase();
  return begun !== '' && begun.length < 8 && ['<think>', '[think]'].some((mark) => mark.startsWith(begun));
}
