/** Spans inside a Markdown block: code, emphasis, links, line breaks. */

/** @typedef {import('./markdown.js').Inline} Inline */

/** Emphasis nested deeper than this is shown as it was written. */
const deepest = 8;

const safeLink = /^(?:https?:\/\/|mailto:)/i;
const bareLink = /^https?:\/\/[^\s<>"'`]+/;
const escapable = /[!-/:-@[-`{-~]/;
const wordCharacter = /[\p{L}\p{N}]/u;

/**
 * Parses the spans of one block.
 *
 * @param {string} text
 * @param {number} [depth]
 * @returns {Inline[]}
 */
export function parseInline(text, depth = 0) {
  /** @type {Inline[]} */
  const spans = [];
  // Marks that nothing closes any more: remembered, so that a text full of them is not searched over and over.
  /** @type {Set<string>} */
  const unclosed = new Set();
  let plain = '';
  const add = (/** @type {Inline} */ span) => {
    if (plain) spans.push({ type: 'text', text: plain });
    plain = '';
    spans.push(span);
  };

  let position = 0;
  while (position < text.length) {
    const found = depth < deepest ? spanAt(text, position, depth, unclosed) : undefined;
    if (found) {
      if (found.span) add(found.span);
      else plain += found.text;
      position = found.end;
    } else if (text[position] === '\n') {
      plain = plain.replace(/(?: +|\\)$/, '');
      add({ type: 'break' });
      position += 1;
    } else {
      plain += text[position];
      position += 1;
    }
  }
  if (plain) spans.push({ type: 'text', text: plain });
  return spans;
}

/**
 * The span that begins exactly at `position`, if any does.
 *
 * @param {string} text
 * @param {number} position
 * @param {number} depth
 * @param {Set<string>} unclosed
 * @returns {{ span?: Inline, text?: string, end: number } | undefined}
 */
function spanAt(text, position, depth, unclosed) {
  switch (text[position]) {
    case '\\': {
      const next = text[position + 1];
      return next && escapable.test(next) ? { text: next, end: position + 2 } : undefined;
    }
    case '`':
      return codeSpan(text, position, unclosed);
    case '*':
    case '_':
      return emphasis(text, position, depth, unclosed);
    case '~': {
      if (text[position + 1] !== '~') return undefined;
      const close = text.indexOf('~~', position + 2);
      if (close <= position + 2) return undefined;
      return {
        span: { type: 'deleted', children: parseInline(text.slice(position + 2, close), depth + 1) },
        end: close + 2,
      };
    }
    case '!':
      // Pictures are not fetched from elsewhere; what remains is the link to it.
      return text[position + 1] === '[' ? link(text, position + 1, depth) : undefined;
    case '[':
      return link(text, position, depth);
    case 'h':
      return autolink(text, position);
    default:
      return undefined;
  }
}

/** @param {string} text @param {number} position @param {Set<string>} [unclosed] */
function codeSpan(text, position, unclosed) {
  const ticks = /^`+/.exec(text.slice(position, position + 32))?.[0] ?? '`';
  let close = position + ticks.length;
  for (;;) {
    close = unclosed?.has(ticks) ? -1 : text.indexOf(ticks, close);
    if (close < 0) {
      unclosed?.add(ticks);
      return { text: ticks, end: position + ticks.length };
    }
    let after = close + ticks.length;
    if (text[after] !== '`') break;
    while (text[after] === '`') after += 1;
    close = after;
  }
  let content = text.slice(position + ticks.length, close).replaceAll('\n', ' ');
  if (content.length > 2 && content.startsWith(' ') && content.endsWith(' ') && content.trim())
    content = content.slice(1, -1);
  return { span: /** @type {Inline} */ ({ type: 'code', text: content }), end: close + ticks.length };
}

/** @param {string} text @param {number} position @param {number} depth @param {Set<string>} unclosed */
function emphasis(text, position, depth, unclosed) {
  const mark = text[position];
  let run = 1;
  while (text[position + run] === mark && run < 3) run += 1;
  const before = text[position - 1] ?? ' ';
  const after = text[position + run] ?? ' ';
  if (/\s/.test(after) || (mark === '_' && wordCharacter.test(before))) return undefined;
  for (let length = run; length >= 1; length -= 1) {
    const start = position + length;
    const marks = mark.repeat(length);
    if (unclosed.has(marks)) continue;
    const close = closingMark(text, start, mark, length);
    if (close < 0) {
      unclosed.add(marks);
      continue;
    }
    const children = parseInline(text.slice(start, close), depth + 1);
    /** @type {Inline} */
    const span =
      length === 1
        ? { type: 'emphasis', children }
        : { type: 'strong', children: length === 3 ? [{ type: 'emphasis', children }] : children };
    return { span, end: close + length };
  }
  return { text: mark.repeat(run), end: position + run };
}

/**
 * Where exactly `length` closing marks are.
 *
 * @param {string} text
 * @param {number} start
 * @param {string} mark
 * @param {number} length
 */
function closingMark(text, start, mark, length) {
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '`') at = (codeSpan(text, at)?.end ?? at + 1) - 1;
    else if (text[at] === mark) {
      let run = 1;
      while (text[at + run] === mark) run += 1;
      const closes = at > start && !/\s/.test(text[at - 1]);
      const insideWord = mark === '_' && wordCharacter.test(text[at + run] ?? ' ');
      if (closes && !insideWord && (run === length || (run > length && run >= 3))) return at + run - length;
      at += run - 1;
    }
  }
  return -1;
}

/** @param {string} text @param {number} position @param {number} depth */
function link(text, position, depth) {
  let open = 0;
  let close = -1;
  for (let at = position; at < text.length && at - position < 1000; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '[') open += 1;
    else if (text[at] === ']' && (open -= 1) === 0) {
      close = at;
      break;
    }
  }
  if (close < 0 || text[close + 1] !== '(') return undefined;
  const target = /^\(\s*<?((?:[^\s()<>]|\([^\s()]*\))*)>?(?:\s+["'][^"']*["'])?\s*\)/.exec(
    text.slice(close + 1, close + 2100),
  );
  if (!target || !safeLink.test(target[1])) return undefined;
  const children = parseInline(text.slice(position + 1, close), depth + 1);
  return {
    span: /** @type {Inline} */ ({ type: 'link', href: target[1], children }),
    end: close + 1 + target[0].length,
  };
}

/** @param {string} text @param {number} position */
function autolink(text, position) {
  if (position > 0 && wordCharacter.test(text[position - 1])) return undefined;
  const match = bareLink.exec(text.slice(position, position + 2100));
  if (!match) return undefined;
  // Punctuation that ends the sentence is not part of the address, nor is an unmatched closing bracket.
  let href = match[0].replace(/[.,;:!?*_~]+$/, '');
  while (href.endsWith(')') && href.split('(').length < href.split(')').length) href = href.slice(0, -1);
  /** @type {Inline} */
  const span = { type: 'link', href, children: [{ type: 'text', text: href }] };
  return { span, end: position + href.length };
}
