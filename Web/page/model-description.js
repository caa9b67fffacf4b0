import { element } from './dom.js';
import { formatBytes, formatCount } from './format.js';

/** @typedef {import('../hub.js').ModelDescription} ModelDescription */

/**
 * @typedef {object} Actions
 * @property {(name: string) => void} use Loads a model that this device has.
 * @property {(name: string) => void} fetch Loads a model that this device has not.
 * @property {(description: ModelDescription) => string | null} kept The name under which this device has it.
 * @property {() => number} room Bytes that the browser has left to keep.
 * @property {() => void} pick Lets a file be chosen.
 */

/**
 * What a name means, and what can be done with it. All that it says of others becomes text.
 *
 * @param {ModelDescription} model
 * @param {Actions & { choose: (name: string) => void }} actions `choose` looks at another file.
 * @returns {HTMLElement}
 */
export function descriptionOf(model, actions) {
  const kept = actions.kept(model);
  const link =
    model.page && element('a', { href: model.page, target: '_blank', rel: 'noopener noreferrer' }, 'Model card');
  return element(
    'article',
    { class: 'description', 'data-model': model.name },
    element('header', {}, element('h3', { tabindex: -1 }, model.title), link),
    fileChoice(model, actions.choose),
    factList(model),
    ...verdict(model, kept, actions.room()),
    buttons(model, kept, actions),
  );
}

/** @param {ModelDescription} model @param {(name: string) => void} choose */
function fileChoice({ name, path, url, choices, leftOut }, choose) {
  const others = [
    leftOut.parts && `${leftOut.parts} parts of models whose other parts are missing`,
    leftOut.projectors && `${leftOut.projectors} ${leftOut.projectors === 1 ? 'projector' : 'projectors'} for pictures`,
  ].filter(Boolean);
  const note = others.length ? element('p', { class: 'hint' }, `Left out: ${others.join('; ')}.`) : null;
  if (choices.length < 2) {
    return element('div', { class: 'description-file' }, element('code', {}, path ?? url ?? name), note);
  }
  const quantizations = choices.map((choice) => choice.quantization);
  const isPlain = (/** @type {string | null} */ quantization) =>
    quantization && quantizations.indexOf(quantization) === quantizations.lastIndexOf(quantization);
  const select = element(
    'select',
    { id: 'model-file-choice', onchange: (/** @type {any} */ event) => choose(event.target.value) },
    ...choices.map((choice) =>
      element(
        'option',
        { value: choice.name, selected: choice.name === name },
        [
          isPlain(choice.quantization) ? choice.quantization : choice.path,
          choice.size ? formatBytes(choice.size) : null,
          choice.parts > 1 ? `${choice.parts} files` : null,
          choice.runs === false ? 'does not run' : choice.fits === false ? 'does not fit' : null,
        ]
          .filter(Boolean)
          .join(' · '),
      ),
    ),
  );
  return element(
    'div',
    { class: 'description-file field' },
    element('label', { for: 'model-file-choice', class: 'field-name' }, 'File'),
    select,
    element('code', {}, path),
    note,
  );
}

/** @param {ModelDescription} model */
function factList({ size, parts, need, contextLength, license, architecture, parameters }) {
  /** @type {[string, string | null][]} */
  const facts = [
    ['Download', (size ? formatBytes(size) : 'size not told') + (parts > 1 ? ` in ${parts} files` : '')],
    ['Memory', need ? formatBytes(need) : null],
    ['License', license ?? 'not told'],
    ['Context', contextLength ? `${formatCount(contextLength)} tokens` : null],
    ['Architecture', architecture],
    ['Weights', parameters ? formatCount(parameters) : null],
  ];
  return element(
    'dl',
    { class: 'description-facts' },
    ...facts
      .filter(([, value]) => value)
      .map(([term, value]) => element('div', {}, element('dt', {}, term), element('dd', {}, value))),
  );
}

/** @param {ModelDescription} model @param {string | null} kept @param {number} room */
function verdict({ problem, runs, fits, hasTemplate, size }, kept, room) {
  const line = (/** @type {string} */ kind, /** @type {string} */ text) =>
    element('p', { class: 'model-state', 'data-kind': kind }, text);
  if (problem) {
    const isMemory = problem.code === 'not-enough-memory';
    return [line('unfit', `${isMemory ? 'Does not fit this device. ' : ''}${problem.message}`)];
  }
  const judgements = [
    runs ? 'Runs here' : 'Whether it runs shows when it loads',
    fits ? 'fits this device' : 'its size is not told',
  ];
  const lines = [
    line(runs && fits ? 'here' : 'open', `${judgements.join(' · ')}${kept ? ' · is on this device' : ''}`),
  ];
  if (hasTemplate === false)
    lines.push(line('open', 'It has no chat template: conversations are written in a usual form, which it may not know.'));
  if (!kept && size && size > room) {
    lines.push(line('open', 'The browser has no room to keep it: it would be downloaded at every visit.'));
  }
  return lines;
}

/** @param {ModelDescription} model @param {string | null} kept @param {Actions} actions */
function buttons({ name, size, problem, isGated }, kept, { use, fetch, pick }) {
  const button = (/** @type {string} */ kind, /** @type {string} */ text, /** @type {() => void} */ onclick) =>
    element('button', { type: 'button', class: kind, onclick }, text);
  const actions = element('div', { class: 'description-actions' });
  if (kept && (!problem || problem.code === 'permission-denied')) {
    actions.append(button('button primary', 'Use', () => use(kept)));
  } else if (!problem) {
    actions.append(
      button('button primary', `Download and use${size ? ` · ${formatBytes(size)}` : ''}`, () => fetch(name)),
    );
  } else if (isGated) actions.append(button('button', 'Choose a file…', pick));
  return actions;
}
