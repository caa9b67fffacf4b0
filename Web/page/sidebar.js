import { byId, element, icon, iconButton } from './dom.js';
import { dayGroup } from './format.js';
import { changeSettings, settings } from './settings.js';
import { toast } from './toast.js';

/** @typedef {import('./conversations.js').Summary} Summary */

const narrow = matchMedia('(max-width: 52rem)');

/** The list of conversations, and what can be done with each. */
export class Sidebar {
  #app = byId('app');
  #list = byId('conversation-list');
  /** @type {HTMLElement} */
  #menu = byId('conversation-menu');
  #chat;
  #archive;

  /**
   * @param {import('./chat.js').Chat} chat
   * @param {import('./conversations.js').ConversationArchive} archive
   */
  constructor(chat, archive) {
    this.#chat = chat;
    this.#archive = archive;
    byId('sidebar-open').addEventListener('click', () => this.toggle(true));
    byId('sidebar-close').addEventListener('click', () => this.toggle(false));
    byId('backdrop').addEventListener('click', () => this.toggle(false));
    byId('new-conversation').addEventListener('click', () => this.newConversation());
    byId('export').addEventListener('click', async () => save(await archive.export(), 'swiftlet-conversations.json'));
    byId('import').addEventListener('click', () => byId('import-file').click());
    byId('import-file').addEventListener('change', (/** @type {any} */ event) => this.#import(event.target));
    this.#app.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Escape' && narrow.matches && this.isOpen) this.toggle(false);
    });
    narrow.addEventListener('change', () => this.toggle(!narrow.matches && settings.getState().sidebarOpen));
    archive.onChangeElsewhere(() => this.refresh());
    chat.onSaved = () => this.refresh();
    this.toggle(!narrow.matches && settings.getState().sidebarOpen, false);
    this.refresh();
  }

  get isOpen() {
    return this.#app.dataset.sidebar === 'open';
  }

  /** @param {boolean} open @param {boolean} [byUser] */
  toggle(open = !this.isOpen, byUser = true) {
    this.#app.dataset.sidebar = open ? 'open' : 'closed';
    byId('sidebar-open').setAttribute('aria-expanded', String(open));
    byId('main').inert = open && narrow.matches;
    if (!byUser) return;
    if (!narrow.matches) changeSettings({ sidebarOpen: open });
    byId(open ? 'sidebar-close' : 'sidebar-open').focus({ preventScroll: true });
  }

  newConversation() {
    this.#chat.open(null);
    this.#closeIfNarrow();
    byId('message-input').focus();
    this.refresh();
  }

  async refresh() {
    const summaries = await this.#archive.list().catch(() => []);
    const nodes = [];
    let group = '';
    for (const summary of summaries) {
      const next = dayGroup(summary.updatedAt);
      if (next !== group) nodes.push(element('h2', { class: 'conversation-group' }, next));
      group = next;
      nodes.push(this.#item(summary));
    }
    if (!nodes.length)
      nodes.push(element('p', { class: 'conversation-list-empty' }, 'Your conversations stay here, on this device.'));
    this.#list.replaceChildren(...nodes);
  }

  /** @param {Summary} summary */
  #item(summary) {
    const isCurrent = summary.id === this.#chat.conversation.id;
    const item = element(
      'div',
      { class: 'conversation', 'data-current': isCurrent },
      element(
        'button',
        {
          type: 'button',
          class: 'conversation-title',
          title: summary.title,
          'aria-current': isCurrent ? 'true' : null,
          onclick: () => this.#open(summary.id),
          ondblclick: () => this.#rename(item, summary),
        },
        summary.title,
      ),
    );
    const more = iconButton('more', `More about “${summary.title}”`, () => this.#openMenu(more, item, summary), {
      'aria-haspopup': 'menu',
    });
    item.append(more);
    return item;
  }

  /** @param {string} id */
  async #open(id) {
    this.#chat.open((await this.#archive.load(id)) ?? null);
    this.#closeIfNarrow();
    await this.refresh();
  }

  #closeIfNarrow() {
    if (narrow.matches) this.toggle(false);
  }

  /** @param {HTMLElement} anchor @param {HTMLElement} item @param {Summary} summary */
  #openMenu(anchor, item, summary) {
    const entry = (/** @type {string} */ name, /** @type {string} */ label, /** @type {() => void} */ run) =>
      element(
        'button',
        {
          type: 'button',
          role: 'menuitem',
          onclick: () => {
            this.#menu.hidePopover();
            run();
          },
        },
        icon(name),
        label,
      );
    this.#menu.replaceChildren(
      entry('edit', 'Rename', () => this.#rename(item, summary)),
      entry('export', 'Export', async () => save(await this.#archive.export([summary.id]), `${summary.title}.json`)),
      entry('trash', 'Delete', () => this.#delete(summary)),
    );
    this.#menu.onkeydown = (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const entries = /** @type {HTMLElement[]} */ ([...this.#menu.children]);
      const place = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      entries[(place + step + entries.length) % entries.length].focus();
    };
    this.#menu.showPopover();
    const { left, bottom, top } = anchor.getBoundingClientRect();
    const { width, height } = this.#menu.getBoundingClientRect();
    this.#menu.style.left = `${Math.min(left, innerWidth - width - 8)}px`;
    this.#menu.style.top = `${bottom + height + 8 > innerHeight ? top - height : bottom}px`;
    /** @type {HTMLElement} */ (this.#menu.firstElementChild).focus();
  }

  /** @param {HTMLElement} item @param {Summary} summary */
  #rename(item, summary) {
    const input = element('input', {
      class: 'conversation-title',
      value: summary.title,
      maxlength: 200,
      'aria-label': 'Name of the conversation',
    });
    const finish = async (/** @type {boolean} */ keep) => {
      input.onblur = null;
      const title = input.value.trim();
      if (keep && title && title !== summary.title) await this.#chat.rename(summary.id, title);
      await this.refresh();
    };
    input.onblur = () => finish(true);
    input.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Enter') finish(true);
      if (event.key === 'Escape') finish(false);
    });
    item.replaceChildren(input);
    input.select();
  }

  /** @param {Summary} summary */
  async #delete(summary) {
    const conversation = await this.#archive.load(summary.id);
    await this.#archive.delete(summary.id);
    if (this.#chat.conversation.id === summary.id) this.#chat.open(null);
    await this.refresh();
    if (!conversation) return;
    toast('The conversation was deleted.', {
      label: 'Undo',
      run: async () => {
        await this.#archive.save(conversation);
        await this.refresh();
      },
    });
  }

  /** @param {HTMLInputElement} input */
  async #import(input) {
    const [file] = input.files ?? [];
    input.value = '';
    if (!file) return;
    try {
      const added = await this.#archive.import(await file.text());
      toast(added.length === 1 ? 'One conversation was imported.' : `${added.length} conversations were imported.`);
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
    await this.refresh();
  }
}

/**
 * Gives a file to the user.
 *
 * @param {string} text
 * @param {string} name
 */
function save(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  element('a', { href: url, download: name.replace(/[/\\:*?"<>|]+/g, ' ').trim() }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
