import { CancelledError, SwiftletError } from '../inference-manager.js';
import { newConversation, newMessage, titleFrom } from './conversations.js';
import { settings } from './settings.js';

/** @typedef {import('./conversations.js').Conversation} Conversation */
/** @typedef {import('./conversations.js').Message} Message */

/** A growing reply is saved this often, in milliseconds, so that closing the tab loses little. */
const saveInterval = 3000;

/**
 * The open conversation and what can be done with it. The views hear of changes over `view`.
 *
 * @typedef {object} ChatView
 * @property {() => void} show The whole conversation is another one.
 * @property {() => void} update Messages were added or removed.
 * @property {(message: Message) => void} grow The text of the reply that is being written has grown.
 * @property {(error: Error | null) => void} fail Why there is no reply, or null when that no longer matters.
 * @property {(message: Message) => void} finish
 */
export class Chat {
  conversation = newConversation();
  /** @type {import('../inference-manager.js').Reply | null} */
  reply = null;
  /**
   * The message being written.
   *
   * @type {Message | null}
   */
  live = null;
  /**
   * How far the prompt is.
   *
   * @type {{ done: number, total: number } | null}
   */
  prompt = null;
  /** @type {ChatView} */
  view = { show() {}, update() {}, grow() {}, fail() {}, finish() {} };
  onSaved = () => {};
  #manager;
  #store;
  #archive;

  /**
   * @param {import('../inference-manager.js').InferenceManager} manager
   * @param {import('../model-store.js').ModelStore} store
   * @param {import('./conversations.js').ConversationArchive} archive
   */
  constructor(manager, store, archive) {
    this.#manager = manager;
    this.#store = store;
    this.#archive = archive;
    // What was sent while the model was loading is answered as soon as it is ready.
    store.subscribe(
      (state) => state.loadingStep,
      (step) => {
        if (step === 'ready' && this.isWaiting) this.#answer();
      },
    );
  }

  get messages() {
    return this.conversation.messages;
  }

  /** Whether the last message is the user's and nobody is writing a reply. */
  get isWaiting() {
    return !this.reply && this.messages.at(-1)?.role === 'user';
  }

  /** @param {Conversation | null} conversation Null begins a new one. */
  open(conversation) {
    this.stop();
    this.reply = null;
    this.live = null;
    this.conversation = conversation ?? newConversation();
    this.view.show();
  }

  /** @param {string} text */
  send(text) {
    if (!this.messages.length) this.conversation.title = titleFrom(text);
    this.messages.push(newMessage('user', text));
    this.#answer();
  }

  /** Ends the reply after the token that is being computed. */
  stop() {
    this.reply?.cancel();
  }

  /**
   * Writes the reply after this message, or this reply, anew.
   *
   * @param {Message} message
   */
  regenerate(message) {
    const place = this.messages.indexOf(message);
    this.#cut(message.role === 'user' ? place + 1 : place);
    this.#answer();
  }

  /**
   * Replaces a message of the user; what came after it is gone.
   *
   * @param {Message} message
   * @param {string} text
   */
  edit(message, text) {
    const place = this.messages.indexOf(message);
    this.#cut(place);
    if (place === 0) this.conversation.title = titleFrom(text);
    this.messages.push(newMessage('user', text));
    this.#answer();
  }

  /** Lets go of the older half of what the model still sees, and answers. */
  forgetOldest() {
    const { conversation } = this;
    const last = conversation.messages.length - 1;
    const middle = conversation.firstSeen + Math.ceil((last - conversation.firstSeen) / 2);
    // What the model sees must begin with a message of the user.
    const next = conversation.messages.findIndex((message, index) => index >= middle && message.role === 'user');
    conversation.firstSeen = next < 0 ? last : next;
    this.#answer();
  }

  /** @param {string} id @param {string} title */
  async rename(id, title) {
    const conversation = id === this.conversation.id ? this.conversation : await this.#archive.load(id);
    if (!conversation) return;
    conversation.title = title;
    await this.#archive.save(conversation);
  }

  /** @param {number} count Messages that stay. */
  #cut(count) {
    this.stop();
    this.reply = null;
    this.live = null;
    this.messages.length = Math.max(0, count);
    this.conversation.firstSeen = Math.min(this.conversation.firstSeen, Math.max(0, count - 1));
  }

  async #answer() {
    const { conversation } = this;
    this.view.fail(null);
    this.view.update();
    this.#save(conversation, true);
    if (this.#store.getState().loadingStep !== 'ready') return;

    const message = newMessage('assistant', '');
    const reply = this.#manager.generate(this.#prompt(), this.#options());
    this.reply = reply;
    this.live = message;
    this.prompt = null;
    conversation.messages.push(message);
    reply.onPromptProgress = (done, total) => {
      this.prompt = { done, total };
      this.view.grow(message);
    };
    this.view.update();
    try {
      await this.#write(reply, message, conversation);
    } catch (error) {
      if (!message.content) remove(conversation.messages, message);
      if (this.conversation === conversation && !(error instanceof CancelledError)) {
        this.view.fail(
          error instanceof SwiftletError ? error : new Error('Something unexpected happened.', { cause: error }),
        );
      }
      if (!(error instanceof SwiftletError)) console.error(error);
    } finally {
      if (this.reply === reply) {
        this.reply = null;
        this.live = null;
        this.view.finish(message);
      }
      this.#save(conversation, true);
    }
  }

  /**
   * @param {import('../inference-manager.js').Reply} reply
   * @param {Message} message
   * @param {Conversation} conversation
   */
  async #write(reply, message, conversation) {
    let saved = performance.now();
    for await (const text of reply) {
      message.content += text;
      if (this.live === message) this.view.grow(message);
      if (performance.now() - saved < saveInterval) continue;
      saved = performance.now();
      this.#save(conversation, false);
    }
    const { reason, timings } = await reply.finished;
    if (reason !== 'stop') message.ending = reason;
    if (!message.content && reason === 'aborted') remove(conversation.messages, message);
    if (!timings?.predictedCount) return;
    message.statistics = {
      model: this.#store.getState().currentModel ?? '',
      tokens: timings.predictedCount,
      tokensPerSecond:
        timings.predictedMilliseconds > 0 ? (timings.predictedCount * 1000) / timings.predictedMilliseconds : 0,
      timeToFirstToken: timings.firstTokenMilliseconds,
    };
  }

  #prompt() {
    const { systemPrompt } = settings.getState();
    const seen = this.messages.slice(this.conversation.firstSeen).map(({ role, content }) => ({ role, content }));
    return systemPrompt.trim() ? [{ role: 'system', content: systemPrompt.trim() }, ...seen] : seen;
  }

  #options() {
    const { temperature, topP, maxTokens } = settings.getState();
    return {
      ...(temperature === null ? {} : { temperature }),
      ...(topP === null ? {} : { topP }),
      ...(maxTokens ? { maxTokens } : {}),
    };
  }

  /** @param {Conversation} conversation @param {boolean} tell Whether the list in the sidebar changes. */
  async #save(conversation, tell) {
    if (!conversation.messages.length) return;
    conversation.updatedAt = Date.now();
    try {
      await this.#archive.save(conversation);
      if (tell) this.onSaved();
    } catch (error) {
      console.warn('The conversation could not be kept.', error);
    }
  }
}

/** @template T @param {T[]} list @param {T} item */
function remove(list, item) {
  const place = list.indexOf(item);
  if (place >= 0) list.splice(place, 1);
}
