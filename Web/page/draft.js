/** What is not sent yet, kept for a reload of the tab; the text of the message also for the next tab when this one is closed. */

import { Conversation, newID } from './conversation.js';

/** @typedef {'' | '-prompt' | '-files' | `-edit-${string}` | `-edit-files-${string}`} Part The text of the message, its files, a
 *   new conversation's system prompt; of a message, by its id, that is being edited, the text and the places of its files. */

/** @param {Part} part @returns {string | null} */
export function draft(part) {
  try {
    return sessionStorage.getItem(`swiftlet-draft${part}`);
  } catch {
    // Storage is blocked: a draft lives as long as the page.
    return null;
  }
}

/** @type {Set<Part>} Those that storage has no room for. */
const unkept = new Set();
let tellUnkept = () => {};

/** @param {() => void} tell A draft has become too large to be there after a reload. */
export function onUnkept(tell) {
  tellUnkept = tell;
}

/** @param {Part} part @param {string | null} value */
export function keepDraft(part, value) {
  const key = `swiftlet-draft${part}`;
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
    unkept.delete(part);
  } catch (error) {
    if (/** @type {Error} */ (error).name !== 'QuotaExceededError') return; // Storage is blocked.
    // Older words would come back in place of these.
    sessionStorage.removeItem(key);
    if (!unkept.has(part)) tellUnkept();
    unkept.add(part);
  }
}

/** @returns {Conversation} Empty, with the system prompt that was chosen for it. */
export function newConversation() {
  const conversation = new Conversation();
  conversation.summary.systemPrompt = draft('-prompt');
  return conversation;
}

// Each under a key of its own: tabs that close together do not see what the others write.
const leftPrefix = 'swiftlet-draft-left-';

/** @returns {string[]} The keys of what closed tabs have left, in the order of their leaving. */
function leftKeys() {
  try {
    const keys = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index) ?? '');
    return keys.filter((key) => key.startsWith(leftPrefix)).sort();
  } catch {
    return []; // Storage is blocked.
  }
}

/** @param {string} text What the message says while the page goes away, for good or for a reload: nobody can tell. */
export function leaveDraft(text) {
  try {
    localStorage.setItem(`${leftPrefix}${Date.now()}-${newID()}`, text);
  } catch {
    // Storage is full or blocked.
  }
}

/** @param {string} text Of a tab that is back. */
export function reclaimDraft(text) {
  const key = leftKeys().findLast((key) => localStorage.getItem(key) === text);
  if (key) localStorage.removeItem(key);
}

/** Versions before this one kept them in one list. */
function takeOldList() {
  const key = 'swiftlet-drafts-left';
  try {
    const left = JSON.parse(localStorage.getItem(key) ?? '[]');
    localStorage.removeItem(key);
    for (const text of left) if (typeof text === 'string') leaveDraft(text);
  } catch {
    // Storage is blocked, or was changed by hand.
  }
}

/** @returns {string} What a closed tab has left, the last first; empty where none has. */
export function takeLeftDraft() {
  takeOldList();
  const key = leftKeys().at(-1);
  if (!key) return '';
  const text = localStorage.getItem(key) ?? '';
  localStorage.removeItem(key);
  return text;
}
