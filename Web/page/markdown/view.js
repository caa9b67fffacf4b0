import { whenEntitiesArrive } from './entities.js';
import { parse } from './parser.js';
import { patch } from './patch.js';
import { blocks, safePolicy } from './tree.js';

/** The last blocks may change with the text that follows: a list goes on, a line becomes the head of a table. */
const unsettledBlocks = 2;
const unsettledLines = 2;
/** While text grows, drawing gets at most this share of the time. */
const share = 1 / 4;

/** @typedef {import('./tree.js').TreeNode} TreeNode */

/**
 * Shows Markdown that may still be growing.
 *
 * Blocks that no later text can change are parsed and drawn once; only what follows them is done again when text is
 * added, so the work for one frame does not grow with the length of the reply. When the text is complete it is parsed
 * once as a whole, for links whose targets came after them.
 */
export class MarkdownView {
  #root;
  #text = '';
  #growing = false;
  /** Where in the text the blocks begin that may still change, and how many come before. */
  #settled = { end: 0, count: 0 };
  /** @type {TreeNode[]} */
  #shown = [];
  /** @type {import('./parser.js').References} */
  #references = {};
  #notBefore = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Element} root Where the blocks go. */
  constructor(root) {
    this.#root = root;
  }

  /**
   * @param {string} text The whole text; usually what was shown before with more at its end.
   * @param {boolean} [growing] Whether more may follow.
   */
  update(text, growing = false) {
    if (text === this.#text && growing === this.#growing) return;
    if (!growing || !text.startsWith(this.#text)) this.#begin();
    this.#text = text;
    this.#growing = growing;
    clearTimeout(this.#timer);
    const wait = growing ? this.#notBefore - performance.now() : 0;
    if (wait > 0) this.#timer = setTimeout(() => this.#draw(), wait);
    else this.#draw();
  }

  /** Shows what is there without waiting for the share of the time. */
  drawNow() {
    clearTimeout(this.#timer);
    this.#draw();
  }

  /** Everything is parsed again; what is shown stays until it is replaced. */
  #begin() {
    this.#settled = { end: 0, count: 0 };
    this.#references = {};
  }

  #drawAnew = () => {
    this.#begin();
    this.#draw();
  };

  #draw() {
    const start = performance.now();
    const text = this.#text.slice(this.#settled.end);
    const references = { ...this.#references };
    const tokens = parse(text, { references, growing: this.#growing });
    const found = blocks(tokens, safePolicy);
    const nodes = found.flatMap(({ node }) => (node === null ? [] : [node]));
    patch(this.#root, this.#shown.slice(this.#settled.count), nodes, this.#settled.count);
    this.#shown.length = this.#settled.count;
    for (const node of nodes) this.#shown.push(node);
    if (this.#growing) this.#settle(text, found, references);
    whenEntitiesArrive(this.#drawAnew);
    this.#notBefore = performance.now() + (performance.now() - start) * (1 / share - 1);
  }

  /**
   * @param {string} text
   * @param {import('./tree.js').Block[]} found
   * @param {import('./parser.js').References} references
   */
  #settle(text, found, references) {
    if (found.length <= unsettledBlocks) return;
    const starts = lineStarts(text);
    let last = found.length - unsettledBlocks;
    while (last > 0 && found[last].line >= starts.length - unsettledLines) last -= 1;
    if (last <= 0) return;
    this.#settled.end += starts[found[last].line];
    this.#settled.count += found.slice(0, last).filter(({ node }) => node !== null).length;
    // A target defined in what may still change is read again with it.
    const later = new Set(found.slice(last).map(({ label }) => label));
    for (const [label, target] of Object.entries(references)) {
      if (!later.has(label)) this.#references[label] ??= target;
    }
  }
}

/** @param {string} text @returns {number[]} The offset of each line. */
function lineStarts(text) {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
