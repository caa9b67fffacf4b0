import { byId, element, iconButton } from './dom.js';
import { dayGroup } from './format.js';
import { changeSettings, settings } from './settings.js';
import { tellMissing, toast } from './toast.js';

/** @typedef {import('./conversation.js').Summary} Summary */

/** Runs what its code, which comes when it is needed, is for. @param {(code: typeof import('./conversation-menu.js')) => unknown} use */
const withMenu = async (use) => {
  const code = await import('./conversation-menu.js').catch(tellMissing);
  if (code) await use(code);
};
const narrow = matchMedia('(max-width: 52rem)');

/**
 * One conversation in the list.
 *
 * @typedef {{ node: HTMLElement, title: HTMLElement, summary: Summary, isRenaming: boolean }} Item
 */

/** The list of conversations, and what can be done with each. */
export class Sidebar {
  #app = byId('app');
  #list = byId('conversation-list');
  /** @type {HTMLInputElement} */
  #search = byId('search');
  #chat;
  #archive;
  /** @type {Map<string, Item>} */
  #items = new Map();
  #refreshing = 0;

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
    this.#search.addEventListener('input', () => this.refresh());
    this.#search.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.#search.value) return;
      this.#search.value = '';
      event.stopPropagation();
      this.refresh();
    });
    byId('export').addEventListener('click', () => withMenu((code) => code.exportConversations(archive)));
    byId('import').addEventListener('click', () => byId('import-file').click());
    byId('import-file').addEventListener('change', async (/** @type {any} */ event) => {
      await withMenu((code) => code.importConversations(archive, event.target));
      await this.refresh();
    });
    this.#app.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Escape' || !narrow.matches || !this.isOpen) return;
      this.toggle(false);
      // It stops no reply, then.
      event.stopPropagation();
    });
    narrow.addEventListener('change', () => this.toggle(!narrow.matches && settings.getState().sidebarOpen));
    archive.onChangeElsewhere(() => this.refresh());
    chat.onListChange = () => this.refresh();
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

  async newConversation() {
    await this.#chat.open(null);
    this.#closeIfNarrow();
    byId('message-input').focus();
    await this.refresh();
  }

  /** Shows the list as it is now. What stays keeps its element, and with it the focus and a second click. */
  async refresh() {
    this.#refreshing += 1;
    const turn = this.#refreshing;
    const wanted = this.#search.value.trim();
    const found = wanted ? await this.#archive.search(wanted) : null;
    const all = await this.#archive.list();
    const summaries = all.filter(
      ({ id, title }) => !found || found.has(id) || title.toLowerCase().includes(wanted.toLowerCase()),
    );
    this.#search.hidden = !wanted && all.length < 2;
    if (turn !== this.#refreshing) return;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const nodes = [];
    const known = new Set(summaries.map(({ id }) => id));
    for (const id of this.#items.keys()) if (!known.has(id)) this.#items.delete(id);
    let group = '';
    for (const summary of summaries) {
      const next = dayGroup(summary.updatedAt);
      if (next !== group) nodes.push(element('h2', { class: 'conversation-group' }, next));
      group = next;
      nodes.push(this.#itemOf(summary).node);
    }
    const nothing = wanted ? 'No conversation has these words.' : 'Your conversations stay here, on this device.';
    if (!nodes.length) nodes.push(element('p', { class: 'conversation-list-empty' }, nothing));
    for (const child of [...this.#list.children])
      if (!nodes.includes(child) || !child.matches('.conversation')) child.remove();
    for (const [place, node] of nodes.entries())
      if (this.#list.children[place] !== node) this.#list.insertBefore(node, this.#list.children[place] ?? null);
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  /** @param {Summary} summary @returns {Item} */
  #itemOf(summary) {
    const item = this.#items.get(summary.id) ?? this.#newItem(summary);
    this.#items.set(summary.id, item);
    item.summary = summary;
    const isCurrent = summary.id === this.#chat.conversation.id;
    item.node.toggleAttribute('data-current', isCurrent);
    item.node.toggleAttribute('data-writing', this.#chat.isWriting(summary.id));
    item.title.textContent = item.title.title = summary.title;
    if (isCurrent) item.title.setAttribute('aria-current', 'true');
    else item.title.removeAttribute('aria-current');
    item.node.querySelector('.icon-button')?.setAttribute('aria-label', `More about “${summary.title}”`);
    return item;
  }

  /** @param {Summary} summary @returns {Item} */
  #newItem(summary) {
    const title = element('button', { type: 'button', class: 'conversation-title' });
    const more = iconButton('more', '', () => this.#openMenu(more, item), { 'aria-haspopup': 'menu' });
    more.title = '';
    /** @type {Item} */
    const item = { node: element('div', { class: 'conversation' }, title, more), title, summary, isRenaming: false };
    title.addEventListener('click', () => this.open(item.summary.id));
    title.addEventListener('dblclick', () => this.#rename(item));
    return item;
  }

  /** @param {string | null} id Null opens a new conversation. @param {boolean} [isStep] Not on the way back or forward. */
  async open(id, isStep = true) {
    if (id !== this.#chat.conversation.id && !(await this.#chat.open(id, isStep)))
      toast('This conversation is no longer here.');
    this.#closeIfNarrow();
    await this.refresh();
  }

  #closeIfNarrow() {
    if (narrow.matches && this.isOpen) this.toggle(false);
  }

  /** @param {HTMLElement} anchor @param {Item} item */
  async #openMenu(anchor, item) {
    const actions = {
      archive: this.#archive,
      chat: this.#chat,
      open: () => this.open(item.summary.id),
      rename: () => this.#rename(item),
      remove: () => this.#delete(item),
    };
    await withMenu((code) => code.openConversationMenu(anchor, item.summary, actions));
  }

  /** @param {Item} item */
  #rename(item) {
    if (item.isRenaming) return;
    const { summary } = item;
    item.isRenaming = true;
    const input = element('input', {
      class: 'conversation-title',
      value: summary.title,
      maxlength: 200,
      'aria-label': 'Name of the conversation',
    });
    const finish = async (/** @type {boolean} */ keep) => {
      if (!item.isRenaming) return;
      item.isRenaming = false;
      removeEventListener('pagehide', leave);
      const hadFocus = document.activeElement === input;
      const title = input.value.trim();
      input.replaceWith(item.title);
      if (hadFocus) item.title.focus();
      if (keep && title && title !== summary.title) await this.#chat.rename(summary.id, title);
      await this.refresh();
    };
    // A page that goes away takes no name in; what is typed is left for the next visit.
    const leave = () => this.#archive.leaveTitle(summary, input.value.trim() || summary.title);
    addEventListener('pagehide', leave);
    input.addEventListener('blur', () => finish(true));
    input.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (event.isComposing) return;
      if (event.key === 'Enter') finish(true);
      if (event.key === 'Escape') finish(false);
      // The page's own keys, and the sidebar's, have nothing to do with a name that is being typed.
      event.stopPropagation();
    });
    item.title.replaceWith(input);
    input.focus();
    input.select();
  }

  /** @param {Item} item */
  async #delete(item) {
    const { id } = item.summary;
    const items = [...this.#list.querySelectorAll('.conversation')];
    const place = items.indexOf(item.node);
    const neighbour = items[place + 1] ?? items[place - 1];
    await this.#chat.delete(id);
    await this.refresh();
    (neighbour?.querySelector('.conversation-title') ?? byId('new-conversation')).focus();
    toast('The conversation was deleted.', {
      label: 'Undo',
      run: async () => {
        await this.#chat.restore(id);
        await this.refresh();
        this.#items.get(id)?.title.focus();
      },
    });
  }
}
