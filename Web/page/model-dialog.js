import { ModelCache } from '../worker/model-cache.js';
import { fitOf, findModel, shortName } from './device.js';
import { loadStyle } from './dialog.js';
import { byId, element, oncePerFrame } from './dom.js';
import { takeModel } from './drop.js';
import { formatBytes, formatCount } from './format.js';
import { forgetFile, givesHandles, knownFiles, pickFiles } from './local-files.js';
import { ModelFinder } from './model-finder.js';
import { settings } from './settings.js';
import { toast } from './toast.js';

/** @typedef {import('../wire.js').CatalogModel} CatalogModel */
/** @typedef {import('../worker/model-cache.js').CachedModel} CachedModel */

/** Lists the models: what they are, whether they fit, whether they are here; loads and deletes them. */
export class ModelDialog {
  #dialog = byId('model-dialog');
  #list = element('ul', { class: 'model-list', id: 'model-list' });
  #manager;
  #store;
  #choose;
  /** @type {CachedModel[]} */
  #cached = [];
  /** Whether what is not among them could be: the browser keeps files. */
  #keeps = false;
  /** Files that are read where they are. @type {Awaited<ReturnType<typeof knownFiles>>} */
  #known = [];
  /** Bytes that the browser still keeps. */
  #room = Infinity;
  #finder;
  /** What each item was drawn for. @type {Map<string, { state: string, node: HTMLElement }>} */
  #items = new Map();
  /** The model whose deletion waits for a yes. */
  #asked = '';

  /**
   * @param {import('../shared-inference-manager.js').SharedInferenceManager} manager
   * @param {import('../shared-inference-manager.js').EngineStore} store
   * @param {(model: string | File[], handles?: any[]) => void} choose
   * @param {string} hubURL
   */
  constructor(manager, store, choose, hubURL) {
    this.#manager = manager;
    this.#store = store;
    this.#choose = (/** @type {string | File[]} */ model, /** @type {any[] | undefined} */ handles) => {
      this.#leave();
      choose(model, handles);
    };
    const field = element('input', {
      id: 'model-file',
      type: 'file',
      accept: '.gguf',
      multiple: true,
      hidden: true,
      onchange: (/** @type {any} */ event) => {
        const files = takeModel([...event.target.files]);
        event.target.value = '';
        if (files.length) this.#choose(files);
      },
    });
    const drop = element(
      'div',
      { class: 'file-drop' },
      element('p', {}, 'You have a ', element('code', {}, '.gguf'), ' file, or all parts of one? Drop it anywhere on the page, or'),
      element('button', { class: 'button', id: 'pick-file', type: 'button', onclick: () => this.#pick() }, 'Choose a file…'),
      field,
    );
    this.#finder = new ModelFinder(store, hubURL, {
      use: this.#choose,
      fetch: (name) => this.#fetch(name),
      kept: ({ kind, name, repository, path }) => {
        const file = repository && ModelCache.fileName(`${repository}/${path}`);
        const isIt = (/** @type {CachedModel} */ cached) =>
          kind === 'repository' ? cached.file === file : cached.model === name;
        return this.#cached.find(isIt)?.model ?? null;
      },
      room: () => this.#room,
      pick: () => this.#pick(),
      show: (id) => this.#goTo(id),
      onShow: (isShown) => {
        this.#list.hidden = isShown;
        drop.hidden = isShown;
      },
    });
    this.#dialog.querySelector('.dialog-body').append(this.#finder.element, this.#list, drop);
    const draw = oncePerFrame(() => this.#dialog.open && this.#draw());
    store.subscribe(
      (state) => [state.loadingStep, state.currentModel, state.availableModels.length, state.next?.loadingStep].join(),
      () => this.#refresh(),
    );
    store.subscribe((state) => Math.round((state.next ?? state).downloadProgress * 200), draw);
  }

  async open() {
    await Promise.all([loadStyle('dialogs'), loadStyle('models')]);
    this.#asked = '';
    this.#draw();
    if (!this.#dialog.open) this.#dialog.showModal();
    // Where there is a keyboard; a phone's own would cover the models.
    if (matchMedia('(pointer: fine)').matches) this.#finder.focus();
    await this.#refresh();
  }

  /** What was looked for is found. */
  #leave() {
    this.#dialog.close();
    this.#finder.clear();
  }

  async #refresh() {
    if (!this.#dialog.open) return;
    const estimate = this.#manager.cache.estimate().catch(() => ({ quota: Infinity, usage: 0 }));
    this.#cached = await this.#manager.cache.list().catch(() => []);
    this.#keeps = (await ModelCache.open()) !== null;
    this.#known = await knownFiles();
    const { quota, usage } = await estimate;
    this.#room = quota - usage;
    this.#draw();
    this.#finder.update();
  }

