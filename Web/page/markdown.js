/**
 * Markdown as chat models write it, parsed into plain trees.
 *
 * Nothing here touches the page: `markdown-view.js` turns a tree into DOM nodes. Text is split into top-level blocks
 * first, and a split never changes once another block has begun, so that a reply that still grows only has its last
 * block parsed again.
 *
 * @typedef {object} Block
 * @property {string} source The block's lines, without the blank ones after it.
 * @property {number} start Where it begins in the text.
 * @property {number} end Where the next block may begin.
 *
 * @typedef {{ type: 'text', text: string }
 *   | { type: 'code', text: string }
 *   | { type: 'break' }
 *   | { type: 'strong' | 'emphasis' | 'deleted', children: Inline[] }
 *   | { type: 'link', href: string, children: Inline[] }} Inline
 *
 * @typedef {{ type: 'paragraph', children: Inline[] }
 *   | { type: 'heading', level: number, children: Inline[] }
 *   | { type: 'codeBlock', language: string, text: string, closed: boolean }
 *   | { type: 'list', ordered: boolean, start: number, items: Node[][] }
 *   | { type: 'quote', children: Node[] }
 *   | { type: 'table', header: Inline[][], align: Alignment[], rows: Inline[][][] }
 *   | { type: 'rule' }} Node
 *
 * @typedef {'left' | 'center' | 'right' | ''} Alignment
 */

import { parseInline } from './markdown-inline.js';

/** Deeper quotes and lists are shown as plain paragraphs, so that hostile text cannot exhaust the stack. */
const deepest = 12;

const fence = /^( {0,3})(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/;
const heading = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$/;
const rule = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const quote = /^ {0,3}> ?(.*)$/;
const listItem = /^( {0,3})([-*+]|\d{1,9}[.)])(?:[ \t]+(.*)|)$/;
const tableDelimiter = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const blank = /^[ \t]*$/;

/**
 * Splits text into its top-level blocks.
 *
 * @param {string} text
 * @param {number} [from] Where to begin: the start of a block of an earlier split.
 * @returns {Block[]}
 */
export function splitBlocks(text, from = 0) {
  /** @type {Block[]} */
  const blocks = [];
  let position = from;
  while (position < text.length) {
    const line = lineAt(text, position);
    if (blank.test(line.text)) {
      position = line.next;
      continue;
    }
    const end = blockEnd(text, position);
    blocks.push({ source: text.slice(position, end).replace(/[ \t]*\n*$/, ''), start: position, end });
    position = end;
  }
  return blocks;
}

/**
 * Parses whole text.
 *
 * @param {string} text
 * @param {number} [depth]
 * @returns {Node[]}
 */
export function parseMarkdown(text, depth = 0) {
  return splitBlocks(text).map((block) => parseBlock(block.source, depth));
}

/**
 * Parses one block of `splitBlocks`.
 *
 * @param {string} source
 * @param {number} [depth]
 * @returns {Node}
 */
export function parseBlock(source, depth = 0) {
  const lines = source.split('\n');
  const first = lines[0];
  const opening = fence.exec(first);
  if (opening) return codeBlock(lines, opening);
  const title = heading.exec(first);
  if (title) return { type: 'heading', level: title[1].length, children: parseInline(title[2]) };
  if (rule.test(first)) return { type: 'rule' };
  if (depth < deepest) {
    if (quote.test(first)) {
      const inner = lines.map((line) => quote.exec(line)?.[1] ?? line).join('\n');
      return { type: 'quote', children: parseMarkdown(inner, depth + 1) };
    }
    if (listItem.test(first)) return list(lines, depth);
  }
  if (isTable(lines)) return table(lines);
  return { type: 'paragraph', children: parseInline(lines.map((line) => line.trimStart()).join('\n')) };
}

/** @param {string} text @param {number} position */
function lineAt(text, position) {
  const newline = text.indexOf('\n', position);
  const end = newline < 0 ? text.length : newline;
  return { text: text.slice(position, end), next: newline < 0 ? text.length : newline + 1 };
}

/**
 * The offset after the block that starts at `position`.
 *
 * @param {string} text
 * @param {number} position
 */
function blockEnd(text, position) {
  const first = lineAt(text, position);
  const opening = fence.exec(first.text);
  if (opening) return fencedEnd(text, first.next, opening[2]);
  if (heading.test(first.text) || rule.test(first.text)) return first.next;
  if (listItem.test(first.text)) return listEnd(text, first);
  const isQuote = quote.test(first.text);
  let end = first.next;
  while (end < text.length) {
    const line = lineAt(text, end);
    if (blank.test(line.text) || fence.test(line.text) || heading.test(line.text)) break;
    if (isQuote !== quote.test(line.text)) break;
    // A numbered line inside a paragraph is a list only when it is the first: "in 1984." is no item.
    const item = listItem.exec(line.text);
    if (!isQuote && ((item && item[3] && !(/\d/.test(item[2]) && !/^1[.)]/.test(item[2]))) || rule.test(line.text)))
      break;
    end = line.next;
  }
  return end;
}

