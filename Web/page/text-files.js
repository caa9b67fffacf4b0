/** Files that are text, as a message may hold them. */

import { formatBytes } from './format.js';

/** What a context of a hundred thousand tokens may hold, with room to spare. */
const largestFile = 1_000_000;

/**
 * A file's name in one line that reads as it is written: names come from others and may hold line ends and marks that
 * turn the text around them.
 *
 * @param {string} name
 */
export function shownName(name) {
  return name.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ').slice(0, 200);
}

/**
 * @param {File} file
 * @returns {Promise<import('./conversation.js').TextFile>} Rejects with a sentence where it is no text or too large.
 */
export async function readTextFile(file) {
  if (file.size > largestFile) {
    const [size, limit] = [formatBytes(file.size), formatBytes(largestFile)];
    const told = size === limit ? `a little more than ${limit}` : size;
    throw new Error(`“${file.name}” has ${told}; a text file may have ${limit}.`);
  }
  /** @type {ArrayBuffer} */
  let bytes;
  try {
    bytes = await file.arrayBuffer();
  } catch {
    throw new Error(`“${file.name}” cannot be read. Folders cannot be added, only files.`);
  }
  const text = decode(new Uint8Array(bytes));
  if (text === null)
    throw new Error(`“${file.name}” is not a text file. The model reads text, code, Markdown, CSV and the like.`);
  if (!text.trim()) throw new Error(`“${file.name}” is empty.`);
  return { name: shownName(file.name), text: text.replace(/\r\n?/g, '\n') };
}

/** @param {Uint8Array} bytes @returns {string | null} Null where it is no text. */
function decode(bytes) {
  const mark =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(mark, { fatal: true }).decode(bytes);
    // A PDF may be valid UTF-8, and so may be a file full of zeros.
    return text.startsWith('%PDF-') || text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}