  /** Lets a file be chosen: with a handle where the browser gives them. */
  async #pick() {
    if (!givesHandles()) return byId('model-file').click();
    try {
      const picked = await pickFiles();
      const files = takeModel([...picked.keys()]);
      if (files.length) this.#choose(files, files.map((file) => picked.get(file)));
    } catch (error) {
      toast(`The file could not be opened. ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {string} id Of a model of the list, which gets the focus. */
  #goTo(id) {
    const item = this.#list.querySelector(`[data-model="${CSS.escape(id)}"]`);
    item?.scrollIntoView({ block: 'nearest' });
    item?.querySelector('button')?.focus();
  }

  #draw() {
    const { availableModels } = this.#store.getState();
    const isKnown = (/** @type {string} */ model) => this.#known.some((known) => known.model === model);
    const others = this.#cached.filter(({ model }) => !findModel(availableModels, model) && !isKnown(model));
    const nodes = [
      ...availableModels.map((model) => this.#keep(model.id, () => this.#modelItem(model))),
      ...this.#known.map((known) => this.#keep(known.model, () => this.#fileItem(known))),
      ...others.map((cached) => this.#keep(cached.model, () => this.#cachedItem(cached))),
    ];
    const coming = this.#coming();
    if (coming && ![...this.#known, ...others].some(({ model }) => model === coming.model))
      nodes.push(this.#keep(coming.model, () => this.#cachedItem(coming, false)));
    for (const child of [...this.#list.children]) {
      if (nodes.includes(child)) continue;
      if (child.contains(document.activeElement)) this.#finder.focus();
      child.remove();
    }
    for (const [place, node] of nodes.entries())
      if (this.#list.children[place] !== node) this.#list.insertBefore(node, this.#list.children[place] ?? null);
    this.#drawProgress();
  }

  /** @returns {{ model: string, size: number, source: string } | null} What is on its way and no part of the catalog. */
  #coming() {
    const state = this.#store.getState();
    const { currentModel: model, isLoading, progress } = state.next ?? state;
    if (!isLoading || !model || !progress?.totalBytes || findModel(state.availableModels, model)) return null;
    return { model, size: progress.totalBytes, source: '' };
  }

  /**
   * An item's element, made anew only when what it says has changed: a button that moves away under the pointer, or is
   * another one between press and release, gets no click.
   *
   * @param {string} id
   * @param {() => HTMLElement} build
   */
  #keep(id, build) {
    const known = this.#items.get(id);
    const node = build();
    // The progress moves by itself.
    const signature = `${node.textContent}|${node.querySelector('.progress') !== null}`;
    if (known?.state === signature) return known.node;
    const focused = known?.node.contains(document.activeElement) ? document.activeElement : null;
    known?.node.replaceWith(node);
    this.#items.set(id, { state: signature, node });
    // The focused button is replaced by the one that does the same, or by the first.
    const action = focused?.getAttribute('data-action') ?? '';
    /** @type {HTMLElement | null} */
    const next = node.querySelector(`[data-action="${CSS.escape(action)}"]`) ?? node.querySelector('button');
    if (focused) (next ?? this.#dialog.querySelector('button')).focus();
    return node;
  }

  #drawProgress() {
    const state = this.#store.getState();
    const { downloadProgress } = state.next ?? state;
    for (const bar of this.#list.querySelectorAll('.progress')) {
      bar.setAttribute('aria-valuenow', String(Math.round(downloadProgress * 100)));
      bar.firstElementChild.style.transform = `scaleX(${downloadProgress})`;
    }
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
   * A file of the user's that is read where it is.
   *
   * @param {{ model: string, size: number, isOpen: boolean }} known
   */
  #fileItem({ model, size, isOpen }) {
    const name = model.replace(/^file:/, '');
    const actions = element('div', { class: 'model-actions' });
    const button = (/** @type {string} */ kind, /** @type {string} */ text, /** @type {() => void} */ onclick) =>
      actions.append(actionButton(kind, `${text} (${name})`, text, `${text}-${model}`, onclick));
    if (this.#isLoading(model)) button('button', 'Cancel', () => this.#store.cancelDownload());
    else {
      if (!this.#isInUse(model)) button('button primary', isOpen ? 'Use' : 'Open again', () => this.#choose(model));
      button('text-button', 'Forget', () => this.#forget(model, name));
    }
    return element(
      'li',
      { class: 'model', 'data-model': model },
      element('h3', { class: 'model-title' }, name),
      element(
        'p',
        { class: 'model-facts' },
        element('span', {}, formatBytes(size)),
        element('span', {}, 'Your own file, read from where it is'),
      ),
      this.#stateLine(model, true, ''),
      actions,
      this.#bar(model),
    );
  }

  /**
   * A model that is no part of the catalog: from the hub, or a file that the user chose.
   *
   * @param {Pick<CachedModel, 'model' | 'size' | 'source'>} cached
   * @param {boolean} [isHere] Else it is on its way.
   */
  #cachedItem(cached, isHere = true) {
    const name = cached.model.replace(/^file:/, '');
    const origin = name === cached.model ? cached.source && new URL(cached.source).host : 'Your own file';
    const facts = [formatBytes(cached.size), origin];
    return element(
      'li',
      { class: 'model', 'data-model': cached.model },
      element('h3', { class: 'model-title' }, name),
      element('p', { class: 'model-facts' }, ...facts.map((fact) => element('span', {}, fact))),
      isHere && this.#stateLine(cached.model, true, ''),
      this.#actions(cached.model, name, isHere, true, ''),
      this.#bar(cached.model),
    );
  }

  /** @param {string} id Whether the model with this id answers. */
  #isInUse(id) {
    const { currentModel, loadingStep } = this.#store.getState();
    return loadingStep === 'ready' && this.#isCalled(id, currentModel);
  }

  /** @param {string} id Whether the model with this id is loading. */
  #isLoading(id) {
    const state = this.#store.getState();
    const { currentModel, isLoading } = state.next ?? state;
    return isLoading && this.#isCalled(id, currentModel);
  }

  /** @param {string} id @param {string | null} name */
  #isCalled(id, name) {
    return name === id || findModel(this.#store.getState().availableModels, name)?.id === id;
  }

  /** @param {string} id @param {boolean} isHere @param {string} problem */
  #stateLine(id, isHere, problem) {
    if (problem)
      return element('p', { class: 'model-state', 'data-kind': 'unfit' }, `Does not fit this device. ${problem}`);
    // A model that was deleted answers until another one does.
    const use = isHere || !this.#keeps ? 'In use' : 'In use · not kept on this device';
    if (this.#isInUse(id)) return element('p', { class: 'model-state', 'data-kind': 'here' }, use);
    if (isHere) return element('p', { class: 'model-state', 'data-kind': 'here' }, 'On this device');
    return element(
      'p',
      { class: 'model-state' },
      element('span', { class: 'quiet' }, 'Fits this device · not downloaded'),
    );
  }

  /** @param {string} id @param {string} name @param {boolean} isHere @param {boolean} fits @param {string} download */
  #actions(id, name, isHere, fits, download) {
    const [isLoading, inUse] = [this.#isLoading(id), this.#isInUse(id)];
    const actions = element('div', { class: 'model-actions' });
    const button = (
      /** @type {string} */ kind,
      /** @type {string} */ label,
      /** @type {string} */ text,
      /** @type {(event: MouseEvent) => void} */ onclick,
    ) => actions.append(actionButton(kind, label, text, `${text.split(' ')[0]}-${id}`, onclick));
    if (this.#asked === id) {
      // It is where “Delete” was: the second click of a double one is no answer.
      button('button primary', `Really delete ${name}`, 'Delete for good', ({ detail }) => {
        if (detail < 2) this.#delete(id, name);
      });
      button('button', `Keep ${name}`, 'Keep it', () => this.#ask(''));
      return actions;
    }
    if (isLoading) button('button', `Cancel loading ${name}`, 'Cancel', () => this.#store.cancelDownload());
    else if (fits && !inUse && isHere) button('button primary', `Use ${name}`, 'Use', () => this.#choose(id));
    else if (fits && !isHere && (!inUse || this.#keeps))
      button('button', `Download ${name}`, download, () => this.#fetch(id));
    if (isHere && !isLoading) button('text-button', `Delete ${name} from this device`, 'Delete', () => this.#ask(id));
    return actions;
  }

  /** @param {string} id */
  #bar(id) {
    if (!this.#isLoading(id)) return null;
    return element(
      'div',
      { class: 'progress', role: 'progressbar', 'aria-label': 'Loading' },
      element('div', { class: 'progress-fill' }),
    );
  }

  /** @param {string} id Of a model that is not kept. One in use answers until it is here once more. */
  #fetch(id) {
    if (!this.#isInUse(id)) return this.#choose(id);
    const { contextLength, threads, device } = settings.getState();
    this.#leave();
    // What goes wrong is in the state.
    this.#manager.initialize(id, undefined, { contextLength, threads, device, again: true }).catch(() => {});
  }

  /** @param {string} id Asks before a model is deleted that may have taken an hour to come. */
  #ask(id) {
    this.#asked = id;
    this.#draw();
  }

  /** @param {string} model @param {string} name */
  async #forget(model, name) {
    await forgetFile(model).catch((error) => toast(error.message));
    await this.#refresh();
    toast(`${name} was forgotten. The file stays where it is.`);
  }

  /** @param {string} id @param {string} name */
  async #delete(id, name) {
    this.#asked = '';
    let outcome = `${name} was deleted from this device.`;
    if (this.#isInUse(id)) outcome += ' It answers until this page is closed or loads another one.';
    try {
      await this.#manager.cache.delete(id);
    } catch (error) {
      outcome = /** @type {Error} */ (error).message;
    }
    await this.#refresh();
    toast(outcome);
  }
}

/**
 * @param {string} kind @param {string} label @param {string} text
 * @param {string} action By which it is known again when an item is made anew.
 * @param {(event: any) => void} onclick
 */
function actionButton(kind, label, text, action, onclick) {
  return element('button', { type: 'button', class: kind, 'aria-label': label, 'data-action': action, onclick }, text);
}
