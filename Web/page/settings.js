import { createObservable } from '../observable.js';

/**
 * What the user set, kept in this browser. `null` means the model's own recommendation.
 *
 * @typedef {object} Settings
 * @property {string} systemPrompt
 * @property {number | null} temperature
 * @property {number | null} topP
 * @property {number | null} topK
 * @property {number | null} minP
 * @property {number | null} typicalP
 * @property {number | null} repeatPenalty
 * @property {number | null} repeatLastN
 * @property {number | null} frequencyPenalty
 * @property {number | null} presencePenalty
 * @property {number | null} seed
 * @property {string} stop Texts that end a reply, one a line.
 * @property {boolean} speculation
 * @property {number} maxTokens 0: as many as the context holds.
 * @property {boolean} makesRoom Whether the oldest messages are no longer sent once the context is full.
 * @property {number} contextLength 0: the model's usual.
 * @property {number} threads 0: as many as there are.
 * @property {string} device What computes: `auto`, `gpu` or `cpu`.
 * @property {number} keepsPrefixes 1: what was computed of conversations is kept between visits; 0: not.
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
  topK: null,
  minP: null,
  typicalP: null,
  repeatPenalty: null,
  repeatLastN: null,
  frequencyPenalty: null,
  presencePenalty: null,
  seed: null,
  stop: '',
  speculation: true,
  maxTokens: 1024,
  makesRoom: false,
  contextLength: 0,
  threads: 0,
  device: 'auto',
  keepsPrefixes: 1,
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

// They are the same in all tabs.
globalThis.addEventListener?.('storage', ({ key, newValue }) => {
  if (key === storageKey && newValue !== null) settings.setState(load());
});

/** @param {Partial<Settings>} changes */
export function changeSettings(changes) {
  // The model is one for all tabs, and another one may have chosen it.
  settings.setState({ ...settings.getState(), model: load().model, ...changes });
  try {
    localStorage.setItem(storageKey, JSON.stringify(settings.getState()));
  } catch {
    // They hold for this visit then.
  }
}
