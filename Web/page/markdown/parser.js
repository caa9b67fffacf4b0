/**
 * Markdown as chat models write it: CommonMark and GFM as their specifications have them, read by markdown-it, with
 * GFM's autolinks and strikethrough to the letter, and formulas.
 *
 * @typedef {object} Token A token of markdown-it, of which this much is used.
 * @property {string} type
 * @property {string} tag
 * @property {1 | 0 | -1} nesting Whether it opens or closes an element, or neither.
 * @property {[string, string][] | null} attrs
 * @property {[number, number] | null} map The lines from and up to which it reaches.
 * @property {string} content
 * @property {string} info
 * @property {string} markup
 * @property {boolean} hidden
 * @property {any} meta
 * @property {Token[] | null} children
 *
 * @typedef {Record<string, { href: string, title: string }>} References Link targets by their normalized label.
 */

import MarkdownIt, { setEntityDecoder } from '../../vendor/markdown-it/markdown-it.js';
import { decodeEntity } from './entities.js';
import { addFormulaRules } from './formula-rules.js';
import { addLiteralAutolinks, addStrikethrough } from './gfm-rules.js';

setEntityDecoder(decodeEntity);

/** Quotes, lists and brackets nested deeper are shown as text, so that hostile text cannot exhaust the stack. */
const deepest = 40;

const parser = new /** @type {any} */ (MarkdownIt)({ html: true, maxNesting: deepest });
parser.normalizeLink = encodeLink;
parser.normalizeLinkText = (/** @type {string} */ text) => text;
// Which links the page makes is decided where elements are made of tokens.
parser.validateLink = () => true;
parser.core.ruler.disable(['linkify', 'replacements', 'smartquotes', 'strip_references']);
parser.inline.ruler.disable('linkify');
addStrikethrough(parser);
addLiteralAutolinks(parser);
addFormulaRules(parser);

/**
 * @param {string} text
 * @param {object} [context]
 * @param {References} [context.references] Targets that are known from text before this; new ones are added to it.
 * @param {boolean} [context.growing] Whether more text may follow: a formula that nothing closes yet is one then.
 * @returns {Token[]}
 */
export function parse(text, context) {
  const { references = {}, growing = false } = context ?? {};
  return parser.parse(text, { references, growing });
}

/** @type {(text: string) => string} Without backslash escapes and references to characters. */
export const unescapeText = parser.utils.unescapeAll;

/** @param {string} href @returns {string} The address with everything encoded that an address must not hold. */
function encodeLink(href) {
  return href
    .split(/(%[\da-f]{2})/i)
    .map((part, index) => (index % 2 ? part : encodeURI(wellFormed(part))))
    .join('');
}

/** @param {string} text @returns {string} Without halves of surrogate pairs. */
function wellFormed(text) {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}
