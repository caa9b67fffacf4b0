/**
 * What is shown of Markdown: plain trees of elements, made of the parser's tokens and of nothing else. No markup of the
 * text becomes an element; a policy decides about links, pictures and raw HTML.
 *
 * @typedef {import('./parser.js').Token} Token
 *
 * @typedef {string | ElementNode | CodeNode | FormulaNode} TreeNode
 * @typedef {{ tag: string, attributes: Record<string, string>, children: TreeNode[] }} ElementNode
 * @typedef {{ kind: 'code', language: string, text: string, closed: boolean }} CodeNode
 * @typedef {{ kind: 'formula', tex: string, display: boolean, closed: boolean }} FormulaNode
 *
 * @typedef {object} Policy
 * @property {(href: string, title: string, children: TreeNode[]) => TreeNode} link
 * @property {(source: string, title: string, alternative: string) => TreeNode} image
 * @property {(source: string) => TreeNode} html Raw HTML.
 * @property {(level: number) => string} heading The element of a heading.
 * @property {() => TreeNode} softBreak
 * @property {(table: ElementNode) => TreeNode} table
 * @property {(isDone: boolean) => ElementNode} task The box of an item of a task list.
 *
 * @typedef {object} Block
 * @property {number} line Where it begins in the text.
 * @property {TreeNode | null} node Null for the definition of a link's target.
 * @property {string} [label] Of such a definition.
 */

import { unescapeText } from './parser.js';

/** Addresses that a reply may link to. Everything else, relative ones too, leads nowhere from here. */
const safeAddress = /^(?:https?:\/\/[^/]|mailto:[^/])/i;

/**
 * The page's policy: nothing is fetched, no raw HTML, links only to the web and to mail.
 *
 * @type {Policy}
 */
export const safePolicy = {
  link: (href, title, children) =>
    safeAddress.test(href)
      ? element('a', { href, target: '_blank', rel: 'noopener noreferrer', ...named(title) }, children)
      : element('span', { class: 'dead-link', title: title || href }, children),
  image: (source, title, alternative) => safePolicy.link(source, title, [alternative || source]),
  html: (source) => (/^<br\s*\/?>$/i.test(source) ? element('br') : source),
  // The page's own headings are h1 and h2.
  heading: (level) => `h${Math.min(6, level + 2)}`,
  softBreak: () => element('br'),
  table: (table) =>
    element('div', { class: 'table-scroller', tabindex: '0', role: 'region', 'aria-label': 'Table' }, [table]),
  task: (isDone) =>
    element('input', { type: 'checkbox', disabled: '', ...(isDone ? { checked: '' } : {}), 'aria-label': 'Done' }),
};

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {TreeNode[]} [children]
 * @returns {ElementNode}
 */
export function element(tag, attributes = {}, children = []) {
  return { tag, attributes, children };
}

/** @param {string} title @returns {Record<string, string>} */
const named = (title) => (title ? { title } : {});

/**
 * The top-level blocks of parsed text.
 *
 * @param {Token[]} tokens
 * @param {Policy} policy
 * @returns {Block[]}
 */
export function blocks(tokens, policy) {
  /** @type {Block[]} */
  const found = [];
  for (let index = 0; index < tokens.length; ) {
    const line = tokens[index].map?.[0] ?? found.at(-1)?.line ?? 0;
    const { nodes, next } = block(tokens, index, policy);
    // A block is one node, so that the two can be told by one index.
    found.push({ line, node: nodes[0] ?? null, label: tokens[index].meta?.label });
    index = next;
  }
  return found;
}

/**
 * The nodes of one block token and of all up to its end.
 *
 * @param {Token[]} tokens
 * @param {number} index
 * @param {Policy} policy
 * @returns {{ nodes: TreeNode[], next: number }}
 */
function block(tokens, index, policy) {
  const token = tokens[index];
  if (token.nesting !== 1) return { nodes: leaf(token, policy), next: index + 1 };
  /** @type {TreeNode[]} */
  const children = [];
  let at = index + 1;
  while (at < tokens.length && tokens[at].nesting !== -1) {
    const { nodes, next } = block(tokens, at, policy);
    for (const node of nodes) children.push(node);
    at = next;
  }
  return { nodes: container(token, children, tokens, index, policy), next: at + 1 };
}

/**
 * @param {Token} token
 * @param {TreeNode[]} children
 * @param {Token[]} tokens
 * @param {number} index
 * @param {Policy} policy
 * @returns {TreeNode[]}
 */
