import { byId, element } from './dom.js';
import { findModel } from './device.js';
import { formatBytes } from './format.js';
import { changeSettings, defaultSettings, settings } from './settings.js';

const mostThreads = 8;

/** Shows and changes the settings; every change holds at once. */
export class SettingsDialog {
  #dialog = byId('settings-dialog');
  /** @type {HTMLFormElement} */
  #form = byId('settings-form');
  #manager;
  #store;

  /**
   * @param {import('../inference-manager.js').InferenceManager} manager
   * @param {import('../model-store.js').ModelStore} store
   * @param {() => void} reloadModel
   */
  constructor(manager, store, reloadModel) {
    this.#manager = manager;
    this.#store = store;
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
    byId('reset-settings').addEventListener('click', () => {
      const { model, sidebarOpen } = settings.getState();
      changeSettings({ ...defaultSettings, model, sidebarOpen });
      this.#show();
    });
    byId('persist').addEventListener('click', async () => {
      await manager.cache.persist();
      await this.#showStorage();
    });
    settings.subscribe((state) => state.theme, applyTheme);
    applyTheme(settings.getState().theme);
  }

  open() {
    this.#show();
    this.#dialog.showModal();
    this.#showStorage();
  }

  /** @param {string} name @returns {any} */
  #field(name) {
    return this.#form.elements.namedItem(name);
  }

  #show() {
    const current = settings.getState();
    const { availableModels, currentModel } = this.#store.getState();
    const model = findModel(availableModels, currentModel);
    for (const [name, value] of Object.entries(current)) {
      const field = this.#field(name);
      if (field)
        field.value = String(value ?? (name === 'temperature' ? (model?.temperature ?? 0.7) : (model?.topP ?? 0.9)));
    }
    this.#showFigures();
    this.#showEngine();
  }

  #showFigures() {
    for (const input of this.#form.querySelectorAll('input[type="range"]')) {
      const output = input.closest('label')?.querySelector('output');
      if (!output) continue;
      const { name, value } = /** @type {HTMLInputElement} */ (input);
      const isRecommended = settings.getState()[/** @type {'temperature'} */ (name)] === null;
      output.value = `${Number(value).toFixed(2)}${isRecommended ? ' (recommended)' : ''}`;
    }
  }

  #showEngine() {
    const { info } = this.#store.getState();
    const { contextLength, threads } = settings.getState();
    const wantedThreads = threads || this.#manager.threads;
    const wantedContext = contextLength || (info?.contextLength ?? 0);
    const differs =
      info &&
      (info.threads !== wantedThreads || Math.min(wantedContext, info.trainedContextLength) !== info.contextLength);
    byId('apply-engine').hidden = !differs;
    byId('engine-hint').textContent = self.crossOriginIsolated
      ? 'A longer context remembers more of a conversation and takes more memory.'
      : 'This page is not cross-origin isolated, so the engine has one thread; `swiftlet serve` allows more.';
  }

  async #showStorage() {
    const { usage, persisted } = await this.#manager.cache.estimate().catch(() => ({ usage: 0, persisted: false }));
    byId('storage-use').textContent = `${formatBytes(usage)}${persisted ? ', kept until you delete it' : ''}`;
    byId('persist').hidden = persisted;
  }

  /** @param {HTMLInputElement} input */
  #change(input) {
    const isText = input.name === 'systemPrompt' || input.name === 'theme';
    changeSettings({ [input.name]: isText ? input.value : Number(input.value) });
    this.#showFigures();
    this.#showEngine();
  }
}

/** @param {'system' | 'light' | 'dark'} theme */
function applyTheme(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
