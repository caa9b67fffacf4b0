import { byId } from './dom.js';

/** Where messages are written. */
export class Composer {
  #input = /** @type {HTMLTextAreaElement} */ (byId('message-input'));
  #send = byId('send');
  #stop = byId('stop');
  #busy = false;

  /** @param {{ send: (text: string) => void, stop: () => void, editLast: () => void }} actions */
  constructor({ send, stop, editLast }) {
    const submit = () => {
      const text = this.#input.value.trim();
      if (!text || this.#busy) return;
      this.#input.value = '';
      this.#resize();
      send(text);
    };
    byId('composer').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      submit();
    });
    this.#stop.addEventListener('click', () => {
      stop();
      this.#input.focus();
    });
    this.#input.addEventListener('input', () => this.#resize());
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
    this.#resize();
  }

  /**
   * Whether a reply is being written: then there is a button to stop it in place of the one to send.
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

  /** @param {string} text */
  fill(text) {
    this.#input.value = text;
    this.#resize();
    this.#input.focus();
  }

  focus() {
    this.#input.focus();
  }

  #resize() {
    this.#send.disabled = !this.#input.value.trim();
    // Browsers without `field-sizing` need the height said.
    if (CSS.supports('field-sizing', 'content')) return;
    this.#input.style.height = 'auto';
    this.#input.style.height = `${this.#input.scrollHeight}px`;
  }
}
