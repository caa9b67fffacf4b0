/** System prompts under a name: some that the page brings, and the user's own, kept in this browser. */

import { newID } from './conversation.js';

/** @typedef {{ id: string, name: string, text: string }} Preset */

const storageKey = 'swiftlet-presets';
/** What a file may bring at most. */
const [mostPresets, longestName, longestText] = [500, 80, 100_000];

/** @type {readonly Preset[]} */
export const builtInPresets = [
  {
    id: 'brief',
    name: 'Brief',
    text: 'Answer in as few words as the question allows. Leave out introductions, repetitions and closing remarks.',
  },
  {
    id: 'teacher',
    name: 'Patient teacher',
    text: 'You are a patient teacher. Explain step by step in plain words, with one small example. Say which part is hard, and end with a question that shows whether it was understood.',
  },
  {
    id: 'editor',
    name: 'Editor',
    text: 'You are a careful editor. Correct spelling, grammar and style of the text you are given, and keep its meaning, tone and language. First give the corrected text, then a short list of what you changed.',
  },
  {
    id: 'translator',
    name: 'Translator',
    text: 'Translate what you are given into English; if it is English, into German. Give only the translation, and keep its tone and formatting.',
  },
  {
    id: 'programmer',
    name: 'Programmer',
    text: 'You are an experienced programmer. Give working code first, in one block with its language, then the few sentences it takes to understand it. Name the assumptions you made and the cases that the code does not handle.',
  },
  {
    id: 'ideas',
    name: 'Ideas',
    text: 'You help to find ideas. Give a numbered list of eight short ideas that differ from one another, the obvious ones first and the unusual ones last. No explanations unless asked.',
  },
];

/** @param {any} value @returns {Preset[]} Only what is a preset. */
export function presetsFrom(value) {
  if (!Array.isArray(value)) return [];
  return value
    .filter((raw) => typeof raw?.name === 'string' && raw.name.trim() && typeof raw.text === 'string')
    .slice(0, mostPresets)
    .map(({ id, name, text }) => ({
      id: typeof id === 'string' && /^[\w-]{1,64}$/.test(id) ? id : newID(),
      name: name.trim().slice(0, longestName),
      text: text.slice(0, longestText),
    }));
}

/** @returns {Preset[]} The user's own, in the order they were saved. */
export function ownPresets() {
  try {
    return presetsFrom(JSON.parse(localStorage.getItem(storageKey) ?? '[]'));
  } catch {
    // Storage is blocked or was changed by hand.
    return [];
  }
}

/**
 * @param {(presets: Preset[]) => Preset[]} change Of what is kept at this moment, by whichever tab.
 * @returns {boolean} Whether it is kept.
 */
export function changePresets(change) {
  try {
    localStorage.setItem(storageKey, JSON.stringify(change(ownPresets()).slice(0, mostPresets)));
    return true;
  } catch {
    // Storage is full or blocked.
    return false;
  }
}

/** @param {string} name @param {string} text @returns {Preset} */
export function newPreset(name, text) {
  return { id: newID(), name, text };
}

/** @param {any} value What a file holds; presets that are here stay as they are. @returns {number} How many are new. */
export function addPresets(value) {
  const brought = presetsFrom(value);
  if (!brought.length) return 0;
  const known = new Set([...builtInPresets, ...ownPresets()].map(({ id }) => id));
  const fresh = brought.filter(({ id }) => !known.has(id) && known.add(id));
  return changePresets((presets) => [...presets, ...fresh]) ? fresh.length : 0;
}

/** @param {string} text @returns {string} What a preset of this text may be called. */
export function presetName(text) {
  const words = text.trim().replace(/\s+/g, ' ').split(' ').slice(0, 5).join(' ');
  return words.replace(/[.,;:]$/, '').slice(0, 40) || 'My preset';
}
