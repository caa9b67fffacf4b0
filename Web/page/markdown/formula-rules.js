/**
 * Formulas: `\( \)` and `$ $` in a line, `\[ \]`, `$$ $$` and bare LaTeX environments on their own.
 *
 * Dollars follow pandoc's and GitHub's rules, so that prices stay prices: no space inside them, no letter or digit
 * outside, and something between that looks like mathematics.
 */

/** Longer ones are text; the bound keeps the search for an end that does not come linear. */
const longest = 4000;
const mostLines = 200;
const environments = /^(?:equation|align|gather|alignat|multline|flalign|eqnarray|math|displaymath)\*?$/;

/** @param {any} parser */
export function addFormulaRules(parser) {
  parser.inline.ruler.before('escape', 'formula', inlineFormula);
  parser.block.ruler.before('fence', 'formula_block', formulaBlock, {
    alt: ['paragraph', 'reference', 'blockquote', 'list'],
  });
}

/** @param {any} state @param {boolean} silent */
function inlineFormula(state, silent) {
  const { src, pos } = state;
  const found =
    src[pos] === '$' ? dollars(state) : src[pos] === '\\' && /[([]/.test(src[pos + 1] ?? '') ? brackets(state) : null;
  if (!found) return false;
  if (!silent) {
    const token = state.push('formula', '', 0);
    token.content = found.tex;
    token.markup = src.slice(pos, found.end);
    token.meta = { display: found.display };
  }
  state.pos = found.end;
  return true;
}

/** @param {any} state */
function brackets(state) {
  const { src, pos } = state;
  const display = src[pos + 1] === '[';
  const close = nextMark(state, display ? '\\]' : '\\)', pos + 2);
  if (close < 0 || close > pos + longest) return null;
  const tex = src.slice(pos + 2, close).trim();
  // Escaped brackets around nothing, or around other escapes, are just brackets.
  return /[\p{L}\p{N}]/u.test(tex) ? { tex, display, end: close + 2 } : null;
}

/** @param {any} state */
function dollars(state) {
  const { src, pos, posMax } = state;
  if (src[pos - 1] === '$') return null;
  const mark = src[pos + 1] === '$' ? '$$' : '$';
  const start = pos + mark.length;
  if (src[start] === '$') return null;
  const close = nextMark(state, mark, start);
  if (close < 0 || close > pos + longest) return null;
  const source = src.slice(start, close);
  const end = close + mark.length;
  if (source.includes('`')) return null;
  if (mark === '$$') return source.trim() ? { tex: source.trim(), display: true, end } : null;
  const outside = /[\p{L}\p{N}$\\]/u;
  if (/^\s|\s$|\n\s*\n/.test(source) || outside.test(src[pos - 1] ?? ' ')) return null;
  if (end < posMax && outside.test(src[end])) return null;
  return looksLikeMathematics(source) ? { tex: source, display: false, end } : null;
}

/** @param {string} source */
function looksLikeMathematics(source) {
  if (!source) return false;
  if (/\\[a-z]|[\^_=<>≤≥≠±×·∈√∑∫{}]/i.test(source)) return true;
  return !/\p{L}{4,}|\p{L}{2,}[.,;:]?\s+\p{L}{2,}|,\s+\p{L}{2,}/u.test(source);
}

/**
 * Where a mark is next, not escaped; what was found is remembered, so that a text full of opening marks is read once.
 *
 * @param {any} state
 * @param {string} mark
 * @param {number} from
 */
function nextMark(state, mark, from) {
  state.formulaMarks ??= new Map();
  const known = state.formulaMarks.get(mark);
  let at;
  if (known && known.from <= from && (known.at < 0 || known.at >= from)) at = known.at;
  else {
    at = state.src.indexOf(mark, from);
    while (at >= 0 && isEscaped(state.src, at, from)) at = state.src.indexOf(mark, at + 1);
    state.formulaMarks.set(mark, { from, at });
  }
  return at >= 0 && at + mark.length <= state.posMax ? at : -1;
}

/** @param {string} text @param {number} at @param {number} from */
function isEscaped(text, at, from) {
  let slashes = 0;
  while (at - slashes > from && slashes < 64 && text[at - 1 - slashes] === '\\') slashes += 1;
  return slashes % 2 === 1;
}

/** @param {any} state @param {number} startLine @param {number} endLine @param {boolean} silent */
function formulaBlock(state, startLine, endLine, silent) {
  if (state.sCount[startLine] - state.blkIndent >= 4) return false;
  const lineStart = state.bMarks[startLine] + state.tShift[startLine];
  const first = state.src.slice(lineStart, state.eMarks[startLine]);
  const opening = /^(?:\$\$(?!\$)|\\\[|\\begin\{([a-z]{1,16}\*?)\})/.exec(first);
  if (!opening || (opening[1] && !environments.test(opening[1]))) return false;
  const closing = opening[1] ? `\\end{${opening[1]}}` : opening[0] === '$$' ? '$$' : '\\]';
  const kept = opening[1] ? 0 : opening[0].length;
  state.env.lastMarks ??= new Map();
  if (!state.env.lastMarks.has(closing)) state.env.lastMarks.set(closing, state.src.lastIndexOf(closing));
  if (!state.env.growing && state.env.lastMarks.get(closing) < lineStart + kept) return false;

  /** @type {string[]} */
  const lines = [];
  let line = startLine;
  let closed = false;
  for (; line < endLine && line < startLine + mostLines && !closed; line += 1) {
    if (line > startLine && !state.isEmpty(line) && state.sCount[line] < state.blkIndent) break;
    const begin = line === startLine ? lineStart + kept : state.bMarks[line] + state.tShift[line];
    const text = state.src.slice(Math.min(begin, state.eMarks[line]), state.eMarks[line]);
    const at = text.indexOf(closing);
    if (at < 0) {
      lines.push(text);
      continue;
    }
    // What follows the end on its line makes it a formula within a paragraph.
    if (text.slice(at + closing.length).trim()) return false;
    lines.push(text.slice(0, opening[1] ? at + closing.length : at));
    closed = true;
  }
  const isOpen = !closed && state.env.growing && line >= state.lineMax && line < startLine + mostLines;
  const tex = lines.join('\n').trim();
  if (!(closed ? /[\p{L}\p{N}]/u.test(tex) : isOpen) || tex.length > longest) return false;
  if (silent) return true;

  const token = state.push('formula_block', '', 0);
  token.content = tex;
  token.map = [startLine, line];
  token.meta = { display: true, closed };
  state.line = line;
  return true;
}
