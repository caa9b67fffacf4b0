import { partsOf } from '../model-file-name.js';
import { byId } from './dom.js';
import { toast } from './toast.js';

/**
 * Takes files that are dropped anywhere on the page: a `.gguf` is a model, others belong to the message.
 *
 * @param {(file: File, handle?: any) => void} load With the browser's handle to it, if it gives one.
 * @param {(files: File[]) => void} add
 */
export function acceptDrops(load, add) {
  const target = byId('drop-target');
  const hasFile = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragover', (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    target.hidden = false;
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) target.hidden = true;
  });
  addEventListener('drop', async (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    target.hidden = true;
    const files = [...(event.dataTransfer?.files ?? [])];
    const isModel = ({ name = '' }) => name.toLowerCase().endsWith('.gguf');
    const models = files.filter(isModel);
    const at = files.findIndex((file) => isModel(file) && !partsOf(file.name));
    // Only now can it be asked for.
    const asked = /** @type {any} */ (event.dataTransfer?.items[at])?.getAsFileSystemHandle?.();
    const others = files.filter((file) => !isModel(file));
    if (others.length) add(others);
    const left = models.filter((file) => file !== files[at]);
    if (left.length) toast(whyLeft(left, files[at]));
    if (at >= 0) load(files[at], await asked?.catch(() => undefined));
  });
}

/** @param {File[]} left Models that are not loaded. @param {File} [taken] The one that is. */
export function whyLeft(left, taken) {
  const names = (/** @type {File[]} */ files) => files.map(({ name }) => `“${name}”`).join(', ');
  const parts = left.filter(({ name }) => partsOf(name));
  const others = left.filter(({ name }) => !partsOf(name));
  const isOne = parts.length === 1;
  return [
    taken && `${names([taken])} is taken.`,
    others.length && `${names(others)} ${others.length === 1 ? 'is' : 'are'} not: the page has one model at a time.`,
    parts.length &&
      `${names(parts)} ${isOne ? 'is a part' : 'are parts'} of a model in ${partsOf(parts[0].name)} files,`,
    parts.length && 'which a tab cannot load. Take one in a single file, or merge them with llama-gguf-split.',
  ]
    .filter(Boolean)
    .join(' ');
}
