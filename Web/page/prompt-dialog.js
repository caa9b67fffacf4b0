import { loadStyle, newDialog } from './dialog.js';
import { announce, element, iconButton } from './dom.js';
import { builtInPresets, changePresets, newPreset, ownPresets, presetName } from './presets.js';
import { changeSettings, settings } from './settings.js';
import { toast } from './toast.js';

/** @typedef {import('./presets.js').Preset} Preset */

/** The system prompt of the open conversation, and the presets it may come from. */
export class PromptDialog {
  #chat;
  #text = element('textarea', { id: 'prompt-text', rows: 5, 'aria-describedby': 'prompt-hint' });
  #list = element('ul', { class: 'presets' });
  #save = element('button', { type: 'button', class: 'button' }, 'Save as a preset');
  #makeDefault = element('button', { type: 'button', class: 'button' }, 'Begin new conversations with it');
  #dialog;

  /** @param {import('./chat.js').Chat} chat */
  constructor(chat) {
    this.#chat = chat;
    this.#text.placeholder = 'How should the model answer? For example: Be brief and friendly.';
    this.#text.addEventListener('input', () => this.#set(this.#text.value));
    this.#save.addEventListener('click', () => this.#saveAsPreset());
    this.#makeDefault.addEventListener('click', () => this.#setDefault());
    this.#dialog = newDialog(
      'prompt-dialog',
      'System prompt',
      element(
        'div',
        { class: 'prompt-parts' },
        element(
          'div',
          { class: 'field' },
          element(
            'label',
            { class: 'field-name', for: 'prompt-text' },
            'What the model is told before this conversation',
          ),
          this.#text,
          element(
            'p',
            { class: 'hint', id: 'prompt-hint' },
            'Holds from the next reply on, in this conversation only.',
          ),
          element('div', { class: 'prompt-actions' }, this.#save, this.#makeDefault),
        ),
        element(
          'section',
          { 'aria-labelledby': 'presets-title' },
          element('h3', { id: 'presets-title' }, 'Presets'),
          this.#list,
        ),
      ),
    );
  }

  async open() {
    await Promise.all([loadStyle('dialogs'), loadStyle('tools')]);
    this.#text.value = this.#chat.systemPrompt;
    this.#show();
    this.#dialog.showModal();
    this.#text.focus();
  }

  /** @param {string} text */
  #set(text) {
    this.#chat.setSystemPrompt(text);
    this.#show();
  }

  /** @param {Preset} preset */
  #use(preset) {
    const before = this.#text.value;
    const { id } = this.#chat.conversation;
    const isKept = !before.trim() || this.#presets.some(({ text }) => text === before);
    this.#text.value = preset.text;
    this.#set(preset.text);
    announce(`${preset.name} is the system prompt now.`);
    if (isKept) return;
    toast('The system prompt was replaced.', {
      label: 'Undo',
      run: () => {
        this.#chat.setSystemPrompt(before, id);
        // The dialog may be closed by now, and another conversation open.
        if (!this.#dialog.open || this.#chat.conversation.id !== id) return;
        this.#text.value = before;
        this.#show();
        this.#text.focus();
      },
    });
  }

  get #presets() {
    const { systemPrompt } = settings.getState();
    return [{ id: 'default', name: 'Default', text: systemPrompt }, ...ownPresets(), ...builtInPresets];
  }

  #setDefault() {
    const { systemPrompt } = settings.getState();
    changeSettings({ systemPrompt: this.#text.value });
    this.#show();
    this.#text.focus();
    toast('New conversations begin with it.', {
      label: 'Undo',
      run: () => {
        changeSettings({ systemPrompt });
        this.#show();
        this.#text.focus();
      },
    });
  }

  #saveAsPreset() {
    const preset = newPreset(presetName(this.#text.value), this.#text.value);
    if (!this.#change((presets) => [...presets, preset])) return;
    this.#rename(preset, this.#row(preset));
  }

  /** @param {(presets: Preset[]) => Preset[]} change */
  #change(change) {
    const isKept = changePresets(change);
    if (!isKept) toast('The browser has no room for it.');
    this.#show();
    return isKept;
  }

  #show() {
    const { value } = this.#text;
    const presets = this.#presets;
    this.#save.disabled = !value.trim() || presets.slice(1).some(({ text }) => text === value);
    this.#makeDefault.disabled = value === settings.getState().systemPrompt;
    const chosen = presets.find(({ text }) => text === value);
    const drawn = JSON.stringify([presets, chosen]);
    if (this.#list.dataset.drawn === drawn) return;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    const place = [...this.#list.querySelectorAll('button')].indexOf(focused);
    this.#list.dataset.drawn = drawn;
    this.#list.replaceChildren(...presets.map((preset) => this.#item(preset, preset === chosen)));
    if (place >= 0) this.#list.querySelectorAll('button')[place]?.focus();
  }

  /** @param {Preset} preset @returns {HTMLElement} */
  #row(preset) {
    return this.#list.querySelector(`[data-preset="${preset.id}"]`);
  }

  /** @param {Preset} preset @param {boolean} isChosen */
  #item(preset, isChosen) {
    const isOwn = ownPresets().some(({ id }) => id === preset.id);
    const button = element(
      'button',
      { type: 'button', class: 'preset', 'aria-pressed': String(isChosen), onclick: () => this.#use(preset) },
      element('span', { class: 'preset-name' }, preset.name),
      element('span', { class: 'preset-text' }, preset.text.slice(0, 160) || 'No system prompt'),
    );
    return element(
      'li',
      { 'data-preset': preset.id },
      button,
      isOwn && iconButton('edit', `Rename “${preset.name}”`, () => this.#rename(preset, this.#row(preset))),
      isOwn && iconButton('trash', `Delete “${preset.name}”`, () => this.#delete(preset)),
    );
  }

  /** @param {Preset} preset @param {HTMLElement} row */
  #rename(preset, row) {
    const input = element('input', { class: 'preset-rename', maxlength: 80, 'aria-label': 'Name of the preset' });
    input.value = preset.name;
    let isOver = false;
    const finish = (/** @type {boolean} */ keep) => {
      if (isOver) return;
      isOver = true;
      const hadFocus = document.activeElement === input;
      const name = input.value.trim();
      delete this.#list.dataset.drawn;
      this.#change((presets) =>
        keep && name ? presets.map((one) => (one.id === preset.id ? { ...one, name } : one)) : presets,
      );
      if (hadFocus) this.#row(preset)?.querySelector('button')?.focus();
    };
    input.addEventListener('blur', () => finish(true));
    input.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (event.isComposing) return;
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      event.preventDefault();
      event.stopPropagation();
      finish(event.key === 'Enter');
    });
    row.replaceChildren(input);
    input.focus();
    input.select();
  }

  /** @param {Preset} preset */
  #delete(preset) {
    const place = ownPresets().findIndex(({ id }) => id === preset.id);
    if (!this.#change((presets) => presets.filter(({ id }) => id !== preset.id))) return;
    this.#text.focus();
    toast(`“${preset.name}” was deleted.`, {
      label: 'Undo',
      run: () => {
        this.#change((presets) => [...presets.slice(0, place), preset, ...presets.slice(place)]);
        this.#row(preset)?.querySelector('button')?.focus();
      },
    });
  }
}
