import { element } from './dom.js';
import { MarkdownView } from './markdown/view.js';
import { splitReply } from './reasoning.js';

/** The text of a reply: its reasoning, folded away, and its answer. */
export class ReplyView {
  #root;
  #prose;
  #answer;
  /** @type {any} */
  #details;
  #summary = element('summary', {});
  /** @type {MarkdownView | undefined} */
  #reasoning;
  /** @type {{ text: string, thinks: boolean }} */
  #pending = { text: '', thinks: false };

  /** @param {HTMLElement} root Where the parts go. @param {HTMLElement} prose Where the answer goes, inside. */
  constructor(root, prose) {
    this.#root = root;
    this.#prose = prose;
    this.#answer = new MarkdownView(prose);
  }

  /** @param {string} text @param {boolean} growing @param {number} [thoughtFor] Milliseconds, as far as they are known. */
  update(text, growing, thoughtFor) {
    const { reasoning, answer, isThinking } = splitReply(text);
    const thinks = isThinking && growing;
    if (reasoning || thinks) this.#showReasoning(reasoning, thinks, thoughtFor);
    else this.#details?.remove();
    this.#answer.update(answer, growing);
    this.#prose.hidden = thinks;
  }

  /** @param {string} text @param {boolean} thinks @param {number} [thoughtFor] */
  #showReasoning(text, thinks, thoughtFor) {
    if (!this.#details) {
      const body = element('div', { class: 'prose' });
      this.#reasoning = new MarkdownView(body);
      this.#details = element('details', { class: 'reasoning' }, this.#summary, body);
      // Nobody sees it while it is folded, so it is drawn when it is opened.
      this.#details.addEventListener('toggle', () => this.#drawReasoning());
    }
    if (!this.#details.isConnected) this.#root.prepend(this.#details);
    const seconds = thoughtFor === undefined ? '' : ` for ${Math.max(1, Math.round(thoughtFor / 1000))} s`;
    const label = thinks ? 'Thinking…' : `Thought${seconds}`;
    if (this.#summary.textContent !== label) this.#summary.textContent = label;
    this.#details.toggleAttribute('data-thinking', thinks);
    this.#pending = { text, thinks };
    this.#drawReasoning();
  }

  #drawReasoning() {
    if (this.#details.open) this.#reasoning?.update(this.#pending.text, this.#pending.thinks);
  }
}
