import { element, icon, iconButton } from './dom.js';
import { formatMilliseconds, formatRate } from './format.js';
import { MarkdownView } from './markdown-view.js';

/** @typedef {import('./conversations.js').Message} Message */

const endings = { length: 'Cut at the length limit', aborted: 'Stopped' };

/** One message, with what can be done with it. */
export class MessageView {
  #message;
  #chat;
  #body;
  #footer = element('div', { class: 'message-footer' });
  /** @type {MarkdownView | undefined} */
  #markdown;

  /** @param {Message} message @param {import('./chat.js').Chat} chat */
  constructor(message, chat) {
    this.#message = message;
    this.#chat = chat;
    const isUser = message.role === 'user';
    this.#body = element('div', { class: isUser ? 'bubble' : 'prose' });
    this.node = element(
      'article',
      { class: 'message', 'data-role': message.role, 'aria-label': isUser ? 'You' : 'Reply' },
      this.#body,
      this.#footer,
    );
    if (isUser) this.#body.textContent = message.content;
    this.update();
  }

  /** Shows the message as it is now. */
  update() {
    const isLive = this.#chat.live === this.#message;
    this.node.toggleAttribute('data-live', isLive);
    this.node.setAttribute('aria-busy', String(isLive));
    if (this.#message.role === 'assistant') this.#drawReply(isLive);
    if (!isLive && !this.#footer.hasChildNodes()) this.#drawFooter();
  }

  /** Lets the user change this message and send it again. */
  edit() {
    const textarea = element('textarea', { 'aria-label': 'Edit the message', rows: 2 });
    textarea.value = this.#message.content;
    const close = () => {
      editor.replaceWith(this.#body);
      this.#footer.hidden = false;
    };
    const send = () => {
      const text = textarea.value.trim();
      if (text) this.#chat.edit(this.#message, text);
    };
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
    this.#body.replaceWith(editor);
    this.#footer.hidden = true;
    textarea.focus();
    textarea.setSelectionRange(textarea.value.length, textarea.value.length);
  }

  /** @param {boolean} isLive */
  #drawReply(isLive) {
    const { content } = this.#message;
    if (content) {
      if (!this.#markdown) {
        this.#body.replaceChildren();
        this.#markdown = new MarkdownView(this.#body);
      }
      this.#markdown.update(content);
    } else if (isLive) {
      const { prompt } = this.#chat;
      const share = prompt && prompt.total > 200 ? ` ${Math.round((prompt.done / prompt.total) * 100)} %` : '';
      const text = `Reading${share}`;
      if (this.#body.textContent !== text) this.#body.replaceChildren(element('p', { class: 'thinking' }, text));
    } else {
      this.#body.replaceChildren(element('p', {}, '(The model had nothing to say.)'));
    }
  }

  #drawFooter() {
    const { role, content, statistics, ending } = this.#message;
    const copy = iconButton('copy', 'Copy', async () => {
      await navigator.clipboard.writeText(content);
      copy.replaceChildren(icon('check'));
      setTimeout(() => copy.replaceChildren(icon('copy')), 1600);
    });
    this.#footer.append(copy);
    if (role === 'user') {
      this.#footer.append(iconButton('edit', 'Edit and send again', () => this.edit()));
      return;
    }
    this.#footer.append(iconButton('redo', 'Write another reply', () => this.#chat.regenerate(this.#message)));
    const figures = [
      ending && endings[ending],
      statistics && formatRate(statistics.tokensPerSecond),
      statistics && `first token after ${formatMilliseconds(statistics.timeToFirstToken)}`,
    ].filter(Boolean);
    if (figures.length) {
      this.#footer.append(
        element('p', { class: 'message-statistics' }, ...figures.map((figure) => element('span', {}, figure))),
      );
    }
  }
}
