/** Conversations as files, which this page writes and which may come from anywhere. */

import { Conversation, mergedFields, newID, newMessage, stamp } from './conversation.js';
import { addPresets, ownPresets } from './presets.js';
import { shownName } from './text-files.js';

/** @typedef {import('./conversation.js').Message} Message */

const exportFormat = 'swiftlet-conversations';
const exportVersion = 2;
const identifier = /^[\w-]{1,64}$/;

/**
 * @param {Conversation[]} conversations
 * @param {boolean} [withPresets] Whether the user's own system prompts go along.
 * @returns {string} JSON that `parseExport` takes.
 */
export function exportText(conversations, withPresets = false) {
  const written = conversations.map((conversation) => {
    const { id, title, createdAt, updatedAt, leaf, seenFrom, systemPrompt } = conversation.summary;
    const kept = conversation.messages
      .filter((message) => !message.deleted)
      .map(({ changed, ...message }) => ({
        ...message,
        parent: conversation.parentOf({ ...message, changed })?.id ?? null,
      }));
    return { id, title, createdAt, updatedAt, leaf, seenFrom, systemPrompt, messages: kept };
  });
  const presets = withPresets && ownPresets().length ? { presets: ownPresets() } : {};
  return JSON.stringify({ format: exportFormat, version: exportVersion, conversations: written, ...presets }, null, 2);
}

/** @param {string} json What `parseExport` has read. @returns {number} How many presets of it are new here. */
export function addPresetsOf(json) {
  return addPresets(JSON.parse(json).presets);
}

/**
 * Reads an exported file: only what is understood is kept.
 *
 * @param {string} json
 * @returns {Conversation[]}
 */
export function parseExport(json) {
  let parsed;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new Error('This file is not JSON. Choose one that “Export” wrote here, whole as it was.');
  }
  if (parsed?.format !== exportFormat || !Array.isArray(parsed.conversations)) {
    throw new Error('This file does not hold exported Swiftlet conversations. Choose one that “Export” wrote.');
  }
  if (parsed.version !== 1 && parsed.version !== exportVersion) {
    throw new Error(`This file has version ${parsed.version}; this page reads versions 1 and ${exportVersion}. Reload the page; a newer one may read it.`);
  }
  return parsed.conversations.map(parseConversation);
}

/** @param {any} raw @param {number} index @returns {Conversation} */
function parseConversation(raw, index) {
  if (!Array.isArray(raw?.messages)) throw new Error(`Conversation ${index + 1} of the file has no list of messages.`);
  /** @type {Map<string, Message>} */
  const messages = new Map();
  const ids = new Set(raw.messages.map((/** @type {any} */ item) => item?.id).filter(isIdentifier));
  /** Messages that follow a later one of the file. @type {[Message, string][]} */
  const early = [];
  let last = null;
  for (const [place, item] of raw.messages.entries()) {
    const known = item?.role === 'user' || item?.role === 'assistant';
    if (!known || typeof item.content !== 'string') {
      throw new Error(`Message ${place + 1} of conversation ${index + 1} has no role or no text.`);
    }
    // Version 1 has no branches: there a message follows the one before it in the file.
    const isEarly = !messages.has(item.parent) && ids.has(item.parent);
    const parent = item.parent === null || messages.has(item.parent) ? item.parent : isEarly ? null : last;
    const message = newMessage(item.role, item.content, parent);
    if (isEarly) early.push([message, item.parent]);
    if (isIdentifier(item.id) && !messages.has(item.id)) message.id = item.id;
    message.createdAt = numberOr(item.createdAt, message.createdAt);
    if (['length', 'aborted', 'cut'].includes(item.ending)) message.ending = item.ending;
    if (item.thoughtFor >= 0 && Number.isFinite(item.thoughtFor)) message.thoughtFor = item.thoughtFor;
    const files = filesFrom(item.files);
    if (files.length) message.files = files;
    if (isStatistics(item.statistics)) message.statistics = item.statistics;
    messages.set(message.id, message);
    last = message.id;
  }
  for (const [message, parent] of early)
    if (!leadsTo(messages, parent, message)) message.parent = parent;
  const now = stamp();
  const place = Math.trunc(numberOr(raw.firstSeen, 0));
  const seenFrom = messages.has(raw.seenFrom)
    ? raw.seenFrom
    : place > 0
      ? ([...messages.keys()].at(place) ?? null)
      : null;
  return new Conversation(
    {
      id: isIdentifier(raw.id) ? raw.id : newID(),
      title: typeof raw.title === 'string' && raw.title.trim() ? raw.title.slice(0, 200) : 'Imported conversation',
      createdAt: numberOr(raw.createdAt, Date.now()),
      updatedAt: numberOr(raw.updatedAt, Date.now()),
      leaf: messages.has(raw.leaf) ? raw.leaf : last,
      seenFrom,
      systemPrompt: typeof raw.systemPrompt === 'string' ? raw.systemPrompt : null,
      deleted: false,
      changed: Object.fromEntries(mergedFields.map((field) => [field, now])),
    },
    [...messages.values()],
  );
}

/** @param {Map<string, Message>} messages @param {string | null} id @param {Message} wanted Whether this one comes before it. */
function leadsTo(messages, id, wanted) {
  let node = messages.get(id ?? '');
  while (node && node !== wanted) node = messages.get(node.parent ?? '');
  return node === wanted;
}

/** @param {any} value @returns {value is string} */
function isIdentifier(value) {
  return typeof value === 'string' && identifier.test(value);
}

/** @param {any} value @returns {import('./conversation.js').TextFile[]} */
export function filesFrom(value) {
  if (!Array.isArray(value)) return [];
  return value
    .filter((raw) => typeof raw?.name === 'string' && typeof raw.text === 'string')
    .map(({ name, text }) => ({ name: shownName(name), text }));
}

/** @param {any} value @param {number} fallback */
function numberOr(value, fallback) {
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}

/** @param {any} value */
function isStatistics(value) {
  return (
    value !== null &&
    typeof value === 'object' &&
    typeof value.model === 'string' &&
    [value.tokens, value.tokensPerSecond, value.timeToFirstToken].every(Number.isFinite)
  );
}
