import { byId, element, oncePerFrame } from './dom.js';
import { fitOf, findModel, shortName } from './device.js';
import { formatBytes, formatCount } from './format.js';
import { settings } from './settings.js';
import { toast } from './toast.js';

/** @typedef {import('../wire.js').CatalogModel} CatalogModel */
/** @typedef {import('../worker/model-cache.js').CachedModel} CachedModel */

/** Lists the models: what they are, whether they fit, whether they are here; loads and deletes them. */
export class ModelDialog {
  #dialog = byId('model-dialog');
  #list = byId('model-list');
  #manager;
  #store;
  #choose;
  /** @type {CachedModel[]} */
  #cached = [];

  /**
   * @param {import('../inference-manager.js').InferenceManager} manager
   * @param {import('../model-store.js').ModelStore} store
   * @param {(model: string | File) => void} choose
   */
  constructor(manager, store, choose) {
    this.#manager = manager;
    this.#store = store;
    this.#choose = (/** @type {string | File} */ model) => {
      this.#dialog.close();
      choose(model);
    };
    byId('pick-file').addEventListener('click', () => byId('model-file').click());
    byId('model-file').addEventListener('change', (/** @type {any} */ event) => {
      const [file] = event.target.files;
      event.target.value = '';
      if (file) this.#choose(file);
    });
    const draw = oncePerFrame(() => this.#dialog.open && this.#draw());
    store.subscribe(
      (state) => [state.loadingStep, state.currentModel, state.availableModels].join(),
      () => this.#refresh(),
    );
    store.subscribe((state) => Math.round(state.downloadProgress * 200), draw);
  }

  async open() {
    this.#draw();
    this.#dialog.showModal();
    await this.#refresh();
  }

  async #refresh() {
    if (!this.#dialog.open) return;
    this.#cached = await this.#manager.cache.list().catch(() => []);
    this.#draw();
  }

  #draw() {
    const state = this.#store.getState();
    // The focused button is replaced by the one that does the same.
    const focused = document.activeElement?.getAttribute('data-action');
    const others = this.#cached.filter((cached) => !findModel(state.availableModels, cached.model));
    this.#list.replaceChildren(
      ...state.availableModels.map((model) => this.#modelItem(model)),
      ...others.map((cached) => this.#cachedItem(cached)),
    );
    if (focused) this.#list.querySelector(`[data-action="${CSS.escape(focused)}"]`)?.focus();
  }

  /** @param {CatalogModel} model */
  #modelItem(model) {
    const { need, fits, reason } = fitOf(model, settings.getState().contextLength);
    const isHere = this.#cached.some((cached) => cached.model === model.id);
    const facts = [
      `${formatBytes(model.fileSize)} download`,
      `${formatBytes(need)} of memory`,
      `${formatCount(model.contextLength)} tokens of context`,
      model.license,
    ];
    return element(
      'li',
      { class: 'model', 'data-model': model.id },
      element(
        'h3',
        { class: 'model-title' },
        shortName(model),
        model.tier === 'other' ? null : element('small', {}, model.name),
      ),
      element('p', { class: 'model-description' }, model.description),
      element('p', { class: 'model-facts' }, ...facts.map((fact) => element('span', {}, fact))),
      this.#stateLine(model.id, isHere, fits ? '' : reason),
      this.#actions(model.id, shortName(model), isHere, fits, `Download ${formatBytes(model.fileSize)}`),
      this.#bar(model.id),
    );
  }

  /**
   * A model that is no part of the catalog: a file that the user chose.
   *
   * @param {CachedModel} cached
   */
  #cachedItem(cached) {
    const name = cached.model.replace(/^file:/, '');
    return element(
      'li',
      { class: 'model', 'data-model': cached.model },
      element('h3', { class: 'model-title' }, name),
      element(
        'p',
        { class: 'model-facts' },
        element('span', {}, formatBytes(cached.size)),
        element('span', {}, 'Your own file'),
      ),
      this.#stateLine(cached.model, true, ''),
      this.#actions(cached.model, name, true, true, ''),
      this.#bar(cached.model),
    );
  }

  /** @param {string} id */
  #isCurrent(id) {
    const { currentModel, availableModels } = this.#store.getState();
    return currentModel === id || findModel(availableModels, currentModel)?.id === id;
  }

  /** @param {string} id @param {boolean} isHere @param {string} problem */
  #stateLine(id, isHere, problem) {
    const { loadingStep } = this.#store.getState();
    if (problem)
      return element('p', { class: 'model-state', 'data-kind': 'unfit' }, `Does not fit this device. ${problem}.`);
    if (this.#isCurrent(id) && loadingStep === 'ready')
      return element('p', { class: 'model-state', 'data-kind': 'here' }, 'In use');
    if (isHere) return element('p', { class: 'model-state', 'data-kind': 'here' }, 'On this device');
    return element(
      'p',
      { class: 'model-state' },
      element('span', { class: 'quiet' }, 'Fits this device · not downloaded'),
    );
  }

  /** @param {string} id @param {string} name @param {boolean} isHere @param {boolean} fits @param {string} download */
  #actions(id, name, isHere, fits, download) {
    const { isLoading, loadingStep } = this.#store.getState();
    const current = this.#isCurrent(id);
    const actions = element('div', { class: 'model-actions' });
    const button = (
      /** @type {string} */ kind,
      /** @type {string} */ label,
      /** @type {string} */ text,
      /** @type {() => void} */ onclick,
    ) =>
      actions.append(
        element(
          'button',
          { type: 'button', class: kind, 'aria-label': label, 'data-action': `${text.split(' ')[0]}-${id}`, onclick },
          text,
        ),
      );
    const inUse = current && loadingStep === 'ready';
    if (current && isLoading) button('button', `Cancel loading ${name}`, 'Cancel', () => this.#store.cancelDownload());
    else if (fits && !inUse && isHere) button('button primary', `Use ${name}`, 'Use', () => this.#choose(id));
    else if (fits && !inUse) button('button', `Download ${name}`, download, () => this.#choose(id));
    if (isHere && !(current && isLoading))
      button('text-button', `Delete ${name} from this device`, 'Delete', () => this.#delete(id, name));
    return actions;
  }

  /** @param {string} id */
  #bar(id) {
    const { isLoading, downloadProgress } = this.#store.getState();
    if (!isLoading || !this.#isCurrent(id)) return null;
    const fill = element('div', { class: 'progress-fill' });
    fill.style.transform = `scaleX(${downloadProgress})`;
    return element(
      'div',
      {
        class: 'progress',
        role: 'progressbar',
        'aria-label': 'Loading',
        'aria-valuenow': Math.round(downloadProgress * 100),
      },
      fill,
    );
  }

  /** @param {string} id @param {string} name */
  async #delete(id, name) {
    try {
      await this.#manager.cache.delete(id);
      toast(`${name} was deleted from this device.`);
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
    await this.#refresh();
  }
}
