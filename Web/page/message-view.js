import { byId, copyText, element, icon, iconButton } from './dom.js';
import { draft, keepDraft } from './draft.js';
import { formatMilliseconds, formatRate } from './format.js';
import { messageText } from './prompt.js';
import { splitReply } from './reasoning.js';
import { ReplyView } from './reply-view.js';
import { toast } from './toast.js';

/** @typedef {import('./conversation.js').Message} Message */

const endings = { length: 'Cut at the length limit', aborted: 'Stopped', cut: 'Cut off' };

/** One message, with what can be done with it. */
export class MessageView {
  #message;
  #chat;
  #body;
  #footer = element('div', { class: 'message-footer' });
  /** Where the text of the answer goes. */
  #prose;
  /** @type {ReplyView | undefined} */
  #reply;
  /** What it was drawn for, and what its footer. */
  #drawn = '';
  #footerDrawn = '';

  /** @param {Message} message @param {import('./chat.js').Chat} chat */
  constructor(message, chat) {
    this.#message = message;
    this.#chat = chat;
    const isUser = message.role === 'user';
    this.#prose = element('div', { class: isUser ? 'bubble' : 'prose' });
    this.#body = isUser ? this.#prose : element('div', { class: 'reply' }, this.#prose);
    this.node = element(
      'article',
      { class: 'message', 'data-role': message.role, 'aria-label': isUser ? 'You' : 'Reply' },
      this.#body,
      this.#footer,
    );
    this.update();
    // What was typed there before another conversation was opened, or the tab was reloaded.
    if (isUser && this.#draftParts.some((part) => draft(part) !== null)) this.edit(false);
  }

  /** @returns {import('./draft.js').Part[]} Of the text, and of the files that stay. */
  get #draftParts() {
    return [`-edit-${this.#message.id}`, `-edit-files-${this.#message.id}`];
  }

