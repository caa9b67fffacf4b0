/**
 * What GFM adds to CommonMark and markdown-it has only nearly: strikethrough with one tilde or two, and addresses that
 * are links without brackets (https://github.github.com/gfm/#autolinks-extension-).
 */

/** markdown-it pairs delimiters by this number; one tilde never closes two. */
const oneTilde = 0x7e01;
const twoTildes = 0x7e02;

/** @param {any} parser */
export function addStrikethrough(parser) {
  parser.inline.ruler.at('strikethrough', tildes);
  parser.inline.ruler2.at('strikethrough', (/** @type {any} */ state) => {
    strike(state, state.delimiters);
    for (const meta of state.tokens_meta) if (meta?.delimiters) strike(state, meta.delimiters);
  });
}

/** @param {any} state @param {boolean} silent */
function tildes(state, silent) {
  if (silent || state.src[state.pos] !== '~') return false;
  const { length, can_open: open, can_close: close } = state.scanDelims(state.pos, true);
  state.push('text', '', 0).content = '~'.repeat(length);
  if (length <= 2) {
    const marker = length === 1 ? oneTilde : twoTildes;
    state.delimiters.push({ marker, length: 0, token: state.tokens.length - 1, end: -1, open, close });
  }
  state.pos += length;
  return true;
}

/** @param {any} state @param {any[]} delimiters */
function strike(state, delimiters) {
  for (const opening of delimiters) {
    if ((opening.marker !== oneTilde && opening.marker !== twoTildes) || opening.end < 0) continue;
    Object.assign(state.tokens[opening.token], { type: 'del_open', tag: 'del', nesting: 1, content: '' });
    const closing = state.tokens[delimiters[opening.end].token];
    Object.assign(closing, { type: 'del_close', tag: 'del', nesting: -1, content: '' });
  }
}

/** @param {any} parser */
export function addLiteralAutolinks(parser) {
  parser.inline.ruler.at('text', plainText);
  parser.inline.ruler.after('text', 'literal_autolink', literalAutolink);
  parser.core.ruler.after('text_join', 'literal_email', literalEmails);
}

