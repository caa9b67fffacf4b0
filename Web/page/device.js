/** What this device and its browser can hold, checked before anything is downloaded. */

import { formatBytes } from './format.js';

/** The engine's pointers have 32 bits, and the last page of memory stays unused. */
const addressSpace = 65535 * 65536;
/** One buffer, and so one file, is smaller than this. */
const largestFile = 2 ** 31;
/** The part of a device's memory that a tab can hope for. */
const usableShare = 0.75;

/**
 * Whether a model fits, and if not, why.
 *
 * @param {import('../wire.js').CatalogModel} model
 * @param {number} contextLength 0: the model's usual.
 * @param {number | undefined} deviceMemory GiB, as browsers tell it that do.
 * @returns {{ need: number, fits: boolean, reason: string }}
 */
export function fitOf(model, contextLength, deviceMemory = /** @type {any} */ (globalThis.navigator)?.deviceMemory) {
  const context = Math.min(contextLength || model.defaultContextLength, model.contextLength);
  const need = model.memoryBase + model.memoryPerToken * context;
  if (need > addressSpace) {
    return {
      need,
      fits: false,
      reason: `Needs ${formatBytes(need)} of memory; a browser tab has at most ${formatBytes(addressSpace)}`,
    };
  }
  if (model.fileSize >= largestFile) {
    return {
      need,
      fits: false,
      reason: `Its file is over ${formatBytes(largestFile)}, the most that a browser tab can hold in one piece`,
    };
  }
  // Browsers round the figure down to a power of two.
  const available = (deviceMemory ?? Infinity) * 2 ** 30 * usableShare;
  if (need > available) {
    return {
      need,
      fits: false,
      reason: `Needs ${formatBytes(need)} of memory; this device has about ${formatBytes(available)} to give`,
    };
  }
  return { need, fits: true, reason: '' };
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
