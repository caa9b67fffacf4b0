import { element } from '../dom.js';
import { later } from './slices.js';

/** @typedef {import('./tree.js').FormulaNode} FormulaNode */

/** A formula may not expand its own macros, or ask for sizes, without end. */
const limits = { trust: false, throwOnError: true, maxExpand: 200, maxSize: [20, 200] };

/** What is nested deeper is shown as its source: laying it out might exhaust the browser's stack. */
const deepest = 120;

/** @type {Promise<any> | undefined} */
let loading;

/**
 * Temml and its style sheet, loaded when the first formula is there.
 *
 * @returns {Promise<any>} Undefined without a network, when it was never loaded before.
 */
function typesetter() {
  loading ??= (async () => {
    const style = new URL('../../vendor/temml/temml.css', import.meta.url).href;
    document.head.append(element('link', { rel: 'stylesheet', href: style }));
    return (await import('../../vendor/temml/temml.js')).default;
  })().catch(() => (loading = undefined));
  return loading;
}

/**
 * A formula, shown as its source until it is typeset, and if it cannot be.
 *
 * @param {FormulaNode} node
 */
export function formula(node) {
  const shown = element('span', { class: 'formula', 'data-display': node.display });
  let current = node;
  const draw = (/** @type {FormulaNode} */ next) => {
    current = next;
    shown.toggleAttribute('data-display', next.display);
    if (!shown.querySelector('math')) showSource();
    if (next.closed) typesetter().then((temml) => temml && later(() => typeset(temml, next)));
  };
  const showSource = () => {
    shown.replaceChildren(element('code', {}, current.tex));
    for (const name of ['tabindex', 'role', 'aria-label']) shown.removeAttribute(name);
  };
  const typeset = (/** @type {any} */ temml, /** @type {FormulaNode} */ wanted) => {
    if (wanted !== current) return;
    const drawn = document.createElement('span');
    try {
      temml.render(wanted.tex, drawn, { ...limits, displayMode: wanted.display });
    } catch {
      showSource();
      return;
    }
    if (isDeeperThan(deepest, drawn)) {
      showSource();
      return;
    }
    shown.replaceChildren(...drawn.childNodes);
    // What may scroll must be reached by keyboard.
    if (wanted.display) {
      shown.setAttribute('tabindex', '0');
      shown.setAttribute('role', 'group');
      shown.setAttribute('aria-label', 'Formula');
    }
  };
  draw(node);
  const update = (/** @type {FormulaNode} */ next) => {
    const { tex, display, closed } = current;
    if (next.tex !== tex || next.display !== display || next.closed !== closed) draw(next);
  };
  return { element: shown, update };
}

/** @param {number} limit @param {Element} root */
function isDeeperThan(limit, root) {
  let level = [root];
  for (let depth = 0; level.length; depth += 1) {
    if (depth > limit) return true;
    level = level.flatMap((node) => [...node.children]);
  }
  return false;
}
