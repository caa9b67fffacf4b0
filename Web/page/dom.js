/** Small helpers to build elements. Text always becomes text nodes, never markup. */

const svgNamespace = 'http://www.w3.org/2000/svg';

/**
 * Makes an element.
 *
 * Attributes: `class`, any HTML attribute (`true` sets it empty; `false`, `null` and `undefined` leave it out) and
 * listeners by their event name, as `onclick`.
 *
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {any}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  append(node, children);
  return node;
}

/**
 * @param {Node} parent
 * @param {(Node | string | number | null | undefined | false)[]} children
 */
function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** @param {string} text Put on the clipboard. */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  return (await import('./plain-http.js')).copySelected(text);
}

/**
 * An icon of the sprite `icons/interface.svg`, hidden from screen readers.
 *
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(svgNamespace, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(svgNamespace, 'use');
  use.setAttribute('href', `icons/interface.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * A button with an icon and a name that screen readers and the tooltip tell.
 *
 * @param {string} name
 * @param {string} label
 * @param {(event: Event) => void} onclick
 * @param {Record<string, any>} [attributes]
 */
export function iconButton(name, label, onclick, attributes = {}) {
  return element(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick, ...attributes },
    icon(name),
  );
}

/**
 * The element with this id, which the page's HTML promises to have.
 *
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`The page has no element with the id “${id}”.`);
  return node;
}

/**
 * Runs `work` once in the next frame, however often it is asked for before.
 *
 * @param {() => void} work
 * @returns {() => void}
 */
export function oncePerFrame(work) {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    // A hidden tab draws no frames; a timer keeps its text current at a slow pace.
    const run = () => {
      scheduled = false;
      work();
    };
    if (document.hidden) setTimeout(run, 250);
    else requestAnimationFrame(run);
  };
}

/** @param {string} message Told by screen readers when they are next idle. */
export function announce(message) {
  byId('announcer').textContent = message;
}
