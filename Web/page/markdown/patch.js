/**
 * Brings the DOM to a new tree with as few changes as there are differences, so that a selection, a scrolled table or a
 * focused button stays while a reply grows. Elements are made of nodes, never of markup.
 */

import { codeBlock } from './code-block.js';
import { formula } from './formula.js';

/** @typedef {import('./tree.js').TreeNode} TreeNode */

/**
 * Parts that draw themselves: how to give each a new node of its kind.
 *
 * @type {WeakMap<Node, (node: any) => void>}
 */
const parts = new WeakMap();

/** @param {TreeNode} node @returns {Node} */
function create(node) {
  if (typeof node === 'string') return document.createTextNode(node);
  if ('kind' in node) {
    const part = node.kind === 'code' ? codeBlock(node) : formula(node);
    parts.set(part.element, part.update);
    return part.element;
  }
  const created = document.createElement(node.tag);
  for (const [name, value] of Object.entries(node.attributes)) created.setAttribute(name, value);
  for (const child of node.children) created.append(create(child));
  return created;
}

/**
 * Makes the children of `parent` after the first `skipped` ones show `after`; they show `before` now.
 *
 * @param {Element} parent
 * @param {TreeNode[]} before
 * @param {TreeNode[]} after
 * @param {number} [skipped]
 */
export function patch(parent, before, after, skipped = 0) {
  /** @type {ChildNode | null} */
  let current = parent.childNodes[skipped] ?? null;
  for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
    if (index >= before.length) parent.append(create(after[index]));
    else {
      const shown = /** @type {ChildNode} */ (current);
      current = shown.nextSibling;
      if (index >= after.length) shown.remove();
      else update(shown, before[index], after[index]);
    }
  }
}

/** @param {ChildNode} shown @param {TreeNode} before @param {TreeNode} after */
function update(shown, before, after) {
  if (typeof before === 'string' && typeof after === 'string') {
    const text = /** @type {Text} */ (shown);
    if (after.startsWith(before)) {
      if (after.length > before.length) text.appendData(after.slice(before.length));
    } else text.data = after;
  } else if (typeof before === 'string' || typeof after === 'string') {
    shown.replaceWith(create(after));
  } else if ('kind' in before && 'kind' in after && before.kind === after.kind) {
    parts.get(shown)?.(after);
  } else if ('tag' in before && 'tag' in after && before.tag === after.tag && sameAttributes(before, after)) {
    patch(/** @type {Element} */ (shown), before.children, after.children);
  } else {
    shown.replaceWith(create(after));
  }
}

/** @param {import('./tree.js').ElementNode} before @param {import('./tree.js').ElementNode} after */
function sameAttributes({ attributes: before }, { attributes: after }) {
  const names = Object.keys(after);
  return names.length === Object.keys(before).length && names.every((name) => before[name] === after[name]);
}
