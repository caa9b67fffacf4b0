/** What this device and its browser can hold, checked before anything is downloaded. */

import { placeModel } from '../placement.js';

/**
 * Whether a model fits, and if not, why.
 *
 * @param {import('../wire.js').CatalogModel} model
 * @param {number} contextLength 0: the model's usual.
 * @param {import('../placement.js').Surroundings} [here]
 * @returns {{ need: number, fits: boolean, reason: string }} Bytes, and a sentence that begins with “It needs”.
 */
export function fitOf(model, contextLength, here) {
  const context = Math.min(contextLength || model.defaultContextLength, model.contextLength);
  const need = model.memoryBase + model.memoryPerToken * context;
  const { problem } = placeModel({ need, fileSize: model.fileSize }, here);
  return { need, fits: !problem, reason: problem?.message ?? '' };
}

/**
 * What computes, for people.
 *
 * @param {import('../wire.js').ModelInfo} info
 */
export function deviceText({ device, deviceName, deviceNote }) {
  return device === 'gpu' ? `The graphics card computes: ${deviceName}.` : `The processor computes. ${deviceNote}`.trim();
}

const tierNames = { quick: 'Quick', smart: 'Smart', genius: 'Genius', other: '' };

/** @param {import('../wire.js').CatalogModel} model @returns {string} `Quick`, or the model's own name. */
export function shortName(model) {
  return tierNames[model.tier] || model.name;
}

/**
 * The catalog's entry that `name` means: a tier or an id.
 *
 * @param {import('../wire.js').CatalogModel[]} models
 * @param {string | null} name
 */
export function findModel(models, name) {
  return models.find((model) => model.id === name || (model.tier === name && name !== 'other'));
}

/** @param {import('../wire.js').CatalogModel[]} models @param {string | null} name @returns {string} For people. */
export function displayName(models, name) {
  const model = findModel(models, name);
  return model ? shortName(model) : (name ?? '').replace(/^file:/, '').replace(/\.gguf$/i, '');
}
