import { byId, element } from './dom.js';

/**
 * Shows a short message for a while.
 *
 * @param {string} message
 * @param {{ label: string, run: () => void }} [action]
 */
export function toast(message, action) {
  const node = element('div', { class: 'toast' }, element('span', {}, message));
  const remove = () => node.remove();
  if (action) {
    node.append(
      element(
        'button',
        {
          type: 'button',
          class: 'button',
          onclick: () => {
            remove();
            action.run();
          },
        },
        action.label,
      ),
    );
  }
  byId('toasts').append(node);
  setTimeout(remove, action ? 9000 : 5000);
}
