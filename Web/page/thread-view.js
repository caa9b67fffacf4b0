import { ContextOverflowError } from '../inference-manager.js';
import { announce, byId, element, oncePerFrame } from './dom.js';
import { MessageView } from './message-view.js';
import { splitReply } from './reasoning.js';
import { messageOverflow } from './room.js';

/** @typedef {import('./conversation.js').Message} Message */

/**
 * What the views hear of the conversation that is shown.
 *
 * @typedef {object} ChatView
 * @property {() => void} show It is another one.
 * @property {() => void} update Messages were added, removed or changed.
 * @property {(message: Message) => void} grow The text of the reply that is being written has grown.
 * @property {(error: Error | null) => void} fail Why there is no reply, or null when that no longer matters.
 * @property {(message: Message) => void} finish
 */

/** Messages drawn at once when a conversation is opened; the ones before them follow in later frames. */
const drawnAtOnce = 8;
/** Fewer where these take longer, in milliseconds: a frame has more to do. */
const drawTime = 8;
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
  /** What stands after the last message. @type {HTMLElement | null} */
  #notice = null;
  /** @type {Error | null} */
  #error = null;
  #following = true;
  #touched = -Infinity;
  #drawing = 0;
  #forgotten = element(
    'div',
    { class: 'forgotten' },
    element('span', {}, 'The model no longer sees what is above'),
    element('button', { type: 'button', class: 'text-button', onclick: () => this.#sendAll() }, 'Send it again'),
  );
  #growLive = oncePerFrame(() => this.#drawLive());

  /**
   * @param {import('./chat.js').Chat} chat
   * @param {object} actions
   * @param {(empty: boolean) => void} actions.onEmpty
   * @param {(busy: boolean) => void} actions.onBusy
   * @param {() => void} actions.onGrow
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
        // Messages that get their real height move the view too; only the user's own scrolling means something.
        if (performance.now() - this.#touched < handTime) this.#following = false;
        this.#lookDown();
      },
      { passive: true },
    );
    // What the keyboard reaches stays in view, whatever gets its real height by that.
    this.#thread.addEventListener('focusin', ({ target }) => {
      if (!(/** @type {Element} */ (target).matches(':focus-visible'))) return;
      this.#following = false;
      requestAnimationFrame(() => this.#lookDown());
    });
    // What is unfolded is read from its beginning.
    this.#thread.addEventListener('click', ({ target }) => {
      if (/** @type {Element} */ (target).closest('summary')) this.#following = false;
    });
    this.#thread.addEventListener('toggle', () => requestAnimationFrame(() => this.#lookDown()), true);
    // Also when the message that is being written, or a phone's keyboard, takes room.
    const resizes = new ResizeObserver(() => this.#follow());
    for (const part of [this.#thread, this.#stage]) resizes.observe(part);
    this.#jump.addEventListener('click', () => this.#follow(true));
    this.#show();
  }

  /** Begins to edit the last message of the user. */
  editLast() {
    const last = this.#chat.messages.findLast((message) => message.role === 'user');
    const view = last && this.#views.get(last);
    if (!view) return;
    this.#following = false;
    view.edit();
    view.node.scrollIntoView({ block: 'nearest' });
  }

  #show() {
    this.#views.clear();
    this.#thread.replaceChildren();
    this.#drawing += 1;
    const drawing = this.#drawing;
    const { messages } = this.#chat;
    let from = Math.max(0, messages.length - drawnAtOnce);
    for (const message of messages.slice(from)) this.#thread.append(this.#viewOf(message).node);
    const drawEarlier = () => {
      if (drawing !== this.#drawing || from === 0) return;
      const end = performance.now() + drawTime;
      const nodes = [];
      do {
        from -= 1;
        nodes.unshift(this.#viewOf(messages[from]).node);
      } while (from > 0 && nodes.length < drawnAtOnce && performance.now() < end);
      this.#thread.prepend(...nodes);
      this.#markForgotten();
      this.#follow();
      requestAnimationFrame(drawEarlier);
    };
    // The frame that shows these has enough to do.
    requestAnimationFrame(() => requestAnimationFrame(drawEarlier));
    this.#markForgotten();
    this.#drawNotice();
    this.#follow(true);
    this.#tell();
  }

  #update() {
    const { messages } = this.#chat;
    const focused = this.#thread.contains(document.activeElement) ? document.activeElement : null;
    const before = messages.length - this.#views.size;
    const kept = new Set(messages);
    for (const [message, view] of this.#views) {
      if (kept.has(message)) continue;
      view.node.remove();
      this.#views.delete(message);
    }
    this.#forgotten.remove();
    for (const [place, message] of messages.entries()) {
      const view = this.#viewOf(message);
      const there = this.#thread.children[place];
      if (there !== view.node) this.#thread.insertBefore(view.node, there ?? null);
      view.update();
    }
    this.#markForgotten();
    this.#drawNotice();
    this.#follow(before > 0);
    this.#tell();
    // What was pressed for a reply goes away.
    if (focused && (!focused.isConnected || focused.closest('[data-live] .message-footer')))
      byId(matchMedia('(pointer: fine)').matches ? 'message-input' : 'stop').focus({ preventScroll: true });
  }

  /** @param {Message} message */
  #viewOf(message) {
    const known = this.#views.get(message);
    if (known) return known;
    const view = new MessageView(message, this.#chat);
    this.#views.set(message, view);
    return view;
  }

  /** Which messages the model no longer gets, and a line before the first that it does. */
  #markForgotten() {
    this.#forgotten.remove();
    const { path, firstSeen } = this.#chat.conversation;
    for (const [place, message] of path.entries())
      this.#views.get(message)?.node.toggleAttribute('data-unsent', place < firstSeen);
    const first = firstSeen > 0 ? this.#views.get(path[firstSeen])?.node : undefined;
    if (first?.isConnected) first.before(this.#forgotten);
  }

  #sendAll() {
    this.#chat.sendFrom(null);
    byId('message-input').focus();
  }

  #drawLive() {
    const { writing } = this.#chat;
    if (!writing) return;
    this.#views.get(writing.message)?.update();
    this.#actions.onGrow();
    this.#follow();
  }

  /** @param {Message} message */
  #finish(message) {
    if (this.#chat.messages.includes(message)) announce(splitReply(message.content).answer);
    this.#update();
  }

  #tell() {
    this.#actions.onEmpty(this.#chat.messages.length === 0);
    this.#actions.onBusy(this.#chat.isBusy);
  }

  /** Follows again where the end is near. */
  #lookDown() {
    const distance = this.#stage.scrollHeight - this.#stage.scrollTop - this.#stage.clientHeight;
    if (distance < followDistance) this.#following = true;
    this.#jump.hidden = this.#following;
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
    this.#error = error;
    this.#drawNotice();
    if (!error) return;
    announce(this.#notice?.textContent ?? '');
    this.#follow(true);
  }

  #drawNotice() {
    this.#notice?.remove();
    this.#notice = this.#newNotice();
    if (this.#notice) this.#thread.append(this.#notice);
  }

  /** @returns {HTMLElement | null} */
  #newNotice() {
    const last = this.#chat.messages.at(-1);
    if (this.#error instanceof ContextOverflowError) return this.#overflowNotice(this.#error);
    if (this.#error) return this.#errorNotice(this.#error);
    if (this.#chat.isWaitingForModel)
      return element('p', { class: 'thinking' }, 'Waiting for the model; the reply follows by itself');
    if (this.#chat.isBusy || last?.role !== 'user') return null;
    return notice('info', '', 'This message has no reply.', [
      ['Write the reply', () => this.#chat.regenerate(last)],
      ['Edit the message', () => this.editLast()],
    ]);
  }

  /** @param {ContextOverflowError} error @returns {HTMLElement} */
  #overflowNotice({ code, need, limit }) {
    const { messages, conversation, systemPrompt } = this.#chat;
    const isLong = code !== messageOverflow && messages.length - conversation.firstSeen > 1;
    const isReply = messages.at(-1)?.role === 'assistant';
    const parts = [isReply && 'the message before it', systemPrompt.trim() && 'the system prompt'].filter(Boolean);
    const what = isLong ? 'It has' : parts.length ? `With ${parts.join(' and ')} it has` : 'It alone has';
    const over =
      need && limit
        ? ` ${what} ${need.toLocaleString('en')} tokens, and the model keeps ${limit.toLocaleString('en')} in mind.`
        : '';
    if (isLong) {
      const advice = 'You can go on without its oldest messages (they stay here to read), or begin anew.';
      return notice('info', 'This conversation has grown too long', `${over} ${advice}`, [
        ['Go on without the oldest', () => this.#chat.goOnWithRoom()],
        ['New conversation', this.#actions.newConversation],
        ['Settings', this.#actions.openSettings],
      ]);
    }
    const advice = `${isReply ? 'To go on, give' : 'Shorten it, or give'} the model a longer context in the settings.`;
    return notice('info', `This ${isReply ? 'reply' : 'message'} is too long`, `${over} ${advice}`, [
      !isReply && ['Edit the message', () => this.editLast()],
      ['Settings', this.#actions.openSettings],
    ]);
  }

  /** @param {Error} error @returns {HTMLElement} */
  #errorNotice(error) {
    const last = this.#chat.messages.at(-1);
    const title = last?.role === 'assistant' && last.content ? 'The reply broke off' : 'There is no reply';
    return notice('error', title, error.message, [last && ['Try again', () => this.#chat.regenerate(last)]]);
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
    title && element('h2', {}, title),
    element('p', {}, text.trim()),
    element('div', { class: 'notice-actions' }, ...buttons),
  );
}
