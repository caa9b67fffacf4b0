import { deviceText, findModel } from './device.js';
import { loadStyle, newDialog } from './dialog.js';
import { byId, element } from './dom.js';
import { formatBytes } from './format.js';
import { readField, samplerFields } from './sampler-fields.js';
import { settingsForm } from './settings-form.js';
import { changeSettings, defaultSettings, settings } from './settings.js';
import { toast } from './toast.js';

const mostThreads = 8;

/** Shows and changes the settings; every change holds at once. */
export class SettingsDialog {
  #form;
  #dialog;
  #manager;
  #store;
  /** Whether a change comes from this dialog. */
  #isChanging = false;

  /**
   * @param {import('../shared-inference-manager.js').SharedInferenceManager} manager
   * @param {import('../shared-inference-manager.js').EngineStore} store
   * @param {() => void} reloadModel
   */
  constructor(manager, store, reloadModel) {
    this.#manager = manager;
    this.#store = store;
    this.#form = settingsForm(this.#fields, (name) => this.#reset(name));
    this.#dialog = newDialog('settings-dialog', 'Settings', this.#form);
    const most = Math.min(navigator.hardwareConcurrency || 1, mostThreads);
    const choices = self.crossOriginIsolated ? Array.from({ length: most }, (_, index) => index + 1) : [1];
    this.#field('threads').append(
      element('option', { value: 0 }, `All (${choices.length})`),
      ...choices.map((count) => element('option', { value: count }, String(count))),
    );
    this.#form.addEventListener('input', (event) => this.#change(/** @type {any} */ (event.target)));
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    byId('apply-engine').addEventListener('click', () => {
      this.#dialog.close();
      reloadModel();
    });
    // What happens meanwhile shows: a load that ends, a change in another tab.
    store.subscribe(() => this.#dialog.open && this.#showEngine());
    settings.subscribe(
      (state) => state,
      () => this.#dialog.open && !this.#isChanging && this.#show(),
    );
    byId('reset-settings').addEventListener('click', () => {
      const before = settings.getState();
      // What the user wrote, and where they are, is no setting to recommend.
      const { model, sidebarOpen, systemPrompt } = before;
      changeSettings({ ...defaultSettings, model, sidebarOpen, systemPrompt });
      this.#show();
      toast('The recommended settings are back.', {
        label: 'Undo',
        run: () => {
          changeSettings(before);
          this.#show();
        },
      });
    });
    byId('persist').addEventListener('click', async () => {
      await manager.cache.persist();
      await this.#showStorage();
    });
  }

  async open() {
    await Promise.all([loadStyle('dialogs'), loadStyle('tools')]);
    this.#show();
    this.#dialog.showModal();
    this.#showStorage();
  }