const special = /[\n!#$%&*+\-:<=>@[\\\]^_`{}~]/;

/**
 * Text up to the next character that means something, or the next `www.` that may begin a link.
 *
 * @param {any} state
 * @param {boolean} silent
 */
function plainText(state, silent) {
  let end = state.pos;
  while (end < state.posMax && !special.test(state.src[end]) && !beginsHost(state.src, end)) end += 1;
  if (end === state.pos) return false;
  if (!silent) state.pending += state.src.slice(state.pos, end);
  state.pos = end;
  return true;
}

/** @param {string} text @param {number} at */
function beginsHost(text, at) {
  return (
    (text[at] === 'w' || text[at] === 'W') &&
    (at === 0 || /[\s*_~(]/.test(text[at - 1])) &&
    /^www\./i.test(text.slice(at, at + 4))
  );
}

/** @param {any} state @param {boolean} silent */
function literalAutolink(state, silent) {
  const { src, pos } = state;
  if (src[pos] === ':') {
    if (silent || state.linkLevel > 0 || src[pos + 1] !== '/' || src[pos + 2] !== '/') return false;
    const scheme = /(?:^|[^a-z])(https?|ftp)$/i.exec(state.pending.slice(-6))?.[1];
    const host = scheme ? hostEnd(src, pos + 3, state.posMax) : undefined;
    if (!scheme || !host) return false;
    const end = addressEnd(src, host.end, state.posMax, pos + 3);
    state.pending = state.pending.slice(0, -scheme.length);
    const address = scheme + src.slice(pos, end);
    pushLink(state, address, address);
    state.pos = end;
    return true;
  }
  if (!beginsHost(src, pos)) return false;
  const host = state.linkLevel > 0 ? undefined : hostEnd(src, pos, state.posMax);
  const end = host && host.dots > 0 ? addressEnd(src, host.end, state.posMax, pos) : pos + 3;
  const address = src.slice(pos, end);
  if (!silent && end > pos + 4) pushLink(state, `http://${address}`, address);
  else if (!silent) state.pending += address;
  state.pos = end;
  return true;
}

/**
 * Where a host name ends, if there is a valid one: no underscores in its last two parts.
 *
 * @param {string} text
 * @param {number} start
 * @param {number} limit
 */
function hostEnd(text, start, limit) {
  let end = start;
  let dots = 0;
  let before = false;
  let last = false;
  for (; end < limit; end += 1) {
    const character = text[end];
    if (character === '_') last = true;
    else if (character === '.') {
      before = last;
      last = false;
      dots += 1;
    } else if (character !== '-' && !/[\p{L}\p{N}]/u.test(character) && character < '\ud800') break;
  }
  return end === start || before || last ? undefined : { end, dots };
}

/**
 * Where an address ends: before a space or `<`, without punctuation that belongs to the sentence.
 *
 * @param {string} text
 * @param {number} from
 * @param {number} limit
 * @param {number} start
 */
function addressEnd(text, from, limit, start) {
  let end = from;
  let open = 0;
  let close = 0;
  for (let at = start; at < from; at += 1) if (text[at] === '(') open += 1;
  while (end < limit && !/[\s<]/.test(text[end])) {
    if (text[end] === '(') open += 1;
    if (text[end] === ')') close += 1;
    end += 1;
  }
  for (; end > start; end -= 1) {
    const last = text[end - 1];
    if (last === ')') {
      if (close <= open) break;
      close -= 1;
    } else if (last === ';') {
      const entity = /&[a-z\d]+;$/i.exec(text.slice(Math.max(start, end - 40), end));
      if (entity) end -= entity[0].length - 1;
    } else if (!/[?!.,:*_~'"]/.test(last)) break;
  }
  return end;
}

/** @param {any} state @param {string} href @param {string} text */
function pushLink(state, href, text) {
  const opening = state.push('link_open', 'a', 1);
  opening.attrs = [['href', state.md.normalizeLink(href)]];
  opening.markup = 'autolink';
  state.push('text', '', 0).content = text;
  state.push('link_close', 'a', -1);
}

/** @param {any} state Makes links of the mail addresses in its text. */
function literalEmails(state) {
  for (const block of state.tokens) {
    if (block.type !== 'inline' || !block.content.includes('@')) continue;
    let depth = 0;
    block.children = block.children.flatMap((/** @type {any} */ token) => {
      if (token.type === 'link_open') depth += 1;
      else if (token.type === 'link_close') depth -= 1;
      return token.type === 'text' && depth === 0 ? splitEmails(token, state.Token) : [token];
    });
  }
}

/** @param {any} token @param {any} Token */
function splitEmails(token, Token) {
  const text = token.content;
  /** @type {any[]} */
  const pieces = [];
  let done = 0;
  const add = (/** @type {string} */ type, /** @type {number} */ nesting, /** @type {object} */ rest) =>
    pieces.push(Object.assign(new Token(type, nesting ? 'a' : '', nesting), rest));
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > done && /[\w.+-]/.test(text[start - 1])) start -= 1;
    const domain = start < at && /^[\w-]+(?:\.[\w-]+)+/.exec(text.slice(at + 1, at + 256))?.[0];
    if (!domain || /[-_]$/.test(domain)) continue;
    const end = at + 1 + domain.length;
    const address = text.slice(start, end);
    if (start > done) add('text', 0, { content: text.slice(done, start) });
    add('link_open', 1, { attrs: [['href', `mailto:${address}`]], markup: 'autolink' });
    add('text', 0, { content: address });
    add('link_close', -1, {});
    done = end;
  }
  if (!done) return [token];
  if (done < text.length) add('text', 0, { content: text.slice(done) });
  return pieces;
}
