import { vectorArchitectures } from '../gguf-header.js';
import { describeModel, searchModels } from '../hub.js';
import { isAddress, parseModelName } from '../model-name.js';
import { findModel } from './device.js';
import { announce, byId, element } from './dom.js';
import { formatCount } from './format.js';
import { descriptionOf } from './model-description.js';
import { settings } from './settings.js';

/** @typedef {import('../hub.js').FoundModel} FoundModel */
/** @typedef {import('../hub.js').ModelDescription} ModelDescription */

const writesNone = 'Turns texts into vectors and writes no replies.';

/** @param {string | null | undefined} architecture */
const isOfVectors = (architecture) => vectorArchitectures.includes(architecture ?? '');

/** @param {ModelDescription} model What the hub says, as somebody sees it who wants replies. @returns {ModelDescription} */
const forReplies = (model) =>
  isOfVectors(model.architecture) && !model.problem
    ? { ...model, problem: { code: 'unsupported-model', message: writesNone } }
    : model;

/**
 * The field that takes a name, a link or words: finds models, and tells what a name means before it is downloaded. Nothing is
 * sent before Enter or a button asks for it.
 */
export class ModelFinder {
  #hubURL;
  #store;
  #actions;
  #field;
  #button;
  #hint;
  #shown;
  #abort = new AbortController();
  /** What the last search found. @type {FoundModel[] | null} */
  #found = null;
  /** What is shown now, to be drawn again when what is on this device has changed. @type {(() => void) | null} */
  #redraw = null;

