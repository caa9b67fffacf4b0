/** What the dialogs and menus that come on demand have in common. */

import { element, icon, iconButton } from './dom.js';

/** @type {Map<string, Promise<unknown>>} */
const styles = new Map();

/** @param {string} name Of a style sheet that is not needed at first. @returns {Promise<unknown>} Until it is there. */
export function loadStyle(name) {
  const loading =
    styles.get(name) ??
    new Promise((resolve) => {
      const link = { rel: 'stylesheet', href: `styles/${name}.css`, onload: resolve, onerror: resolve };
      document.head.append(element('link', link));
    });
  styles.set(name, loading);
  return loading;
}

/**
 * A dialog as a part of the page, not yet open.
 *
 * @param {string} id
 * @param {string} title
 * @param {HTMLElement} body
 * @returns {HTMLDialogElement}
 */
export function newDialog(id, title, body) {
  const close = iconButton('close', 'Close', () => dialog.close());
  body.classList.add('dialog-body');
  const dialog = element(
    'dialog',
    { class: 'dialog', id, 'aria-labelledby': `${id}-title` },
    element('header', { class: 'dialog-header' }, element('h2', { id: `${id}-title` }, title), close),
    body,
  );
  document.body.append(dialog);
  return dialog;
}

/**
 * A menu that opens beside a button; the arrow keys go through it, and closing it gives the focus back.
 *
 * @param {HTMLElement} menu A popover.
 * @param {HTMLElement} anchor
 * @param {[icon: string, label: string, run: () => void][]} entries
 */
export async function openMenu(menu, anchor, entries) {
  await loadStyle('tools');
  const buttons = entries.map(([name, label, run]) => {
    const onclick = () => {
      menu.hidePopover();
      run();
    };
    return element('button', { type: 'button', role: 'menuitem', onclick }, icon(name), label);
  });
  menu.replaceChildren(...buttons);
  menu.onkeydown = (event) => {
    // It closes the menu, not what is around it.
    if (event.key === 'Escape') event.stopPropagation();
    const place = buttons.indexOf(/** @type {any} */ (document.activeElement));
    const steps = /** @type {Record<string, number>} */ ({
      ArrowDown: place + 1,
      ArrowUp: place - 1,
      Home: 0,
      End: -1,
    });
    if (!(event.key in steps)) return;
    event.preventDefault();
    buttons.at(steps[event.key] % buttons.length)?.focus();
  };
  menu.showPopover();
  const { left, bottom, top } = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = `${bottom + height + 8 > innerHeight ? Math.max(8, top - height) : bottom}px`;
  buttons[0].focus();
}
