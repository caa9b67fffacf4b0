import { copyText, element, icon } from '../dom.js';
import { later } from './slices.js';

/** @typedef {import('./tree.js').CodeNode} CodeNode */

/** Longer code keeps one colour, in characters; it would take a task too long. */
const longestColoured = 16_000;
/** While code grows it is coloured again at most this often, in milliseconds, and less often the longer that takes. */
const pause = 300;

/** @type {Promise<any> | undefined} */
let loading;

/** @returns {Promise<any>} highlight.js, loaded when the first code is there; undefined without a network. */
function highlighter() {
  loading ??= import('../../vendor/highlight/highlight.js').then(
    (module) => module.default,
    () => (loading = undefined),
  );
  return loading;
}

/**
 * Code with its language, a button that copies it, and colours.
 *
 * @param {CodeNode} node
 */
export function codeBlock(node) {
  let current = node;
  let shownText = '';
  let lastColoured = 0;
  let lastTook = 0;
  let isWaiting = false;
  const name = element('span', {});
  const code = element('code', {});
  const copy = element(
    'button',
    { type: 'button', class: 'code-copy', 'aria-label': 'Copy this code' },
    icon('copy'),
    element('span', {}, 'Copy'),
  );
  copy.addEventListener('click', async () => {
    await copyText(current.text);
    copy.lastChild.textContent = 'Copied';
    setTimeout(() => (copy.lastChild.textContent = 'Copy'), 1600);
  });

  const update = (/** @type {CodeNode} */ next) => {
    current = next;
    if (name.textContent !== (next.language || 'text')) name.textContent = next.language || 'text';
    const text = next.text.replace(/\n$/, '');
    if (text === shownText) return;
    if (text.startsWith(shownText)) code.append(text.slice(shownText.length));
    else code.replaceChildren(text);
    shownText = text;
    if (next.language && text.length <= longestColoured) colourSoon();
  };

  const colourSoon = async () => {
    if (isWaiting) return;
    isWaiting = true;
    const hljs = await highlighter();
    const wait = lastColoured + Math.max(pause, lastTook * 12) - performance.now();
    setTimeout(() => later(() => colour(hljs)), lastColoured ? Math.max(0, wait) : 0);
  };

  const colour = (/** @type {any} */ hljs) => {
    isWaiting = false;
    const language = current.language.toLowerCase();
    if (!hljs?.getLanguage(language)) return;
    const start = performance.now();
    try {
      const { _emitter } = hljs.highlight(shownText, { language, ignoreIllegals: true });
      code.replaceChildren(...coloured(_emitter.rootNode.children));
    } catch {
      // It stays in one colour.
    }
    lastColoured = performance.now();
    lastTook = lastColoured - start;
  };

  const figure = element(
    'figure',
    { class: 'code-block' },
    element('figcaption', {}, name, copy),
    element('pre', { tabindex: 0 }, code),
  );
  update(node);
  if (!name.textContent) name.textContent = node.language || 'text';
  return { element: figure, update };
}

/** @param {any[]} nodes Of highlight.js: text, or a scope with nodes in it. @returns {(Node | string)[]} */
function coloured(nodes) {
  return nodes.map((node) => {
    if (typeof node === 'string') return node;
    const scope = /^[\w.-]+$/.test(node.scope ?? '') ? node.scope.split('.')[0] : '';
    const span = element('span', { class: scope && `code-${scope}` });
    span.append(...coloured(node.children));
    return span;
  });
}
