/** Text files of a message that is being written or edited. */

import { filesFrom } from './conversation-export.js';
import { loadStyle } from './dialog.js';
import { announce, element, iconButton } from './dom.js';
import { keepDraft } from './draft.js';
import { formatBytes, formatCount } from './format.js';
import { messageText } from './prompt.js';
import { readTextFile } from './text-files.js';
import { toast } from './toast.js';

/** @typedef {import('./conversation.js').TextFile} TextFile */

const mostFiles = 20;

/**
 * A list of files with a button to remove each.
 *
 * @param {HTMLElement} list
 * @param {readonly TextFile[]} files
 * @param {(file: TextFile) => string} noteOf
 * @param {(file: TextFile) => void} remove
 */
function showChips(list, files, noteOf, remove) {
  list.hidden = files.length === 0;
  list.replaceChildren(
    ...files.map((file) =>
      element(
        'li',
        { class: 'chip' },
        element('span', { class: 'chip-name', title: file.name }, file.name),
        element('span', { class: 'chip-note' }, noteOf(file)),
        iconButton('close', `Remove ${file.name}`, () => remove(file)),
      ),
    ),
  );
}

/**
 * Files of a message that is being edited.
 *
 * @param {HTMLElement} list
 * @param {readonly TextFile[]} files
 * @param {(left: TextFile[]) => void} changed
 */
export async function editChips(list, files, changed) {
  await loadStyle('tools');
  showChips(
    list,
    files,
    ({ text }) => formatBytes(text.length),
    (removed) => {
      const left = files.filter((file) => file !== removed);
      changed(left);
      editChips(list, left, changed);
      list.parentElement?.querySelector('textarea')?.focus();
    },
  );
}

/** The files of the message that is being written. */
export class Attachments {
  /** @type {TextFile[]} */
  files = [];
  /** @type {Map<TextFile, number>} */
  #tokens = new Map();
  #list;
  #changed;
  #countTokens;
  #focusInput;

  /**
   * @param {HTMLElement} list
   * @param {object} actions
   * @param {() => void} actions.changed
   * @param {(text: string) => Promise<number>} actions.countTokens
   * @param {() => void} actions.focusInput
   */
  constructor(list, { changed, countTokens, focusInput }) {
    this.#list = list;
    this.#changed = changed;
    this.#countTokens = countTokens;
    this.#focusInput = focusInput;
  }

  /** @param {readonly File[]} files Those that cannot be added are told. */
  async add(files) {
    await loadStyle('tools');
    const read = await Promise.allSettled(files.slice(0, mostFiles).map(readTextFile));
    const problems = read.flatMap((one) => (one.status === 'rejected' ? [one.reason.message] : []));
    const texts = read.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const isKnown = (/** @type {TextFile} */ { name, text }) =>
      this.files.some((file) => file.name === name && file.text === text);
    const fresh = texts.filter((file) => !isKnown(file));
    const room = mostFiles - this.files.length;
    if (fresh.length > room || files.length > mostFiles) problems.push(`A message takes ${mostFiles} files.`);
    if (problems.length) toast(problems.join(' '));
    this.set([...this.files, ...fresh.slice(0, Math.max(0, room))]);
    if (fresh.length) announce(`Added ${fresh.map(({ name }) => name).join(', ')}.`);
    this.#focusInput();
  }

  /** @param {string} kept What `set` left for a reload of the tab. */
  async restore(kept) {
    await loadStyle('tools');
    this.set([...filesFrom(JSON.parse(kept)), ...this.files]);
  }

  /** @param {TextFile[]} files */
  set(files) {
    this.files = files;
    keepDraft('-files', null);
    if (files.length) keepDraft('-files', JSON.stringify(files));
    this.#show();
    this.#changed();
    this.count();
  }

  /** Counts the tokens of what has not been counted, as before a model was there. @param {boolean} [isAnew] */
  async count(isAnew = false) {
    if (isAnew) this.#tokens.clear();
    for (const file of this.files) {
      if (this.#tokens.has(file)) continue;
      const count = await this.#countTokens(messageText({ content: '', files: [file] })).catch(() => 0);
      if (count) this.#tokens.set(file, count);
    }
    this.#show();
  }

  #show() {
    const focused = [...this.#list.querySelectorAll('button')].indexOf(/** @type {any} */ (document.activeElement));
    showChips(
      this.#list,
      this.files,
      (file) => {
        const count = this.#tokens.get(file);
        return count ? `${formatCount(count)} tokens` : formatBytes(file.text.length);
      },
      (file) => this.set(this.files.filter((one) => one !== file)),
    );
    if (focused < 0) return;
    const buttons = this.#list.querySelectorAll('button');
    if (buttons.length) buttons[Math.min(focused, buttons.length - 1)].focus();
    else this.#focusInput();
  }
}
