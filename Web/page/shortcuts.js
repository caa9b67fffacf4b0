import { byId } from './dom.js';

/**
 * The keys that work anywhere on the page.
 *
 * @param {object} parts
 * @param {import('./chat.js').Chat} parts.chat
 * @param {import('./sidebar.js').Sidebar} parts.sidebar
 * @param {() => void} parts.openModels
 */
export function handleShortcuts({ chat, sidebar, openModels }) {
  addEventListener('keydown', (event) => {
    const isDialogOpen = document.querySelector('dialog[open], [popover]:popover-open') !== null;
    if (event.key === 'Escape' && chat.isBusy && !isDialogOpen) {
      chat.stop();
      event.preventDefault();
      return;
    }
    if (!event.altKey || event.ctrlKey || event.metaKey || isDialogOpen) return;
    // By place on the keyboard, since Alt makes other characters of the letters on some systems.
    const run = {
      KeyN: () => sidebar.newConversation(),
      KeyM: openModels,
      KeyB: () => sidebar.toggle(),
      KeyI: () => byId('message-input').focus(),
    }[event.code];
    if (!run) return;
    event.preventDefault();
    run();
  });
}