/** @param {string} text @param {number} position @param {string} marker */
function fencedEnd(text, position, marker) {
  let end = position;
  while (end < text.length) {
    const line = lineAt(text, end);
    end = line.next;
    if (closesFence(line.text, marker)) break;
  }
  return end;
}

/** @param {string} line @param {string} marker */
function closesFence(line, marker) {
  const trimmed = line.trim();
  return trimmed.length >= marker.length && trimmed[0] === marker[0] && trimmed === marker[0].repeat(trimmed.length);
}

/**
 * A list goes on over blank lines while items or indented lines follow.
 *
 * @param {string} text
 * @param {{ text: string, next: number }} first
 */
function listEnd(text, first) {
  const ordered = /\d/.test(/** @type {any} */ (listItem.exec(first.text))[2]);
  let end = first.next;
  let openFence = '';
  let afterBlank = false;
  while (end < text.length) {
    const line = lineAt(text, end);
    const inner = fence.exec(line.text.trimStart());
    if (openFence) {
      if (closesFence(line.text, openFence)) openFence = '';
    } else if (inner && /^[ \t]/.test(line.text)) {
      openFence = inner[2];
    } else if (blank.test(line.text)) {
      afterBlank = true;
      end = line.next;
      continue;
    } else if (!/^(?: {2}|\t)/.test(line.text)) {
      const item = listItem.exec(line.text);
      const sameKind = item && !rule.test(line.text) && /\d/.test(item[2]) === ordered;
      const interrupts =
        fence.test(line.text) || heading.test(line.text) || rule.test(line.text) || quote.test(line.text);
      if (!sameKind && (afterBlank || interrupts || item)) break;
    }
    afterBlank = false;
    end = line.next;
  }
  return end;
}

/** @param {string[]} lines @param {RegExpExecArray} opening @returns {Node} */
function codeBlock(lines, opening) {
  const closed = lines.length > 1 && closesFence(lines[lines.length - 1], opening[2]);
  const indent = opening[1].length;
  const body = lines.slice(1, closed ? -1 : undefined);
  const text = body.map((line) => line.slice(Math.min(indent, line.length - line.trimStart().length))).join('\n');
  return { type: 'codeBlock', language: opening[3], text, closed };
}

/** @param {string[]} lines @param {number} depth @returns {Node} */
function list(lines, depth) {
  const first = /** @type {RegExpExecArray} */ (listItem.exec(lines[0]));
  const ordered = /\d/.test(first[2]);
  const baseIndent = first[1].length;
  /** @type {string[][]} */
  const items = [];
  let contentIndent = 0;
  for (const line of lines) {
    const item = listItem.exec(line);
    const isItem = item && (items.length === 0 || (item[1].length <= baseIndent + 1 && item[1].length < contentIndent));
    if (item && isItem && !rule.test(line)) {
      contentIndent = item[1].length + item[2].length + 1;
      items.push([item[3] ?? '']);
    } else {
      const indent = line.length - line.trimStart().length;
      items[items.length - 1].push(line.slice(Math.min(indent, contentIndent)));
    }
  }
  return {
    type: 'list',
    ordered,
    start: ordered ? Number.parseInt(first[2], 10) : 1,
    items: items.map((item) => parseMarkdown(item.join('\n'), depth + 1)),
  };
}

/** @param {string[]} lines */
function isTable(lines) {
  return (
    lines.length > 1 &&
    lines[0].includes('|') &&
    tableDelimiter.test(lines[1]) &&
    cells(lines[0]).length === cells(lines[1]).length
  );
}

/** @param {string[]} lines @returns {Node} */
function table(lines) {
  const header = cells(lines[0]);
  const align = cells(lines[1]).map((cell) => {
    const right = cell.endsWith(':');
    if (cell.startsWith(':')) return right ? 'center' : 'left';
    return right ? 'right' : '';
  });
  const rows = lines.slice(2).map((line) => {
    const row = cells(line).slice(0, header.length);
    while (row.length < header.length) row.push('');
    return row.map(parseInline);
  });
  return { type: 'table', header: header.map(parseInline), align: /** @type {Alignment[]} */ (align), rows };
}

/** @param {string} line @returns {string[]} */
function cells(line) {
  const inner = line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '');
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
}
