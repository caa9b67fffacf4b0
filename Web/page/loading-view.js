import { displayName, findModel } from './device.js';
import { announce, byId, element, icon, oncePerFrame } from './dom.js';
import { formatBytes, formatDuration } from './format.js';
import { settings } from './settings.js';

/** @typedef {import('../shared-inference-manager.js').EngineState} EngineState */
/** @typedef {import('../model-store.js').ModelStoreState} ModelStoreState */

/**
 * What a load waits for. Without a label there is nothing to press.
 *
 * @typedef {{ title: string, message: string, label: string | null, run: () => void }} Question
 */

const stepNames = { downloading: 'Download', compiling: 'Compile', ready: 'Ready' };
/** The rate is taken over this much time, in seconds, so that it does not flicker. */
const rateWindow = 3;

/** A download from which nothing comes for so long, in milliseconds, waits for the network. */
const stallTime = 3000;
/** A speed is told after this many seconds. */
const patience = 1.5;
/** One that was this many times higher before the last so many seconds does not count. */
const burst = 3;
const settleTime = 0.7;

/** @param {{ time: number, bytes: number }} from @param {{ time: number, bytes: number }} to */
function rateBetween(from, to) {
  return (to.bytes - from.bytes) / Math.max(0.001, to.time - from.time);
}

/** Errors that the processor knows a way around, where only the graphics card was to compute. */
const cardErrors = ['device-lost', 'device-unavailable', 'out-of-memory', 'not-enough-memory'];

/** @param {ModelStoreState} state What to do about a file that is no model, or only a part of one. */
function adviceFor({ error, currentModel }) {
  if (error?.code === 'device-unavailable') return 'If this page was updated meanwhile, reload it first.';
  if (error?.code !== 'invalid-model') return '';
  return currentModel?.startsWith('file:')
    ? 'Is it a .gguf file, and whole? Download it again where it came from, or choose another one.'
    : 'The file is damaged, or made for another program. Choose another model.';
}

/** Shows a load: how far it is, how fast, how long it will take, and what can be done about it. */
export class LoadingView {
  #root = byId('loading');
  #store;
  #actions;
  #parts = this.#build();
  /** @type {{ time: number, bytes: number }[]} */
  #samples = [];
  #announced = 0;
  #stall = 0;
  /** What is asked before a load can begin. @type {Question | null} */
  #question = null;
  #isEmpty = true;

  /**
   * @param {import('../shared-inference-manager.js').EngineStore} store
   * @param {{ retry: () => void, choose: () => void, dismiss: () => void, useProcessor: () => void }} actions
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    const update = oncePerFrame(() => {
      const focused = document.activeElement;
      this.#update(store.getState());
      // A button that was pressed and goes away hands the focus on.
      if (!this.#root.contains(focused) || !focused?.closest('[hidden]')) return;
      const next = [...this.#root.querySelectorAll('button')].find((button) => !button.closest('[hidden]'));
      (next ?? byId('message-input')).focus();
    });
    store.subscribe(update);
  }

  /** @param {boolean} empty Whether the conversation has no messages, so that the whole stage is free. */
  place(empty) {
    this.#isEmpty = empty;
    this.#place(this.#store.getState());
  }

  /** @param {Question} question */
  ask(question) {
    this.#question = question;
    this.#update(this.#store.getState());
  }

