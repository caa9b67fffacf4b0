import { CancelledError, ContextOverflowError, SwiftletError } from '../inference-manager.js';
import { newMessage, titleFrom } from './conversation.js';
import { keepDraft, newConversation } from './draft.js';
import { RepliesElsewhere, whileWriting } from './reply-lock.js';
import { writeReply } from './reply-writer.js';
import { Room } from './room.js';
import { settings } from './settings.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */
/** @typedef {import('./conversation.js').Message} Message */
/** @typedef {import('./reply-writer.js').Writing} Writing */
/** @typedef {import('./reply-writer.js').Request} Request */

/** The conversation that is shown, those whose replies are being written, and what can be done with them. */
export class Chat {
  conversation = newConversation();
  /** @type {import('./thread-view.js').ChatView} */
  view = { show() {}, update() {}, grow() {}, fail() {}, finish() {} };
  /** The list of conversations changes. */
  onListChange = () => {};
  /** Another conversation is shown, or this one got its place in the list. @type {(isStep: boolean) => void} */
  onPlaceChange = () => {};
  /** A reply is asked for while no model is loaded or loading. */
  onModelNeeded = () => {};
  /** The conversation that was shown was deleted in another tab. @type {(id: string) => void} */
  onDeletedElsewhere = () => {};
  /** The oldest messages are no longer sent. @type {(count: number, undo: () => void) => void} */
  onRoomMade = () => {};
  /** By the conversation's id. @type {Map<string, Writing>} */
  #writings = new Map();
  /** What is answered once a model is ready. @type {Map<Conversation, Request>} */
  #waiting = new Map();
  #elsewhere = new RepliesElsewhere({
    adopt: ({ id }) => this.#adopt(id),
    show: (conversation) => this.conversation === conversation && this.view.update(),
    writing: (id) => [...this.#writings.values()].find(({ message }) => message.id === id)?.conversation,
    stop: (conversation) => this.#stop(conversation),
  });
  #openings = 0;
  #room;
  #engine;
  #store;
  #archive;

  /**
   * @param {import('./reply-writer.js').Engine} engine
   * @param {import('../model-store.js').ModelStore} store
   * @param {import('./conversations.js').ConversationArchive} archive
   */
  constructor(engine, store, archive) {
    this.#engine = engine;
    this.#store = store;
    this.#archive = archive;
    this.#room = new Room(engine, () => store.getState().info?.contextLength ?? 0);
    this.#room.onMade = (count, conversation, seenFrom) => {
      this.#save(conversation, []);
      if (this.conversation !== conversation) return;
      this.view.update();
      this.onRoomMade(count, () => this.sendFrom(seenFrom, conversation.id));
    };
    store.subscribe(
      (state) => (state.loadingStep === 'ready' ? 'ready' : state.isLoading ? 'loading' : 'idle'),
      (step) => {
        if (step === 'loading') return;
        // What was sent while the model was loading is answered as soon as it is ready.
        const waiting = [...this.#waiting];
        this.#waiting.clear();
        if (step === 'ready') for (const [conversation, request] of waiting) this.#answer(conversation, request);
        else this.view.update();
      },
    );
    archive.onChangeElsewhere((id) => this.#adopt(id));
    addEventListener('pagehide', () => {
      this.#saveGrowing();
      archive.leave();
    });
    document.addEventListener('visibilitychange', () => document.hidden && this.#saveGrowing());
  }

  /** The messages that are shown. */
  get messages() {
    return this.conversation.path;
  }

  /** What the model is told first. */
  get systemPrompt() {
    return this.conversation.summary.systemPrompt ?? settings.getState().systemPrompt;
  }

  /** @param {string} text Holds from the next reply on. @param {string} [id] */
  async setSystemPrompt(text, id = this.conversation.id) {
    const isNew = this.conversation.id === id && !this.messages.length;
    if (!isNew && (await this.#set(id, { systemPrompt: text }))) return;
    // It is kept with the first message; until then it goes from one new conversation to the next.
    keepDraft('-prompt', text);
    if (!this.messages.length) this.conversation.set({ systemPrompt: text });
    this.view.update();
  }

  /** The reply that is being written here. @returns {Writing | undefined} */
  get writing() {
    return this.#writings.get(this.conversation.id);
  }

  /** Whether a reply is being written here, or will be once the model is ready. */
  get isBusy() {
    return this.writing !== undefined || this.isWaitingForModel;
  }

  get isWaitingForModel() {
    return this.#waiting.has(this.conversation);
  }

  /** @param {Message} message Whether another tab is writing it. */
  isWrittenElsewhere(message) {
    return this.#elsewhere.has(message);
  }

  /** @param {string} [id] Whether a reply of this conversation, or of any, is being written in this tab. */
  isWriting(id) {
    return id ? this.#writings.has(id) : this.#writings.size > 0;
  }

  /**
   * @param {string | null} id Null begins a new conversation.
   * @param {boolean} [isStep] Whether the browser's “back” leads to the one before.
   * @returns {Promise<boolean>} Whether it is there.
   */
  async open(id, isStep = true) {
    this.#openings += 1;
    const opening = this.#openings;
    const loaded = id === null ? undefined : await (this.#opened(id) ?? this.#archive.load(id));
    // Another one was asked for in the meantime.
    if (opening !== this.#openings) return true;
    this.conversation = loaded && !loaded.summary.deleted ? loaded : newConversation();
    this.#elsewhere.look(this.conversation, this.writing?.message);
    this.view.fail(null);
    this.view.show();
    this.onPlaceChange(isStep);
    return id === null || this.conversation.id === id;
  }

  /** @param {string} text @param {Message['files']} [files] */
  send(text, files = []) {
    const { conversation } = this;
    if (this.isBusy) return;
    if (!this.messages.length) {
      // What new conversations begin with may change later; this one keeps what it began with.
      conversation.set({ title: titleFrom(text || files[0].name), systemPrompt: this.systemPrompt });
      keepDraft('-prompt', null);
    }
    this.#say(text, this.messages.at(-1)?.id ?? null, files);
  }

  /** What waits for a model waits in vain. */
  endWaiting() {
    this.#waiting.clear();
    this.view.update();
  }

  /** Ends the reply after the token that is being computed. @param {Message} [elsewhere] One that another tab writes. */
  stop(elsewhere) {
    if (elsewhere) this.#elsewhere.stop(elsewhere);
    else this.#stop(this.conversation);
  }

  /**
   * Writes the reply to this message of the user, or another version of this reply.
   *
   * @param {Message} message
   */
  regenerate(message) {
    const { conversation } = this;
    this.#stop(conversation);
    const parent = message.role === 'user' ? message.id : (conversation.parentOf(message)?.id ?? null);
    if (message.role === 'assistant' && !message.content) conversation.change(message, { deleted: true });
    this.#answer(conversation, { parent }, [message]);
  }

  /**
   * Says a message of the user in another way, as a version beside the first.
   *
   * @param {Message} message
   * @param {string} text
   * @param {Message['files']} [files]
   */
  edit(message, text, files = []) {
    const { conversation } = this;
    this.#stop(conversation);
    if (this.messages[0] === message) conversation.set({ title: titleFrom(text || files[0].name) });
    this.#say(text, message.parent, files);
  }

  /** @param {Message} message A reply that ended too early, whose text goes on. */
  continue(message) {
    this.#stop(this.conversation);
    this.#answer(this.conversation, { parent: message.parent, begun: message });
  }

  /** @param {Message} version Is shown, with what follows it. */
  choose(version) {
    this.conversation.choose(version);
    this.#save(this.conversation, []);
    this.view.fail(null);
    this.view.update();
  }

  /**
   * @param {string} messageID
   * @param {boolean} deleted What followed it stays.
   * @param {string} [id] Its conversation's: what is undone may not be on the screen any more.
   */
  async remove(messageID, deleted, id = this.conversation.id) {
    const conversation = this.#opened(id) ?? (await this.#archive.load(id));
    const message = conversation?.find(messageID);
    if (!conversation || !message) return;
    const asked = this.#writings.get(id)?.message ?? conversation.find(this.#waiting.get(conversation)?.parent ?? '');
    if (asked === message) this.#stop(conversation);
    conversation.change(message, { deleted });
    this.#save(conversation, [message]);
    this.view.update();
  }

  /** @param {import('./context.js').Sent} sent What is to have room, for which the oldest messages are no longer sent. */
  makeRoom(sent) {
    return this.#room.make(this.conversation, sent);
  }

  /** Makes room for the reply that found none, and writes it. */
  async goOnWithRoom() {
    const { conversation } = this;
    this.view.fail(null);
    const request = this.#room.refused(conversation);
    await this.#room.make(conversation, { reply: request.begun });
    this.#answer(conversation, request);
  }

  /** @param {string | null} seenFrom The oldest message that the model gets from now on; null for all. @param {string} [id] */
  sendFrom(seenFrom, id = this.conversation.id) {
    return this.#set(id, { seenFrom });
  }

  /** @param {string} id @param {string} title */
  rename(id, title) {
    return this.#set(id, { title });
  }

  /** @param {string} id It can be restored for a while. */
  async delete(id) {
    const open = this.#opened(id);
    if (open) this.#stop(open);
    if (open) await this.#archive.save(open);
    await this.#archive.delete(id);
    this.#engine.forget(id).catch(() => {});
    if (this.conversation.id === id) await this.open(null, false);
    this.onListChange();
  }

  /** @param {string} id */
  async restore(id) {
    await this.#archive.restore(id);
    if (!this.messages.length) await this.open(id);
    this.onListChange();
  }

  /** @param {string} text @param {string | null} parent @param {NonNullable<Message['files']>} files */
  #say(text, parent, files) {
    const message = Object.assign(newMessage('user', text, parent), files.length && { files });
    this.conversation.add(message);
    this.#answer(this.conversation, { parent: message.id }, [message]);
    if (parent === null) this.onPlaceChange(false);
  }

  /**
   * @param {string} id Of a conversation, open or not.
   * @param {Parameters<Conversation['set']>[0]} changes
   * @returns {Promise<boolean>} Whether it is there.
   */
  async #set(id, changes) {
    const conversation = this.#opened(id) ?? (await this.#archive.load(id));
    if (!conversation) return false;
    conversation.set(changes);
    this.view.update();
    await this.#save(conversation, []);
    return true;
  }

  /** @param {string} id @returns {Conversation | undefined} Where this tab shows or writes it. */
  #opened(id) {
    if (this.conversation.id === id) return this.conversation;
    return (
      this.#writings.get(id)?.conversation ?? [...this.#waiting.keys()].find((conversation) => conversation.id === id)
    );
  }

  /** @param {Conversation} conversation */
  #stop(conversation) {
    this.#waiting.delete(conversation);
    const writing = this.#writings.get(conversation.id);
    if (!writing) return this.view.update();
    writing.stopping.abort();
    writing.reply?.cancel();
    // It is over for whoever looks; the engine's last words still arrive, and are kept.
    this.#writings.delete(conversation.id);
    conversation.change(writing.message, { ending: 'aborted' });
    this.#save(conversation, [writing.message]);
    if (this.conversation === conversation) this.view.finish(writing.message);
    this.onListChange();
  }

  /**
   * @param {Conversation} conversation
   * @param {Request} request
   * @param {Message[]} [changed] Messages that are to be saved too.
   */
  async #answer(conversation, request, changed = []) {
    const { parent, begun } = request;
    const isShown = () => this.conversation === conversation;
    if (isShown()) this.view.fail(null);
    const { loadingStep, isLoading } = this.#store.getState();
    if (loadingStep !== 'ready') {
      this.#waiting.set(conversation, request);
      if (isShown()) this.view.update();
      if (!isLoading) this.onModelNeeded();
      return this.#save(conversation, changed);
    }
    const message = begun ?? newMessage('assistant', '', parent);
    if (begun) conversation.change(begun, { ending: 'cut', statistics: undefined });
    else conversation.add(Object.assign(message, { ending: 'cut' }));
    const place = { ahead: Math.min(this.#writings.size, 1), elsewhere: 0 };
    /** @type {Writing} */
    const writing = { conversation, message, reply: null, prompt: null, place, stopping: new AbortController() };
    this.#writings.set(conversation.id, writing);
    if (isShown()) this.view.update();
    this.#save(conversation, [...changed, message]);
    await whileWriting(message, () => this.#write(writing, request));
  }

  /** @param {Writing} writing @param {Request} request */
  async #write(writing, request) {
    const { conversation, message } = writing;
    const isShown = () => this.conversation === conversation;
    const grow = () => this.writing === writing && this.view.grow(message);
    try {
      await writeReply(this.#engine, writing, {
        goesOn: request.begun !== undefined,
        prepare: async () => {
          await this.#elsewhere.wait(writing, grow);
          if (settings.getState().makesRoom) await this.#room.make(conversation, { reply: message }, true);
        },
        checkRoomToContinue: (tokens) => this.#room.checkRoomToContinue(tokens),
        model: () => this.#store.getState().currentModel,
        grow,
        save: () => this.#archive.save(conversation, [message]),
      });
    } catch (thrown) {
      if (!message.content) conversation.change(message, { deleted: true });
      const isFull = thrown instanceof ContextOverflowError;
      const error = isFull ? await this.#room.refuse(thrown, conversation, request, message) : thrown;
      const isOurs = error instanceof SwiftletError;
      if (!isOurs) console.error(error);
      if (isShown() && !(error instanceof CancelledError))
        this.view.fail(isOurs ? error : new Error('Something unexpected happened.', { cause: error }));
    } finally {
      const isCurrent = this.#writings.get(conversation.id) === writing;
      if (isCurrent) this.#writings.delete(conversation.id);
      if (isShown() && isCurrent) this.view.finish(message);
      else this.view.update();
      await this.#save(conversation, [message]);
    }
  }

  /** @param {Conversation} conversation @param {Message[]} messages */
  async #save(conversation, messages) {
    await this.#archive.save(conversation, messages);
    this.onListChange();
  }

  #saveGrowing() {
    for (const { conversation, message } of this.#writings.values()) this.#archive.save(conversation, [message]);
  }

  /** @param {string} id A conversation that another tab has changed. */
  async #adopt(id) {
    const mine = this.#opened(id);
    const stored = mine && (await this.#archive.load(id));
    if (!mine || !stored) return;
    if (stored.summary.deleted) {
      this.#stop(mine);
      if (this.conversation !== mine) return;
      await this.open(null, false);
      return this.onDeletedElsewhere(id);
    }
    mine.adopt(stored);
    this.#elsewhere.look(mine, this.#writings.get(id)?.message);
    if (this.conversation === mine) this.view.update();
  }
}
