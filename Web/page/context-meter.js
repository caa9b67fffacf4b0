import { countLast, countTokens } from './context.js';
import { loadStyle } from './dialog.js';
import { announce, byId, element } from './dom.js';
import { formatCount } from './format.js';
import { settings } from './settings.js';

/** Nothing is counted before this long without a change, in milliseconds. */
const patience = 400;
/** A growing reply is told this often, in milliseconds. */
const pace = 500;
/** From this share of the context on, it is nearly full. */
const nearlyFull = 0.8;

const levels = { free: '', near: ', nearly full', over: ', too long', alone: '' };

/** Below the message: how much of the model's context the conversation takes with what is being written. */
export class ContextMeter {
  #chat;
  #engine;
  #composer;
  #fill = element('span', { class: 'context-fill' });
  #text = element('span', {});
  #meter = element(
    'span',
    { class: 'context-meter', role: 'meter', 'aria-label': 'Context', 'aria-valuemin': 0 },
    element('span', { class: 'context-bar' }, this.#fill),
    this.#text,
  );
  #room = element(
    'button',
    { type: 'button', class: 'text-button', hidden: true, onclick: () => this.#makeRoom() },
    'Make room',
  );
  #root = element('div', { class: 'context', hidden: true }, this.#meter, this.#room);
  /** @type {keyof typeof levels} */
  #level = 'free';
  #timer = 0;
  #counts = 0;
  /** The one that is told about. @type {import('./conversation.js').Conversation | undefined} */
  #told;
  #grown = 0;

  /**
   * @param {import('./chat.js').Chat} chat
   * @param {import('../shared-inference-manager.js').SharedInferenceManager} engine
   * @param {import('./composer.js').Composer} composer
   */
  constructor(chat, engine, composer) {
    this.#chat = chat;
    this.#engine = engine;
    this.#composer = composer;
    loadStyle('tools').then(() => byId('dock').append(this.#root));
    composer.onChange = () => this.update();
    engine.state.subscribe(
      (state) => state.info,
      () => this.update(),
    );
    settings.subscribe(
      (state) => state.systemPrompt,
      () => this.update(),
    );
    this.update();
  }

  get #limit() {
    return this.#engine.state.getState().info?.contextLength ?? 0;
  }

  /** Counts anew, once nothing has changed for a moment. */
  update() {
    clearTimeout(this.#timer);
    // What is known of another conversation is not true of this one.
    if (this.#told !== this.#chat.conversation) this.#root.hidden = true;
    this.#timer = setTimeout(() => this.#count(), patience);
  }

  /** A reply has grown: its tokens are known without asking. */
  grow() {
    const { reply } = this.#chat.writing ?? {};
    const now = performance.now();
    if (!reply?.promptTokens.length || now - this.#grown < pace) return;
    this.#grown = now;
    this.#show(reply.promptTokens.length + reply.tokens.length);
  }

  async #count() {
    const chat = this.#chat;
    // The engine has better things to do while it writes; the end of the reply counts again.
    if (chat.isWriting()) return;
    this.#counts += 1;
    const turn = this.#counts;
    const { conversation } = chat;
    const { draft } = this.#composer;
    const count = this.#limit ? await countTokens(this.#engine, conversation, { draft }).catch(() => 0) : 0;
    // No older message makes room for one that has none alone.
    const alone =
      draft && count > this.#limit ? await countLast(this.#engine, conversation, { draft }).catch(() => 0) : 0;
    // Another conversation may be shown by now.
    if (turn === this.#counts && conversation === chat.conversation && !chat.isWriting()) this.#show(count, alone);
  }

  /** @param {number} count @param {number} [alone] What the message that is being written takes, where that is known. */
  #show(count, alone = 0) {
    const limit = this.#limit;
    this.#told = this.#chat.conversation;
    const before = this.#level;
    const isKnown = count > 0 && limit > 0;
    const isOver = count > limit;
    this.#level = !isKnown
      ? 'free'
      : isOver && alone >= limit
        ? 'alone'
        : isOver
          ? 'over'
          : count >= limit * nearlyFull
            ? 'near'
            : 'free';
    this.#root.hidden = !isKnown;
    this.#root.dataset.level = this.#level;
    const isAlone = this.#level === 'alone';
    const figures = `${formatCount(isAlone ? alone : count)} of ${formatCount(limit)} tokens`;
    const text = isAlone ? `This message alone is too long: ${figures}` : figures + levels[this.#level];
    this.#text.textContent = text;
    this.#meter.setAttribute('aria-valuenow', String(Math.min(count, limit)));
    this.#meter.setAttribute('aria-valuemax', String(limit));
    this.#meter.setAttribute('aria-valuetext', text);
    this.#meter.title = 'How much of the model’s context is taken by the conversation and this message';
    this.#fill.style.width = `${Math.min(100, (count / Math.max(1, limit)) * 100)}%`;
    const { path, firstSeen } = this.#chat.conversation;
    const canMakeRoom = path.findLastIndex(({ role }) => role === 'user') > firstSeen;
    const hadFocus = document.activeElement === this.#room;
    this.#room.hidden = this.#level === 'free' || isAlone || !canMakeRoom || this.#chat.isBusy;
    if (hadFocus && this.#room.hidden) this.#composer.focus();
    if (this.#level !== before && this.#level !== 'free') announce(`The model’s context: ${text}.`);
  }

  async #makeRoom() {
    this.#composer.focus();
    await this.#chat.makeRoom({ draft: this.#composer.draft });
    await this.#count();
  }
}