function container(token, children, tokens, index, policy) {
  const attributes = Object.fromEntries(token.attrs ?? []);
  switch (token.type) {
    case 'paragraph_open':
      return token.hidden ? children : [element('p', {}, children)];
    case 'heading_open':
      return [element(policy.heading(Number(token.tag[1])), {}, children)];
    case 'ordered_list_open':
      return [element('ol', attributes.start === undefined ? {} : { start: String(attributes.start) }, children)];
    case 'list_item_open':
      return [item(children, tokens[index + 1], tokens[index + 2], policy)];
    case 'table_open':
      return [policy.table(element('table', {}, children))];
    case 'th_open':
    case 'td_open': {
      const align = /^text-align:(left|right|center)$/.exec(attributes.style ?? '')?.[1];
      return [element(token.tag, align ? { align } : {}, children)];
    }
    case 'blockquote_open':
    case 'bullet_list_open':
    case 'thead_open':
    case 'tbody_open':
    case 'tr_open':
      return [element(token.tag, {}, children)];
    default:
      return children;
  }
}

/**
 * An item of a list; one whose first paragraph begins with `[ ]` or `[x]` is a task.
 *
 * @param {TreeNode[]} children
 * @param {Token | undefined} opening
 * @param {Token | undefined} inline
 * @param {Policy} policy
 */
function item(children, opening, inline, policy) {
  const first = opening?.type === 'paragraph_open' && inline?.children?.[0];
  const box = first && first.type === 'text' && /^\[([ xX])\](?=\s)/.exec(first.content);
  if (!box) return element('li', {}, children);
  const paragraph = opening.hidden ? children : /** @type {ElementNode} */ (children[0]).children;
  paragraph[0] = /** @type {string} */ (paragraph[0]).slice(3);
  paragraph.unshift(policy.task(box[1] !== ' '));
  return element('li', {}, children);
}

/** @param {Token} token @param {Policy} policy @returns {TreeNode[]} */
function leaf(token, policy) {
  switch (token.type) {
    case 'inline':
      return inlines(token.children ?? [], policy);
    case 'fence': {
      const language = /^\S*/.exec(unescapeText(token.info.trim()))?.[0] ?? '';
      const closed = token.meta?.closed !== false;
      if (language === 'math') return [{ kind: 'formula', tex: token.content, display: true, closed }];
      return [{ kind: 'code', language, text: token.content, closed }];
    }
    case 'code_block':
      return [{ kind: 'code', language: '', text: token.content, closed: true }];
    case 'html_block': {
      const node = policy.html(token.content);
      return [typeof node === 'string' ? element('p', { class: 'raw' }, [node.trimEnd()]) : node];
    }
    case 'formula_block':
      return [{ kind: 'formula', tex: token.content, display: true, closed: token.meta.closed }];
    case 'hr':
      return [element('hr')];
    default:
      return [];
  }
}

/** @param {Token[]} tokens @param {Policy} policy @returns {TreeNode[]} */
function inlines(tokens, policy) {
  /** @type {{ token: Token | null, nodes: TreeNode[] }[]} */
  const open = [{ token: null, nodes: [] }];
  for (const token of tokens) {
    const { nodes } = open[open.length - 1];
    if (token.nesting === 1) open.push({ token, nodes: [] });
    else if (token.nesting === -1) {
      const closed = open.pop();
      if (closed?.token) open[open.length - 1].nodes.push(span(closed.token, closed.nodes, policy));
    } else {
      const node = inline(token, policy);
      const last = nodes.length - 1;
      if (typeof node === 'string' && typeof nodes[last] === 'string') nodes[last] += node;
      else if (node !== '') nodes.push(node);
    }
  }
  return open[0].nodes;
}

/** @param {Token} token @param {TreeNode[]} children @param {Policy} policy @returns {TreeNode} */
function span(token, children, policy) {
  if (token.type === 'link_open') {
    const { href = '', title = '' } = Object.fromEntries(token.attrs ?? []);
    return policy.link(href, title, children);
  }
  const tag = { em_open: 'em', strong_open: 'strong', del_open: 'del' }[token.type];
  return element(tag ?? 'span', {}, children);
}

/** @param {Token} token @param {Policy} policy @returns {TreeNode} */
function inline(token, policy) {
  switch (token.type) {
    case 'softbreak':
      return policy.softBreak();
    case 'hardbreak':
      return element('br');
    case 'code_inline':
      return element('code', {}, [token.content]);
    case 'formula':
      return { kind: 'formula', tex: token.content, display: token.meta.display, closed: true };
    case 'html_inline':
      return policy.html(token.content);
    case 'image': {
      const { src = '', title = '' } = Object.fromEntries(token.attrs ?? []);
      return policy.image(src, title, plainText(token.children ?? []));
    }
    default:
      return token.content;
  }
}

/** @param {Token[]} tokens @returns {string} What remains without its elements. */
function plainText(tokens) {
  return tokens
    .map((token) => {
      if (token.type === 'image') return plainText(token.children ?? []);
      if (token.type === 'softbreak' || token.type === 'hardbreak') return '\n';
      return token.type === 'html_inline' ? '' : token.content;
    })
    .join('');
}
