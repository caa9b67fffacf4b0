import { byId } from './dom.js';
import { draft, keepDraft, leaveDraft, reclaimDraft, takeLeftDraft } from './draft.js';
import { tellMissing, toast } from './toast.js';

/** Where messages are written. */
export class Composer {
  #input = /** @type {HTMLTextAreaElement} */ (byId('message-input'));
  #send = byId('send');
  #stop = byId('stop');
  #busy = false;
  /** @type {import('./attachments.js').Attachments | undefined} */
  #attachments;
  #reading = 0;
  #countTokens;
  /** What is being written has changed. */
  onChange = () => {};

  /**
   * @param {object} actions
   * @param {(text: string, files: import('./conversation.js').TextFile[]) => void} actions.send
   * @param {() => void} actions.stop
   * @param {() => void} actions.editLast
   * @param {(text: string) => Promise<number>} actions.countTokens
   */
  constructor({ send, stop, editLast, countTokens }) {
    this.#countTokens = countTokens;
    const submit = () => {
      const { draft } = this;
      if (!draft || this.#busy || this.#reading) return;
      this.#input.value = '';
      this.#attachments?.set([]);
      this.#changed();
      send(draft.content, draft.files);
    };
    byId('composer').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      submit();
    });
    // Each takes the other's place when it is pressed: the second click of a double one is not meant for it.
    const isSecond = (/** @type {MouseEvent} */ { detail }) => detail > 1;
    this.#send.addEventListener('click', (event) => isSecond(event) && event.preventDefault());
    this.#stop.addEventListener('click', (event) => {
      if (isSecond(event)) return;
      stop();
      this.#input.focus();
    });
    // So is a key that is held.
    const ignoreRepeats = (/** @type {KeyboardEvent} */ event) => event.repeat && event.preventDefault();
    for (const button of [this.#send, this.#stop]) button.addEventListener('keydown', ignoreRepeats);
    this.#input.addEventListener('input', () => this.#changed());
    this.#input.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      if (event.key === 'Enter' && !event.shiftKey) {
        event.preventDefault();
        submit();
      } else if (event.key === 'ArrowUp' && !this.#input.value && !this.#busy) {
        event.preventDefault();
        editLast();
      }
    });
    byId('attach').addEventListener('click', () => byId('attach-file').click());
    byId('attach-file').addEventListener('change', (/** @type {any} */ { target }) => {
      this.addFiles([...target.files]);
      target.value = '';
    });
    this.#input.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      // Where text comes along, a picture is only another form of it.
      if (
        !files.length ||
        (event.clipboardData?.getData('text') && files.every(({ type }) => type.startsWith('image/')))
      )
        return;
      event.preventDefault();
      this.addFiles(files);
    });
    this.#input.value = draft('') ?? takeLeftDraft();
    keepDraft('', this.#input.value);
    addEventListener('pagehide', () => this.#input.value.trim() && leaveDraft(this.#input.value));
    addEventListener('pageshow', () => reclaimDraft(this.#input.value));
    const kept = draft('-files');
    if (kept) this.#attach((attachments) => attachments.restore(kept));
    this.#resize();
  }

  /**
   * Whether a reply is being written or waited for: then there is a button to stop it in place of the one to send.
   *
   * @param {boolean} busy
   */
  setBusy(busy) {
    this.#busy = busy;
    const hadFocus = document.activeElement === this.#send || document.activeElement === this.#stop;
    this.#send.hidden = busy;
    this.#stop.hidden = !busy;
    if (hadFocus) (busy ? this.#stop : this.#send).focus();
  }

  /** What is being written, as a message; null while there is nothing. */
  get draft() {
    const content = this.#input.value.trim();
    const files = this.#attachments?.files ?? [];
    return content || files.length ? { role: /** @type {const} */ ('user'), content, files } : null;
  }

  /** @param {readonly File[]} files Text files, that become part of the message. */
  addFiles(files) {
    return this.#attach((attachments) => attachments.add(files));
  }

  /** Another model counts other tokens. */
  recount() {
    this.#attachments?.count(true);
  }

  /** @param {(attachments: import('./attachments.js').Attachments) => Promise<void>} change */
  async #attach(change) {
    this.#reading += 1;
    try {
      const { Attachments } = await import('./attachments.js');
      this.#attachments ??= new Attachments(byId('attachments'), {
        changed: () => this.#changed(),
        countTokens: this.#countTokens,
        focusInput: () => this.focus(),
      });
      await change(this.#attachments);
    } catch (error) {
      tellMissing(error);
    } finally {
      this.#reading -= 1;
      this.#changed();
    }
  }

  /** @param {string} text Takes the place of what is there. */
  fill(text) {
    const before = this.#input.value;
    const set = (/** @type {string} */ value) => {
      this.#input.value = value;
      this.#changed();
      this.#input.focus();
    };
    set(text);
    if (before.trim() && before !== text) toast('Your message was replaced.', { label: 'Undo', run: () => set(before) });
  }

  focus() {
    this.#input.focus();
  }

  /** Keeps what is being written for a reload of the tab. */
  #changed() {
    keepDraft('', this.#input.value);
    this.#resize();
    this.onChange();
  }

  #resize() {
    this.#send.disabled = !this.draft || this.#reading > 0;
    // Browsers without `field-sizing` need the height said.
    if (CSS.supports('field-sizing', 'content')) return;
    this.#input.style.height = 'auto';
    this.#input.style.height = `${this.#input.scrollHeight}px`;
  }
}
