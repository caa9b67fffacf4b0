import { announce, byId, element, icon, oncePerFrame } from './dom.js';
import { displayName, findModel } from './device.js';
import { formatBytes, formatDuration } from './format.js';

/** @typedef {import('../model-store.js').ModelStoreState} ModelStoreState */

const stepNames = { downloading: 'Download', compiling: 'Compile', ready: 'Ready' };
/** The rate is taken over this much time, in seconds, so that it does not flicker. */
const rateWindow = 3;

/** Shows a load: how far it is, how fast, how long it will take, and what can be done about it. */
export class LoadingView {
  #root = byId('loading');
  #store;
  #actions;
  #parts = this.#build();
  /** @type {{ time: number, bytes: number }[]} */
  #samples = [];
  #announced = 0;

  /**
   * @param {import('../model-store.js').ModelStore} store
   * @param {{ retry: () => void, choose: () => void }} actions
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    const update = oncePerFrame(() => this.#update(store.getState()));
    store.subscribe(update);
    this.#update(store.getState());
  }

  /** @param {boolean} empty Whether the conversation has no messages, so that the whole stage is free. */
  place(empty) {
    this.#root.dataset.place = empty ? 'stage' : 'card';
  }

  #build() {
    const bird = icon('bird');
    bird.setAttribute('class', 'loading-bird');
    const fill = element('div', { class: 'progress-fill' });
    const parts = {
      title: element('h2', { class: 'loading-title' }),
      text: element('p', { class: 'loading-text' }),
      fill,
      bar: element(
        'div',
        {
          class: 'progress',
          role: 'progressbar',
          'aria-label': 'Loading the model',
          'aria-valuemin': 0,
          'aria-valuemax': 100,
        },
        fill,
      ),
      bytes: element('span'),
      rate: element('span'),
      steps: Object.entries(stepNames).map(([step, name]) => element('li', { 'data-step': step }, name)),
      cancel: element(
        'button',
        { type: 'button', class: 'button', onclick: () => this.#store.cancelDownload() },
        'Cancel',
      ),
      retry: element(
        'button',
        { type: 'button', class: 'button primary', onclick: () => this.#actions.retry() },
        'Try again',
      ),
      choose: element(
        'button',
        { type: 'button', class: 'button', onclick: () => this.#actions.choose() },
        'Choose another model',
      ),
      figures: element('p', { class: 'loading-figures' }),
      stepList: element('ol', { class: 'loading-steps' }),
    };
    parts.figures.append(parts.bytes, parts.rate);
    parts.stepList.append(...parts.steps);
    this.#root.append(
      element(
        'div',
        { class: 'loading-panel' },
        bird,
        parts.title,
        parts.text,
        parts.bar,
        parts.figures,
        parts.stepList,
        element('div', { class: 'loading-actions' }, parts.retry, parts.choose, parts.cancel),
      ),
    );
    return parts;
  }

  /** @param {ModelStoreState} state */
  #update(state) {
    const { loadingStep: step, isLoading } = state;
    this.#root.hidden = step === 'ready';
    this.#root.dataset.step = step;
    const { title, text, bar, figures, stepList, cancel, retry, choose } = this.#parts;
    bar.hidden = figures.hidden = stepList.hidden = cancel.hidden = !isLoading;
    retry.hidden = choose.hidden = isLoading;
    if (step === 'ready') return this.#forget('The model is ready.');

    const name = displayName(state.availableModels, state.currentModel) || 'The model';
    if (step === 'error') {
      title.textContent =
        state.error?.code === 'unsupported-platform'
          ? 'This browser cannot run the model'
          : `${name} could not be loaded`;
      text.textContent = state.error?.message ?? '';
      retry.textContent = 'Try again';
      return this.#forget(`${title.textContent}. ${text.textContent}`);
    }
    if (!isLoading) {
      title.textContent = 'No model is loaded';
      text.textContent = 'Load one to go on. What was downloaded so far is kept.';
      retry.textContent = 'Load the model';
      return this.#forget('');
    }
    title.textContent = `Getting ${name} ready`;
    const model = findModel(state.availableModels, state.currentModel);
    text.textContent = model
      ? `${model.name} comes to this device once, ${formatBytes(model.fileSize)}, and then works without a network. ` +
        'Nothing you type leaves your machine.'
      : 'The model runs in this tab. Nothing you type leaves your machine.';
    this.#updateProgress(state);
  }

  /** @param {ModelStoreState} state */
  #updateProgress({ downloadProgress, loadingStep, progress }) {
    const { fill, bar, bytes, rate, steps } = this.#parts;
    const percent = Math.round(downloadProgress * 100);
    fill.style.transform = `scaleX(${downloadProgress})`;
    bar.setAttribute('aria-valuenow', String(percent));
    const now = Object.keys(stepNames).indexOf(loadingStep);
    for (const [index, node] of steps.entries()) {
      node.dataset.state = index < now ? 'done' : index === now ? 'now' : 'later';
      if (index === now) node.setAttribute('aria-current', 'step');
      else node.removeAttribute('aria-current');
    }
    bytes.textContent = progress?.totalBytes
      ? `${formatBytes(progress.bytes)} of ${formatBytes(progress.totalBytes)}`
      : 'Connecting…';
    bar.setAttribute('aria-valuetext', `${percent} percent, ${bytes.textContent}`);
    rate.textContent = progress && loadingStep === 'downloading' ? this.#speed(progress) : '';
    if (percent >= this.#announced + 25) {
      this.#announced = percent - (percent % 25);
      announce(`${percent} percent loaded`);
    }
  }

  /** @param {import('../wire.js').LoadProgress} progress */
  #speed({ bytes, remaining, timeElapsed: time }) {
    const last = this.#samples.at(-1);
    if (last && (bytes < last.bytes || time < last.time)) this.#samples = [];
    this.#samples.push({ time, bytes });
    while (this.#samples.length > 2 && this.#samples[0].time < time - rateWindow) this.#samples.shift();
    const [first] = this.#samples;
    if (time - first.time < 0.3) return '';
    const rate = (bytes - first.bytes) / (time - first.time);
    const left = remaining === null ? '' : ` · ${formatDuration(Math.max(1, remaining))} left`;
    return `${formatBytes(rate)}/s${left}`;
  }

  /**
   * The load is over.
   *
   * @param {string} message For screen readers.
   */
  #forget(message) {
    this.#samples = [];
    if (message && this.#announced >= 0 && this.#parts.bar.dataset.told !== message) announce(message);
    this.#parts.bar.dataset.told = message;
    this.#announced = 0;
  }
}