  /**
   * @param {import('../shared-inference-manager.js').EngineStore} store
   * @param {string} hubURL
   * @param {import('./model-description.js').Actions & { show: (id: string) => void, onShow: (isShown: boolean) => void }} actions
   *   `show` goes to a model of the catalog; `onShow` hears whether something is shown here.
   */
  constructor(store, hubURL, actions) {
    this.#store = store;
    this.#hubURL = hubURL;
    this.#actions = actions;
    this.#field = element('input', {
      id: 'model-query',
      type: 'search',
      placeholder: 'Name, link, or words to search for',
      'aria-label': 'Find a model',
      'aria-describedby': 'model-query-hint',
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
      enterkeyhint: 'search',
      maxlength: 2000,
      oninput: () => this.#hear(),
    });
    this.#button = element('button', { class: 'button' }, 'Search');
    this.#hint = element('p', { class: 'hint', id: 'model-query-hint' });
    this.#shown = element('section', { class: 'finder-shown', id: 'model-found', 'aria-label': 'Found', hidden: true });
    const form = element('form', { class: 'finder-field', role: 'search' }, this.#field, this.#button);
    form.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#look();
    });
    this.element = element('div', { class: 'finder' }, form, this.#hint, this.#shown);
    this.element.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => this.#steer(event));
    this.#hear();
  }

  focus() {
    this.#field.focus();
  }

  /** Something on this device has changed. */
  update() {
    const hadFocus = this.#shown.contains(document.activeElement);
    this.#redraw?.();
    if (this.#redraw && hadFocus) this.#shown.querySelector('h3').focus();
  }

  /** Forgets what is shown. */
  clear() {
    this.#abort.abort();
    this.#found = null;
    this.#field.value = '';
    this.#hear();
  }

  get #host() {
    return new URL(this.#hubURL).host;
  }

  /** Of an address that leads to no model. */
  get #refusal() {
    return (
      'This leads to no model. A link begins with http:// or https:// and ends in .gguf, or is that of a model’s page at ' +
      `${this.#host}. A file of this device can be dropped on the page. Nothing is sent.`
    );
  }

  /** @returns {{ kind: string, [key: string]: any }} What Enter would do. */
  #intent() {
    const text = this.#field.value.trim();
    if (!text) return { kind: 'nothing' };
    const entry = findModel(this.#store.getState().availableModels, text.toLowerCase());
    if (entry) return { kind: 'catalog', id: entry.id };
    const name = parseModelName(text, { baseURL: location.href, hubURL: this.#hubURL });
    if (name?.kind === 'url') return { kind: 'url', host: new URL(name.url).host, text };
    // What begins with a host may be somebody's own server, which the hub has no business to know of.
    const isOfHub = name?.kind === 'repository' && (text.includes('://') || !isAddress(text));
    if (isOfHub) return { kind: 'repository', text };
    return { kind: isAddress(text) ? 'address' : 'words', text };
  }

  #hear() {
    const { kind, host } = this.#intent();
    const hints = {
      nothing: `A name such as owner/model:Q4_K_M, a link to a .gguf file, or words. Only Enter asks ${this.#host}.`,
      catalog: 'This is one of the models below.',
      url: `Enter reads the first 64 KB from ${host}. Nothing is sent while you type.`,
      repository: `Enter asks ${this.#host} what this is. Nothing is sent while you type.`,
      address: this.#refusal,
      words: `Enter searches ${this.#host} for this. Nothing is sent while you type.`,
    };
    this.#hint.textContent = hints[/** @type {keyof typeof hints} */ (kind)];
    this.#button.textContent = kind === 'words' || kind === 'nothing' ? 'Search' : 'Look up';
    if (kind === 'nothing') this.#show(null);
  }

  async #look() {
    const intent = this.#intent();
    if (intent.kind === 'nothing') return;
    if (intent.kind === 'catalog') {
      this.clear();
      this.#actions.show(intent.id);
    } else if (intent.kind === 'words') await this.#search(intent.text);
    else if (intent.kind === 'address') {
      this.#abort.abort();
      this.#found = null;
      this.#show(element('p', { class: 'finder-trouble', role: 'alert' }, this.#refusal), this.#backButton());
    } else {
      this.#found = null;
      await this.#describe(intent.text);
    }
  }

  /** @param {string} words */
  async #search(words) {
    this.#found = null;
    await this.#ask(
      `Searching ${this.#host}…`,
      (signal) => searchModels(words, { hubURL: this.#hubURL, signal }),
      (found) => {
        this.#found = found;
        this.#showFound();
        announce(found.length ? `${found.length} models found. The arrow keys go through them.` : 'No models found.');
      },
      () => this.#search(words),
    );
  }

  /** @param {string} name */
  async #describe(name) {
    const { availableModels: models } = this.#store.getState();
    const { contextLength } = settings.getState();
    await this.#ask(
      `Looking at ${shortened(name)}…`,
      (signal) =>
        describeModel(name, { hubURL: this.#hubURL, baseURL: location.href, models, contextLength, signal }).then(forReplies),
      (description) => {
        const draw = () => {
          this.#show(
            descriptionOf(description, { ...this.#actions, choose: (other) => this.#describe(other) }),
            this.#backButton(name),
          );
          this.#redraw = draw;
        };
        draw();
        this.#shown.querySelector('h3').focus();
      },
      () => this.#describe(name),
    );
  }

  /**
   * Asks somebody else, and shows that, the answer, or why there is none.
   *
   * @template T
   * @param {string} waiting
   * @param {(signal: AbortSignal) => Promise<T>} ask
   * @param {(answer: T) => void} show
   * @param {() => void} again
   */
  async #ask(waiting, ask, show, again) {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const hadFocus = this.#shown.contains(document.activeElement);
    this.#show(element('p', { class: 'finder-wait', role: 'status' }, waiting));
    if (hadFocus) this.#field.focus();
    try {
      const answer = await ask(signal);
      if (!signal.aborted) show(answer);
    } catch (error) {
      if (signal.aborted) return;
      const { code, message } = /** @type {import('../errors.js').SwiftletError} */ (error);
      const mayPass = code === 'offline' || code === 'download-failed';
      this.#show(
        element('p', { class: 'finder-trouble', role: 'alert' }, message),
        mayPass && element('button', { type: 'button', class: 'button', onclick: again }, 'Try again'),
        this.#backButton(),
      );
    }
  }

  /** @param {string} [name] The result to go back to. */
  #backButton(name) {
    const label = this.#found?.length ? 'Back to the results' : 'Back to all models';
    const onclick = () => this.#goBack(name);
    return element('button', { type: 'button', class: 'text-button finder-back', onclick }, label);
  }

  /** @param {string} [name] */
  #goBack(name) {
    if (this.#found?.length && !this.#results().length) {
      this.#abort.abort();
      this.#showFound();
      const results = this.#results();
      (results.find((button) => button.dataset.name === name) ?? results[0] ?? this.#field).focus();
    } else {
      this.clear();
      this.#field.focus();
    }
  }

  #showFound() {
    const found = this.#found ?? [];
    if (!found.length) {
      this.#show(
        element(
          'p',
          { class: 'finder-trouble' },
          `${this.#host} has no models in the GGUF format with these words in their name.`,
        ),
        element('p', { class: 'hint' }, 'Fewer words find more: “qwen 3”, “smollm2”, “gemma”.'),
      );
      return;
    }
    this.#show(element('ul', { class: 'finder-results' }, ...found.map((model) => this.#result(model))));
  }

  /** @param {FoundModel} model */
  #result({ name, downloads, parameters, license, architecture, runs, isGated }) {
    const [owner, title] = name.split('/');
    const unfit = runs === false ? `Does not run here: ${architecture}` : isOfVectors(architecture) && writesNone;
    const facts = [
      `${compact(downloads)} downloads`,
      parameters && `${compact(parameters)} weights`,
      license,
      isGated && 'asks for an agreement',
    ].filter(Boolean);
    return element(
      'li',
      {},
      element(
        'button',
        { type: 'button', class: 'finder-result', 'data-name': name, onclick: () => this.#describe(name) },
        element('span', { class: 'finder-name' }, element('span', { class: 'quiet' }, `${owner}/`), title),
        element('span', { class: 'model-facts' }, ...facts.map((fact) => element('span', {}, fact))),
        unfit && element('span', { class: 'model-state', 'data-kind': 'unfit' }, unfit),
      ),
    );
  }

  /** @returns {HTMLElement[]} */
  #results() {
    return [...this.#shown.querySelectorAll('.finder-result')];
  }

  /** @param {KeyboardEvent} event */
  #steer(event) {
    const results = this.#results();
    const place = results.indexOf(/** @type {HTMLElement} */ (event.target));
    /** @type {Record<string, HTMLElement | undefined>} */
    const targets = {
      ArrowDown: results[place + 1],
      ArrowUp: place === 0 ? this.#field : results[place - 1],
      Home: place >= 0 ? results[0] : undefined,
      End: place >= 0 ? results.at(-1) : undefined,
    };
    const isOurs = place >= 0 || event.target === this.#field;
    if (isOurs && targets[event.key]) targets[event.key]?.focus();
    // One step back at a time; the dialog closes when there is nothing to go back from.
    else if (event.key === 'Escape' && (this.#field.value || !this.#shown.hidden)) this.#goBack();
    else return;
    event.preventDefault();
  }

  /** @param {...(Node | false | null)} nodes Null alone: nothing. */
  #show(...nodes) {
    const shown = nodes.filter((node) => node !== null && node !== false);
    this.#redraw = null;
    this.#shown.replaceChildren(...shown);
    this.#shown.hidden = !shown.length;
    this.#actions.onShow(shown.length > 0);
    byId('model-dialog').querySelector('.dialog-body').scrollTop = 0;
  }
}

/** @param {number} number @returns {string} `1.2M`. */
function compact(number) {
  return number < 1000
    ? formatCount(number)
    : number.toLocaleString('en', { notation: 'compact', maximumFractionDigits: 1 });
}

/** @param {string} name */
const shortened = (name) => (name.length > 80 ? `${name.slice(0, 79)}…` : name);
