import { byId, element } from './dom.js';

/** How long a message stays, in milliseconds: longer when there is something to press. */
const [shortTime, longTime] = [5000, 9000];

/**
 * Shows a short message for a while. It has a place of its own, so that it covers nothing: in the dialog that is open,
 * whose outside cannot be pressed, in the sidebar where that lies over the page, else above the message.
 *
 * @param {string} message
 * @param {{ label: string, run: () => void }} [action]
 */
export function toast(message, action) {
  const node = element('div', { class: 'toast' }, element('span', {}, message));
  const remove = () => {
    const hadFocus = node.contains(document.activeElement);
    node.remove();
    if (!hadFocus) return;
    const next = document.querySelector('dialog[open] button') ?? byId('message-input');
    /** @type {HTMLElement} */ (next).focus({ preventScroll: true });
  };
  const press = () => {
    remove();
    action?.run();
  };
  if (action) node.append(element('button', { type: 'button', class: 'button', onclick: press }, action.label));
  place();
  byId('toasts').append(node);
  const leave = () => {
    // Nobody's target goes away while they aim at it.
    if (node.matches(':hover, :focus-within')) setTimeout(leave, 1000);
    else remove();
  };
  setTimeout(leave, action ? longTime : shortTime);
}

/** @param {unknown} error Why a part of the page, which comes when it is needed, did not come. */
export function tellMissing(error) {
  console.warn('A part of the page could not be loaded.', error);
  toast('This part of the page could not be loaded. Is there a network? Try again, or reload the page.');
}

/** Moves the messages to where they can be seen and pressed now. */
function place() {
  const dialog = document.querySelector('dialog[open]');
  const isCovered = byId('main').inert;
  const host = dialog ?? (isCovered ? byId('sidebar') : byId('dock'));
  const toasts = byId('toasts');
  if (toasts.parentElement === host) return;
  if (dialog) host.append(toasts);
  else if (isCovered) host.insertBefore(toasts, host.lastElementChild);
  else host.prepend(toasts);
}

addEventListener('close', place, true);
new MutationObserver(place).observe(byId('main'), { attributeFilter: ['inert'] });
