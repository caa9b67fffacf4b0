import { byId, element } from './dom.js';

/**
 * Says when what is on the screen could not be kept, and why; it stays until it is kept.
 *
 * @param {import('./conversations.js').ConversationArchive} archive
 * @param {() => void} exportAll
 */
export function watchStorage(archive, exportAll) {
  const root = byId('storage-trouble');
  const reason = element('p');
  root.append(
    element('h2', {}, 'Your words are not kept at the moment'),
    reason,
    element(
      'div',
      { class: 'notice-actions' },
      element('button', { type: 'button', class: 'button primary', onclick: () => archive.flush() }, 'Try again'),
      element('button', { type: 'button', class: 'button', onclick: exportAll }, 'Save them as a file'),
    ),
  );
  archive.onTrouble((error) => {
    root.hidden = !error;
    if (error) reason.textContent = `${sentence(error)} Everything stays on the screen while this tab is open.`;
  });
  addEventListener('beforeunload', (event) => {
    if (!archive.leave()) event.preventDefault();
  });
}

/** @param {Error} error */
function sentence(error) {
  if (error.name === 'QuotaExceededError') {
    return 'The browser has no room left for this page. Delete a model or conversations that you no longer need.';
  }
  if (error.name === 'SecurityError' || error.name === 'InvalidStateError') {
    return 'This browser keeps nothing for this page, as in some private windows.';
  }
  return error.message.replace(/[^.]$/, '$&.');
}
