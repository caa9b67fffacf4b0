/** What can be done with one conversation of the list, and with files of conversations. */

import { hasReasoning, markdownOf } from './conversation-markdown.js';
import { openMenu } from './dialog.js';
import { byId, element } from './dom.js';
import { toast } from './toast.js';

/**
 * @param {HTMLElement} anchor
 * @param {import('./conversation.js').Summary} summary
 * @param {object} actions
 * @param {import('./conversations.js').ConversationArchive} actions.archive
 * @param {import('./chat.js').Chat} actions.chat
 * @param {() => Promise<void>} actions.open
 * @param {() => void} actions.rename
 * @param {() => void} actions.remove
 */
export async function openConversationMenu(anchor, summary, { archive, chat, open, rename, remove }) {
  const conversation = await archive.load(summary.id);
  const markdown = (/** @type {boolean} */ withReasoning) => async () => {
    const now = (await archive.load(summary.id)) ?? conversation;
    if (now) saveFile(markdownOf(now, withReasoning), `${summary.title}.md`, 'text/markdown');
  };
  const thinks = conversation !== undefined && hasReasoning(conversation);
  /** @type {[string, string, () => void][]} */
  const thoughts = thinks ? [['page', 'Save as Markdown, no reasoning', markdown(false)]] : [];
  openMenu(byId('conversation-menu'), anchor, [
    ['edit', 'Rename', rename],
    ['page', 'Save as Markdown', markdown(true)],
    ...thoughts,
    ['print', 'Print…', () => open().then(() => printWhenDrawn(chat))],
    ['export', 'Export', () => exportConversations(archive, summary)],
    ['trash', 'Delete', remove],
  ]);
}

/** @param {import('./chat.js').Chat} chat Long conversations are drawn over a few frames. */
async function printWhenDrawn(chat) {
  const drawn = byId('thread').getElementsByClassName('message');
  while (drawn.length < chat.messages.length) await new Promise(requestAnimationFrame);
  print();
}

/**
 * @param {import('./conversations.js').ConversationArchive} archive
 * @param {import('./conversation.js').Summary} [summary] All of them when left out.
 */
export async function exportConversations(archive, summary) {
  const text = await archive.export(summary && [summary.id]);
  saveFile(text, summary ? `${summary.title}.json` : 'swiftlet-conversations.json', 'application/json');
}

/**
 * @param {import('./conversations.js').ConversationArchive} archive
 * @param {HTMLInputElement} input Where the user has picked a file.
 */
export async function importConversations(archive, input) {
  const [file] = input.files ?? [];
  input.value = '';
  if (!file) return;
  try {
    const { added, grown, known, presets } = await archive.import(await file.text());
    const count = (/** @type {number} */ number) => (number === 1 ? 'One conversation' : `${number} conversations`);
    const here = known ? ` ${count(known)} ${known === 1 ? 'was' : 'were'} here already.` : '';
    const prompts = presets ? ` ${presets === 1 ? 'One preset' : `${presets} presets`} came with it.` : '';
    const more = grown ? ` ${count(grown)} got messages that ${grown === 1 ? 'it' : 'they'} lacked here.` : '';
    const first = added || !grown ? `${added ? count(added) : 'Nothing'} was imported.`.replace(/s was/, 's were') : '';
    toast((first + more + here + prompts).trim());
  } catch (error) {
    toast(`Nothing was imported. ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * Gives a file to the user.
 *
 * @param {string} text
 * @param {string} name
 * @param {string} type
 */
function saveFile(text, name, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  element('a', { href: url, download: name.replace(/[/\\:*?"<>|]+/g, ' ').trim() }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
