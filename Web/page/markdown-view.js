import { element, icon } from './dom.js';
import { parseBlock, splitBlocks } from './markdown.js';

/** @typedef {import('./markdown.js').Node} MarkdownNode */
/** @typedef {import('./markdown.js').Inline} Inline */

/**
 * Shows Markdown that may still be growing.
 *
 * Only the last block is parsed and drawn again when text is added, and a code block that is still open just gets the
 * new characters; so the work for one frame does not grow with the length of the reply.
 */
export class MarkdownView {
  #root;
  #text = '';
  /** @type {{ start: number, source: string, node: Node, code?: Text }[]} */
  #blocks = [];

  /** @param {HTMLElement} root Where the blocks go. */
  constructor(root) {
    this.#root = root;
  }

  /** @param {string} text The whole text; usually what was shown before with more at its end. */
  update(text) {
    if (text === this.#text) return;
    if (!text.startsWith(this.#text)) {
      this.#root.replaceChildren();
      this.#blocks = [];
    }
    this.#text = text;
    const last = this.#blocks.at(-1);
    const [first, ...rest] = splitBlocks(text, last?.start ?? 0);
    if (!first) return;
    if (last) this.#redraw(last, first.source);
    else this.#add(first);
    for (const block of rest) this.#add(block);
  }

  /** @param {{ start: number, source: string }} block */
  #add({ start, source }) {
    const drawn = draw(source);
    this.#root.append(drawn.node);
    this.#blocks.push({ start, source, ...drawn });
  }

  /** @param {{ source: string, node: any, code?: Text }} block @param {string} source */
  #redraw(block, source) {
    if (block.source === source) return;
    const parsed = parseBlock(source);
    if (block.code && parsed.type === 'codeBlock' && parsed.text.startsWith(block.code.data)) {
      block.code.appendData(parsed.text.slice(block.code.data.length));
    } else {
      const drawn = draw(source, parsed);
      block.node.replaceWith(drawn.node);
      block.node = drawn.node;
      block.code = drawn.code;
    }
    block.source = source;
  }
}

/** @param {string} source @param {MarkdownNode} [parsed] @returns {{ node: Node, code?: Text }} */
function draw(source, parsed = parseBlock(source)) {
  if (parsed.type !== 'codeBlock' || source.indexOf('\n') < 0) return { node: blockNode(parsed) };
  const code = document.createTextNode(parsed.text);
  return { node: codeNode(parsed.language, code), code };
}

/** @param {MarkdownNode} block @returns {Node} */
function blockNode(block) {
  switch (block.type) {
    case 'paragraph':
      return element('p', {}, ...block.children.map(inlineNode));
    case 'heading':
      // The page's own headings are h1 and h2, so those of a reply begin at h3.
      return element(`h${Math.min(6, block.level + 2)}`, {}, ...block.children.map(inlineNode));
    case 'codeBlock':
      return codeNode(block.language, document.createTextNode(block.text));
    case 'list':
      return element(
        block.ordered ? 'ol' : 'ul',
        block.ordered && block.start !== 1 ? { start: block.start } : {},
        ...block.items.map(itemNode),
      );
    case 'quote':
      return element('blockquote', {}, ...block.children.map(blockNode));
    case 'table':
      return tableNode(block);
    case 'rule':
      return element('hr');
  }
}

/**
 * A lone paragraph needs no `p` of its own inside an item.
 *
 * @param {MarkdownNode[]} blocks
 */
function itemNode(blocks) {
  const [first, ...rest] = blocks;
  const tight = first?.type === 'paragraph' && rest.every((block) => block.type === 'list');
  return element(
    'li',
    {},
    ...(tight ? first.children.map(inlineNode) : first ? [blockNode(first)] : []),
    ...rest.map(blockNode),
  );
}

/** @param {Extract<MarkdownNode, { type: 'table' }>} block */
function tableNode(block) {
  const cell = (/** @type {string} */ tag) => (/** @type {Inline[]} */ children, /** @type {number} */ column) =>
    element(tag, { class: block.align[column] ? `align-${block.align[column]}` : null }, ...children.map(inlineNode));
  return element(
    'div',
    { class: 'table-scroller', tabindex: 0, role: 'region', 'aria-label': 'Table' },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...block.header.map(cell('th')))),
      element('tbody', {}, ...block.rows.map((row) => element('tr', {}, ...row.map(cell('td'))))),
    ),
  );
}

/** @param {string} language @param {Text} text */
function codeNode(language, text) {
  const copy = element(
    'button',
    { type: 'button', class: 'code-copy', 'aria-label': 'Copy this code' },
    icon('copy'),
    element('span', {}, 'Copy'),
  );
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text.data);
    copy.lastChild.textContent = 'Copied';
    setTimeout(() => (copy.lastChild.textContent = 'Copy'), 1600);
  });
  return element(
    'figure',
    { class: 'code-block' },
    element('figcaption', {}, element('span', {}, language || 'text'), copy),
    element('pre', { tabindex: 0 }, element('code', {}, text)),
  );
}

/** @param {Inline} span @returns {Node} */
function inlineNode(span) {
  switch (span.type) {
    case 'text':
      return document.createTextNode(span.text);
    case 'code':
      return element('code', {}, span.text);
    case 'break':
      return element('br');
    case 'strong':
      return element('strong', {}, ...span.children.map(inlineNode));
    case 'emphasis':
      return element('em', {}, ...span.children.map(inlineNode));
    case 'deleted':
      return element('del', {}, ...span.children.map(inlineNode));
    case 'link':
      return element(
        'a',
        { href: span.href, target: '_blank', rel: 'noopener noreferrer' },
        ...span.children.map(inlineNode),
      );
  }
}
