import { createObservable } from '../observable.js';

/**
 * What the user set, kept in this browser. `null` means the model's own recommendation.
 *
 * @typedef {object} Settings
 * @property {string} systemPrompt
 * @property {number | null} temperature
 * @property {number | null} topP
 * @property {number} maxTokens 0: as many as the context holds.
 * @property {number} contextLength 0: the model's usual.
 * @property {number} threads 0: as many as there are.
 * @property {'system' | 'light' | 'dark'} theme
 * @property {string} model The last one that was chosen.
 * @property {boolean} sidebarOpen
 */

const storageKey = 'swiftlet-settings';

/** @type {Settings} */
export const defaultSettings = Object.freeze({
  systemPrompt: '',
  temperature: null,
  topP: null,
  maxTokens: 1024,
  contextLength: 0,
  threads: 0,
  theme: 'system',
  model: 'quick',
  sidebarOpen: true,
});

/** @returns {Settings} Only what has a known name and the right type. */
function load() {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey) ?? '{}');
    const settings = { ...defaultSettings };
    for (const [key, value] of Object.entries(defaultSettings)) {
      const isNumber = typeof stored[key] === 'number' && Number.isFinite(stored[key]);
      if (value === null ? isNumber : typeof stored[key] === typeof value)
        Object.assign(settings, { [key]: stored[key] });
    }
    return settings;
  } catch {
    // Storage that is blocked or was changed by hand: begin anew.
    return { ...defaultSettings };
  }
}

export const settings = createObservable(load());

/** @param {Partial<Settings>} changes */
export function changeSettings(changes) {
  settings.setState({ ...settings.getState(), ...changes });
  try {
    localStorage.setItem(storageKey, JSON.stringify(settings.getState()));
  } catch {
    // They hold for this visit then.
  }
}