  /** Shows the message as it is now. */
  update() {
    const isLive = this.#isLive;
    this.node.toggleAttribute('data-live', isLive);
    this.node.setAttribute('aria-busy', String(isLive));
    const versions = this.#chat.conversation.versions(this.#message);
    const isElsewhere = this.#chat.isWrittenElsewhere(this.#message);
    const { changed, content } = this.#message;
    const places = versions.map(({ id }) => id).join();
    const state = [changed, isLive, isElsewhere, places].join();
    if (!isLive && state === this.#drawn) return;
    if (this.#message.role === 'assistant') this.#drawReply(isLive, isElsewhere);
    else this.#body.replaceChildren(...(this.#message.files ?? []).map(fileView), this.#message.content);
    this.#drawn = state;
    // While another tab writes it, only the text grows: the button that stops it keeps the focus.
    const footer = [isElsewhere ? content !== '' : changed, isElsewhere, places].join();
    if (isLive || footer === this.#footerDrawn) return;
    this.#drawFooter(versions, isElsewhere);
    this.#footerDrawn = footer;
  }

  get #isLive() {
    return this.#chat.writing?.message === this.#message;
  }

  /** Lets the user change this message and send it again. @param {boolean} [isAsked] */
  edit(isAsked = true) {
    if (!this.#body.parentNode) return;
    const [part, filesPart] = this.#draftParts;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const textarea = element('textarea', { 'aria-label': 'Edit the message', rows: 2 });
    textarea.value = draft(part) ?? this.#message.content;
    const all = this.#message.files ?? [];
    const keptFiles = draft(filesPart)?.split(',');
    let files = keptFiles ? all.filter((_, place) => keptFiles.includes(String(place))) : all;
    /** @param {typeof files} left */
    const keepFiles = (left) => {
      files = left;
      keepDraft(filesPart, left.length === all.length ? null : left.map((file) => all.indexOf(file)).join());
    };
    const forget = () => this.#draftParts.forEach((one) => keepDraft(one, null));
    const close = () => {
      const { value } = textarea;
      forget();
      editor.replaceWith(this.#body);
      this.#footer.hidden = false;
      if (before?.isConnected) before.focus({ preventScroll: true });
      if (value === this.#message.content && files.length === all.length) return;
      const run = () => {
        keepDraft(part, value);
        keepFiles(files);
        this.edit();
      };
      toast('Your changes to the message were dropped.', { label: 'Undo', run });
    };
    const send = () => {
      const text = textarea.value.trim();
      if (!text && !files.length) return;
      forget();
      this.#chat.edit(this.#message, text, files);
    };
    textarea.addEventListener('input', () =>
      keepDraft(part, textarea.value === this.#message.content ? null : textarea.value),
    );
    const editor = element(
      'div',
      { class: 'editor' },
      textarea,
      element(
        'div',
        { class: 'editor-actions' },
        element('button', { type: 'button', class: 'button', onclick: close }, 'Cancel'),
        element('button', { type: 'button', class: 'button primary', onclick: send }, 'Send'),
      ),
    );
    textarea.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (event.isComposing) return;
      if (event.key === 'Escape') close();
      else if (event.key === 'Enter' && !event.shiftKey) send();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    if (files.length) {
      const chips = element('ul', { class: 'attachments', 'aria-label': 'Files of this message' });
      import('./attachments.js').then(({ editChips }) => editChips(chips, files, keepFiles));
      editor.prepend(chips);
    }
    this.#body.replaceWith(editor);
    this.#footer.hidden = true;
    if (!isAsked) return;
    textarea.focus();
    textarea.setSelectionRange(textarea.value.length, textarea.value.length);
  }

  /** @param {boolean} isLive @param {boolean} isElsewhere */
  #drawReply(isLive, isElsewhere) {
    const { content, thoughtFor } = this.#message;
    if (content) {
      if (!this.#reply) {
        this.#prose.replaceChildren();
        this.#reply = new ReplyView(this.#body, this.#prose);
      }
      this.#reply.update(content, isLive, thoughtFor);
    } else if (isLive) {
      const { prompt, place, reply } = /** @type {import('./chat.js').Writing} */ (this.#chat.writing);
      const share = prompt && prompt.total > 200 ? ` ${Math.round((prompt.done / prompt.total) * 100)} %` : '';
      const { ahead, elsewhere } = reply?.place ?? place;
      const first =
        elsewhere > 1
          ? `${elsewhere} replies in other tabs`
          : `the reply in another ${elsewhere ? 'tab' : 'conversation'}`;
      const text = ahead ? `Waiting for ${first}` : `Reading${share}`;
      if (this.#prose.textContent !== text) this.#prose.replaceChildren(element('p', { class: 'thinking' }, text));
    } else if (isElsewhere) {
      this.#prose.replaceChildren(element('p', { class: 'thinking' }, 'Being written in another tab'));
    } else {
      const { ending } = this.#message;
      const reason = ending ? `${endings[ending]} before the first word.` : 'The model had nothing to say.';
      this.#prose.replaceChildren(element('p', { class: 'nothing' }, reason));
    }
  }

  /** @param {Message[]} versions @param {boolean} isElsewhere */
  #drawFooter(versions, isElsewhere) {
    const { role, statistics, ending } = this.#message;
    const content = messageText(this.#message);
    const isReply = role === 'assistant';
    const textButton = (/** @type {string} */ label, /** @type {() => void} */ onclick) =>
      element('button', { type: 'button', class: 'text-button', onclick }, label);
    const copy = iconButton('copy', 'Copy', async () => {
      const now = messageText(this.#message);
      await copyText((isReply && splitReply(now).answer) || now);
      copy.replaceChildren(icon('check'));
      setTimeout(() => copy.replaceChildren(icon('copy')), 1600);
    });
    const figures = [
      content && (isElsewhere ? 'Being written in another tab' : ending && endings[ending]),
      // One token comes in no time at all.
      statistics && content && statistics.tokens > 3 && formatRate(statistics.tokensPerSecond),
      statistics && `first token after ${formatMilliseconds(statistics.timeToFirstToken)}`,
    ].filter(Boolean);
    const parts = [
      versions.length > 1 && this.#versionSwitch(versions),
      content && copy,
      !isReply && iconButton('edit', 'Edit and send again', () => this.edit()),
      isReply &&
        content &&
        !isElsewhere &&
        iconButton('redo', 'Write another reply', () => this.#chat.regenerate(this.#message)),
      !isElsewhere && iconButton('trash', 'Delete this message', () => this.#delete()),
      isReply && !content && !isElsewhere && textButton('Write the reply', () => this.#chat.regenerate(this.#message)),
      isElsewhere && textButton('Stop', () => this.#chat.stop(this.#message)),
      content && ending && !isElsewhere && textButton('Continue', () => this.#chat.continue(this.#message)),
      figures.length > 0 &&
        element('p', { class: 'message-statistics' }, ...figures.map((figure) => element('span', {}, figure))),
    ];
    this.#footer.replaceChildren(...parts.filter((part) => part instanceof Node));
  }

  #delete() {
    const [message, chat] = [this.#message, this.#chat];
    const { id } = chat.conversation;
    const next = this.node.nextElementSibling?.querySelector('button') ?? byId('message-input');
    chat.remove(message.id, true);
    next.focus({ preventScroll: true });
    toast('The message was deleted.', { label: 'Undo', run: () => chat.remove(message.id, false, id) });
  }

  /** @param {Message} version @param {string} label Of the button that was pressed, whose like there has the focus then. */
  #choose(version, label) {
    const siblings = this.node.parentElement?.children;
    const place = [...(siblings ?? [])].indexOf(this.node);
    this.#chat.choose(version);
    const buttons = [...(siblings?.[place]?.querySelectorAll('.versions button:enabled') ?? [])];
    const next = buttons.find((button) => button.getAttribute('aria-label') === label) ?? buttons[0];
    /** @type {HTMLElement | undefined} */ (next)?.focus({ preventScroll: true });
  }

  /** @param {Message[]} versions */
  #versionSwitch(versions) {
    const place = versions.indexOf(this.#message);
    const step = (/** @type {string} */ name, /** @type {string} */ label, /** @type {number} */ to) =>
      iconButton(name, label, () => this.#choose(versions[to], label), { disabled: !versions[to] });
    return element(
      'span',
      { class: 'versions', role: 'group', 'aria-label': `Version ${place + 1} of ${versions.length}` },
      step('previous', 'Previous version', place - 1),
      element('span', {}, `${place + 1}/${versions.length}`),
      step('next', 'Next version', place + 1),
    );
  }
}

/** @param {import('./conversation.js').TextFile} file @returns {HTMLElement} Folded; its text is drawn when it is opened. */
function fileView({ name, text }) {
  const pre = element('pre', { tabindex: 0, role: 'region', 'aria-label': name });
  const ontoggle = () => (pre.textContent ||= text);
  return element('details', { class: 'file', ontoggle }, element('summary', {}, name), pre);
}
