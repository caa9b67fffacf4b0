import { ContextOverflowError } from '../inference-manager.js';
import { announce, byId, element, oncePerFrame } from './dom.js';
import { MessageView } from './message-view.js';

/** @typedef {import('./conversations.js').Message} Message */

/** Messages drawn at once when a conversation is opened; the ones before them follow in later frames. */
const drawnAtOnce = 12;
/** Closer to the end than this, in pixels, the view follows the reply. */
const followDistance = 80;
/** A scroll this soon after a wheel, a finger, a key or the scrollbar, in milliseconds, is the user's. */
const handTime = 1200;

/** The messages of the open conversation. */
export class ThreadView {
  #thread = byId('thread');
  #stage = byId('stage');
  #jump = byId('jump');
  #chat;
  #actions;
  /** @type {Map<Message, MessageView>} */
  #views = new Map();
  /** @type {HTMLElement | null} */
  #notice = null;
  #following = true;
  #touched = -Infinity;
  #drawing = 0;
  #growLive = oncePerFrame(() => this.#drawLive());

  /**
   * @param {import('./chat.js').Chat} chat
   * @param {object} actions
   * @param {(empty: boolean) => void} actions.onEmpty
   * @param {(busy: boolean) => void} actions.onBusy
   * @param {() => void} actions.newConversation
   * @param {() => void} actions.openSettings
   */
  constructor(chat, actions) {
    this.#chat = chat;
    this.#actions = actions;
    chat.view = {
      show: () => this.#show(),
      update: () => this.#update(),
      grow: () => this.#growLive(),
      fail: (error) => this.#fail(error),
      finish: (message) => this.#finish(message),
    };
    for (const kind of ['wheel', 'touchmove', 'keydown', 'pointerdown']) {
      this.#stage.addEventListener(kind, () => (this.#touched = performance.now()), { passive: true });
    }
    this.#stage.addEventListener(
      'scroll',
      () => {
        const distance = this.#stage.scrollHeight - this.#stage.scrollTop - this.#stage.clientHeight;
        if (distance < followDistance) this.#following = true;
        // Messages that get their real height move the view too; only the user's own scrolling means something.
        else if (performance.now() - this.#touched < handTime) this.#following = false;
        this.#jump.hidden = this.#following;
      },
      { passive: true },
    );
    new ResizeObserver(() => this.#follow()).observe(this.#thread);
    this.#jump.addEventListener('click', () => this.#follow(true));
    this.#show();
  }

  /** Begins to edit the last message of the user. */
  editLast() {
    const last = this.#chat.messages.findLast((message) => message.role === 'user');
    if (last) this.#views.get(last)?.edit();
  }

  #show() {
    this.#views.clear();
    this.#notice = null;
    this.#thread.replaceChildren();
    this.#drawing += 1;
    const drawing = this.#drawing;
    const { messages } = this.#chat;
    let from = Math.max(0, messages.length - drawnAtOnce);
    for (const message of messages.slice(from)) this.#thread.append(this.#viewOf(message).node);
    const drawEarlier = () => {
      if (drawing !== this.#drawing || from === 0) return;
      const start = Math.max(0, from - drawnAtOnce);
      const nodes = messages.slice(start, from).map((message) => this.#viewOf(message).node);
      from = start;
      this.#thread.prepend(...nodes);
      this.#markForgotten();
      this.#follow();
      requestAnimationFrame(drawEarlier);
    };
    requestAnimationFrame(drawEarlier);
    this.#markForgotten();
    this.#follow(true);
    this.#tell();
  }

  #update() {
    const { messages } = this.#chat;
    const kept = new Set(messages);
    for (const [message, view] of this.#views) {
      if (kept.has(message)) continue;
      view.node.remove();
      this.#views.delete(message);
    }
    for (const message of messages) {
      if (!this.#views.has(message)) this.#thread.append(this.#viewOf(message).node);
    }
    this.#markForgotten();
    this.#follow(true);
    this.#tell();
  }

  /** @param {Message} message */
  #viewOf(message) {
    const known = this.#views.get(message);
    if (known) return known;
    const view = new MessageView(message, this.#chat);
    this.#views.set(message, view);
    return view;
  }

  /** A line before the first message that the model still gets. */
  #markForgotten() {
    this.#thread.querySelector('.forgotten')?.remove();
    const { firstSeen } = this.#chat.conversation;
    const first = firstSeen > 0 && this.#views.get(this.#chat.messages[firstSeen])?.node;
    if (first && first.isConnected) {
      first.before(element('p', { class: 'forgotten' }, 'The model no longer sees what is above'));
    }
  }

  #drawLive() {
    const { live } = this.#chat;
    if (!live) return;
    this.#views.get(live)?.update();
    this.#follow();
  }

  /** @param {Message} message */
  #finish(message) {
    if (this.#chat.messages.includes(message)) {
      this.#views.get(message)?.update();
      announce(message.content);
    }
    this.#update();
  }

  #tell() {
    this.#actions.onEmpty(this.#chat.messages.length === 0);
    this.#actions.onBusy(this.#chat.reply !== null);
  }

  /** @param {boolean} [anew] Also when the user had scrolled away. */
  #follow(anew = false) {
    if (anew) this.#following = true;
    if (!this.#following) return;
    this.#stage.scrollTop = this.#stage.scrollHeight;
    this.#jump.hidden = true;
  }

  /** @param {Error | null} error */
  #fail(error) {
    this.#notice?.remove();
    this.#notice = null;
    if (!error) return;
    this.#notice = error instanceof ContextOverflowError ? this.#overflowNotice(error) : this.#errorNotice(error);
    this.#thread.append(this.#notice);
    announce(this.#notice?.textContent ?? '');
    this.#follow(true);
  }

  /** @param {ContextOverflowError} error @returns {HTMLElement} */
  #overflowNotice({ need, limit }) {
    const isLong = this.#chat.messages.length - this.#chat.conversation.firstSeen > 1;
    const over =
      need && limit
        ? ` It has ${need.toLocaleString('en')} tokens, and the model keeps ${limit.toLocaleString('en')} in mind.`
        : '';
    return notice(
      'info',
      isLong ? 'This conversation has grown too long' : 'This message is too long',
      isLong
        ? `${over} You can go on without its oldest messages (they stay here to read), or begin anew.`
        : `${over} Shorten it, or give the model a longer context in the settings.`,
      [
        isLong && ['Go on without the oldest', () => this.#chat.forgetOldest()],
        isLong && ['New conversation', this.#actions.newConversation],
        !isLong && ['Edit the message', () => this.editLast()],
        ['Settings', this.#actions.openSettings],
      ],
    );
  }

  /** @param {Error} error @returns {HTMLElement} */
  #errorNotice(error) {
    const last = this.#chat.messages.at(-1);
    return notice('error', 'There is no reply', error.message, [
      last && ['Try again', () => this.#chat.regenerate(last)],
    ]);
  }
}

/**
 * @param {string} kind
 * @param {string} title
 * @param {string} text
 * @param {(false | undefined | [string, () => void])[]} actions
 */
function notice(kind, title, text, actions) {
  const buttons = actions
    .filter((action) => action !== false && action !== undefined)
    .map(([label, run], index) =>
      element('button', { type: 'button', class: index === 0 ? 'button primary' : 'button', onclick: run }, label),
    );
  return element(
    'section',
    { class: 'notice', 'data-kind': kind },
    element('h2', {}, title),
    element('p', {}, text.trim()),
    element('div', { class: 'notice-actions' }, ...buttons),
  );
}