  /** @param {EngineState} state */
  #place({ loadingStep }) {
    this.#root.dataset.place = this.#isEmpty && loadingStep !== 'ready' ? 'stage' : 'card';
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
        { type: 'button', class: 'button primary', onclick: () => (this.#question?.run ?? this.#actions.retry)() },
        'Try again',
      ),
      processor: element(
        'button',
        { type: 'button', class: 'button', onclick: () => this.#actions.useProcessor() },
        'Use the processor',
      ),
      choose: element(
        'button',
        { type: 'button', class: 'button', onclick: () => this.#actions.choose() },
        'Choose another model',
      ),
      dismiss: element(
        'button',
        { type: 'button', class: 'button', onclick: () => this.#actions.dismiss() },
        'Keep the present one',
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
        element('div', { class: 'loading-actions' }, parts.processor, parts.retry, parts.choose, parts.dismiss, parts.cancel),
      ),
    );
    return parts;
  }

  /** @param {EngineState} whole */
  #update(whole) {
    clearTimeout(this.#stall);
    this.#place(whole);
    const isBeside = whole.next !== null;
    /** @type {ModelStoreState} */
    const state = whole.next ?? whole;
    const { loadingStep: step, isLoading } = state;
    // Until the engine runs, a load has nothing to show, not even the model's name.
    this.#root.hidden = step === 'ready' || (isLoading && !state.availableModels.length);
    this.#root.dataset.step = step;
    this.#root.toggleAttribute('data-waits', whole.waitsForReplies);
    const { title, text, bar, figures, stepList, cancel, retry, choose, dismiss, processor } = this.#parts;
    bar.hidden = figures.hidden = stepList.hidden = cancel.hidden = !isLoading;
    retry.hidden = choose.hidden = isLoading;
    dismiss.hidden = isLoading || !isBeside || !whole.info;
    const isCards = step === 'error' && settings.getState().device === 'gpu';
    processor.hidden = !isCards || !cardErrors.includes(state.error?.code ?? '');
    processor.classList.toggle('primary', !processor.hidden);
    retry.classList.toggle('primary', processor.hidden);
    if (step === 'ready') {
      const isOnCard = whole.info?.device === 'gpu';
      return this.#forget(isOnCard ? 'The model is ready, on the graphics card.' : 'The model is ready.');
    }

    if (isLoading) {
      this.#question = null;
      delete bar.dataset.told;
    }
    const name = displayName(state.availableModels, state.currentModel) || 'The model';
    if (step === 'error') {
      const titles = {
        'unsupported-platform': 'This browser cannot run the model',
        'device-unavailable': 'The graphics card cannot compute here',
        'device-lost': 'The graphics card has stopped',
        internal: `${name} has stopped`,
      };
      const { code } = state.error ?? {};
      title.textContent = titles[/** @type {keyof typeof titles} */ (code)] ?? `${name} could not be loaded`;
      text.textContent = [state.error?.message, adviceFor(state)].filter(Boolean).join(' ');
      retry.textContent = 'Try again';
      return this.#forget(`${title.textContent}. ${text.textContent}`);
    }
    if (!isLoading && this.#question) {
      title.textContent = this.#question.title;
      text.textContent = this.#question.message;
      retry.textContent = this.#question.label ?? '';
      retry.hidden = !this.#question.label;
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
    if (whole.waitsForReplies) {
      text.textContent = 'The reply under way is written to its end first; stop it to go on at once.';
      bar.hidden = figures.hidden = stepList.hidden = true;
      return;
    }
    this.#updateProgress(state);
  }

  /** @param {ModelStoreState} state */
  #updateProgress({ downloadProgress, loadingStep, progress, currentModel }) {
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
    const isDownload = progress && loadingStep === 'downloading';
    const isCompiling = progress && loadingStep === 'compiling';
    rate.textContent = isDownload && !progress.isWaiting ? this.#speed(progress) : '';
    if (progress?.isWaiting || isCompiling) rate.textContent = progress?.text ?? '';
    if (isDownload && !progress.isWaiting && progress.bytes < progress.totalBytes && !currentModel?.startsWith('file:'))
      this.#stall = setTimeout(() => (rate.textContent = 'Waiting for the network…'), stallTime);
    if (percent >= this.#announced + 25) {
      this.#announced = percent - (percent % 25);
      announce(`${percent} percent loaded`);
    }
  }

  /** @param {import('../wire.js').LoadProgress} progress */
  #speed({ bytes, totalBytes, timeElapsed: time }) {
    const last = this.#samples.at(-1);
    if (last && (bytes < last.bytes || time < last.time)) this.#samples = [];
    this.#samples.push({ time, bytes });
    while (this.#samples.length > 2 && this.#samples[0].time < time - rateWindow) this.#samples.shift();
    // What was kept from an earlier download comes from the disk: the network's speed shows only after it.
    const slower = this.#samples.findIndex((sample) => sample.time >= time - settleTime);
    const [first, middle] = [this.#samples[0], this.#samples[slower]];
    if (slower > 0 && rateBetween(first, middle) > burst * rateBetween(middle, { time, bytes }))
      this.#samples.splice(0, slower);
    const start = this.#samples[0];
    if (time - start.time < patience) return '';
    const rate = rateBetween(start, { time, bytes });
    const left = rate > 0 ? ` · ${formatDuration(Math.max(1, (totalBytes - bytes) / rate))} left` : '';
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
