/** The settings of a reply: what each is, what it may be, and what it is when nothing is said. */

import { formatCount } from './format.js';

/**
 * @typedef {object} SamplerField
 * @property {'maxTokens' | 'temperature' | 'topP' | 'topK' | 'minP' | 'typicalP' | 'repeatPenalty' | 'repeatLastN' |
 *   'frequencyPenalty' | 'presencePenalty' | 'seed'} name
 * @property {string} label
 * @property {string} hint
 * @property {number} low
 * @property {number} high
 * @property {boolean} [isWhole]
 * @property {string} usual What it is when nothing is said.
 * @property {boolean} [isFirst] Not under “More”.
 */

const most = 2 ** 31 - 1;

/**
 * Where the makers of a model recommend nothing, the engine takes llama.cpp's defaults.
 *
 * @param {{ temperature?: number | null, topP?: number | null } | undefined} model
 * @returns {SamplerField[]}
 */
export function samplerFields(model) {
  const usual = (/** @type {number | null | undefined} */ recommended, /** @type {number} */ general) =>
    String(Number((recommended ?? general).toFixed(3)));
  return [
    {
      name: 'temperature',
      label: 'Temperature',
      hint: '0 always takes the likeliest word; higher is more varied.',
      ...{ low: 0, high: 100, usual: usual(model?.temperature, 0.8), isFirst: true },
    },
    {
      name: 'topP',
      label: 'Top-p',
      hint: 'Keeps the likeliest words that together are this probable; 1 keeps all.',
      ...{ low: 0, high: 1, usual: usual(model?.topP, 0.95), isFirst: true },
    },
    {
      name: 'maxTokens',
      label: 'Longest reply',
      hint: 'In tokens; 0 for as long as the context has room.',
      ...{ low: 0, high: most, isWhole: true, usual: '1024', isFirst: true },
    },
    {
      name: 'topK',
      label: 'Top-k',
      hint: 'Keeps this many of the likeliest words; 0 keeps all.',
      ...{ low: 0, high: most, isWhole: true, usual: '40' },
    },
    {
      name: 'minP',
      label: 'Min-p',
      hint: 'Leaves out words less probable than this share of the likeliest one; 0 leaves out none.',
      ...{ low: 0, high: 1, usual: '0.05' },
    },
    {
      name: 'typicalP',
      label: 'Typical-p',
      hint: 'Keeps the words that are as surprising as is typical; 1 keeps all.',
      ...{ low: 0, high: 1, usual: '1' },
    },
    {
      name: 'repeatPenalty',
      label: 'Repetition penalty',
      hint: 'Makes words that came lately less likely; 1 changes nothing.',
      ...{ low: 0, high: 100, usual: '1' },
    },
    {
      name: 'repeatLastN',
      label: 'Penalty window',
      hint: 'How many of the last tokens the penalties look at; 0 for none, -1 for all.',
      ...{ low: -1, high: most, isWhole: true, usual: '64' },
    },
    {
      name: 'frequencyPenalty',
      label: 'Frequency penalty',
      hint: 'For each time a word came lately; 0 changes nothing.',
      ...{ low: -100, high: 100, usual: '0' },
    },
    {
      name: 'presencePenalty',
      label: 'Presence penalty',
      hint: 'Once for every word that came lately; 0 changes nothing.',
      ...{ low: -100, high: 100, usual: '0' },
    },
    {
      name: 'seed',
      label: 'Seed',
      hint: 'The same seed, question and settings give the same reply.',
      ...{ low: 0, high: Number.MAX_SAFE_INTEGER, isWhole: true, usual: 'random' },
    },
  ];
}

/**
 * @param {SamplerField} field
 * @param {string} text As it was typed; nothing means the default.
 * @returns {{ value: number | null } | { problem: string }}
 */
export function readField({ label, low, high, isWhole }, text) {
  const typed = text.trim().replace(',', '.');
  if (!typed) return { value: null };
  const value = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(typed) ? Number(typed) : Number.NaN;
  if (value >= low && value <= high && (!isWhole || Number.isSafeInteger(value))) return { value };
  const kind = isWhole ? 'a whole number' : 'a number';
  const range = `from ${formatCount(low)} to ${formatCount(high)}`;
  return { problem: `${label} is ${kind} ${range}; “${text.trim().slice(0, 20)}” is not.` };
}