  get #fields() {
    const { availableModels, currentModel } = this.#store.getState();
    return samplerFields(findModel(availableModels, currentModel));
  }

  /** @param {string} name @returns {any} */
  #field(name) {
    return this.#form.elements.namedItem(name);
  }

  #show() {
    for (const [name, value] of Object.entries(settings.getState())) {
      const field = this.#field(name);
      if (field?.type === 'checkbox') field.checked = value;
      else if (field) field.value = String(value ?? '');
    }
    for (const field of this.#fields) {
      this.#field(field.name).placeholder = field.usual;
      this.#row(field.name).querySelector('.usual').textContent = field.usual;
      this.#tell(field.name, '');
    }
    this.#showChanged();
    this.#showEngine();
  }

  /** Which numbers are not their defaults, and how many of those that are folded away. */
  #showChanged() {
    const current = settings.getState();
    const differs = (/** @type {string} */ name) =>
      /** @type {any} */ (current)[name] !== /** @type {any} */ (defaultSettings)[name];
    for (const { name } of this.#fields) this.#row(name).toggleAttribute('data-changed', differs(name));
    const folded = this.#fields.filter(({ isFirst }) => !isFirst).map(({ name }) => /** @type {string} */ (name));
    const count = [...folded, 'stop', 'speculation'].filter(differs).length;
    const summary = this.#form.querySelector('.more > summary');
    if (summary) summary.textContent = count ? `More (${count} changed)` : 'More';
  }

  /** @param {string} name @returns {any} */
  #row(name) {
    return this.#form.querySelector(`[data-field="${name}"]`);
  }

  /** @param {string} name @param {string} problem Empty when there is none. */
  #tell(name, problem) {
    const text = this.#row(name).querySelector('.problem');
    if (text.textContent !== problem) text.textContent = problem;
    if (problem) this.#field(name).setAttribute('aria-invalid', 'true');
    else this.#field(name).removeAttribute('aria-invalid');
  }

  /** @param {string} name */
  #reset(name) {
    changeSettings({ [name]: /** @type {any} */ (defaultSettings)[name] });
    this.#show();
    this.#field(name).focus();
  }

  /** Whether the model that answers, or is being loaded, is not the one that these settings give. */
  get #differs() {
    const { info, isLoading, next, device: loaded } = this.#store.getState();
    const { contextLength, threads, device } = settings.getState();
    if (device !== loaded) return true;
    if (!info) return !isLoading && !next?.isLoading;
    const wantedThreads = threads || this.#manager.threads;
    const wantedContext = contextLength || info.contextLength;
    return (
      info.threads !== wantedThreads ||
      Math.min(wantedContext, info.trainedContextLength) !== info.contextLength
    );
  }

  #showEngine() {
    const { info } = this.#store.getState();
    const differs = this.#differs;
    const apply = byId('apply-engine');
    apply.textContent = info ? 'Reload the model with these' : 'Load the model with these';
    const appears = apply.hidden && differs;
    apply.hidden = !differs;
    // What makes a change true is seen.
    if (appears && this.#dialog.open) apply.scrollIntoView({ block: 'nearest' });
    const change = differs && info ? 'What you choose here holds once the model is reloaded.' : '';
    byId('device-hint').textContent = [info ? `Now: ${deviceText(info)}` : '', change].filter(Boolean).join(' ');
    byId('engine-hint').textContent = self.crossOriginIsolated
      ? 'A longer context remembers more of a conversation and takes more memory.'
      : isSecureContext
        ? 'This page is not cross-origin isolated, so the engine has one thread; `swiftlet serve` allows more.'
        : 'This page came over plain HTTP from another machine, so the engine has one thread; over HTTPS it has more.';
  }

  async #showStorage() {
    if (!navigator.storage) {
      byId('storage-use').textContent = 'Conversations, but no models over plain HTTP';
      byId('persist').hidden = true;
      this.#field('keepsPrefixes').closest('.field').hidden = true;
      return;
    }
    const { usage, persisted } = await this.#manager.cache.estimate().catch(() => ({ usage: 0, persisted: false }));
    byId('storage-use').textContent = `${formatBytes(usage)}${persisted ? ', kept until you delete it' : ''}`;
    byId('persist').hidden = persisted;
  }

  /** @param {HTMLInputElement} input */
  #change(input) {
    this.#isChanging = true;
    this.#take(input);
    this.#isChanging = false;
  }

  /** @param {HTMLInputElement} input */
  #take(input) {
    const { name, value, type, checked } = input;
    const field = this.#fields.find((one) => one.name === name);
    if (field) {
      const read = readField(field, value);
      this.#tell(name, 'problem' in read ? read.problem : '');
      // What cannot be is said, and changes nothing.
      if ('problem' in read) return;
      changeSettings({ [name]: read.value ?? /** @type {any} */ (defaultSettings)[name] });
    } else if (type === 'checkbox') changeSettings({ [name]: checked });
    else
      changeSettings({
        [name]: typeof (/** @type {any} */ (defaultSettings)[name]) === 'string' ? value : Number(value),
      });
    this.#showChanged();
    if (name === 'keepsPrefixes' && value === '0') this.#manager.forget().then(() => this.#showStorage(), () => {});
    this.#showEngine();
  }
}
