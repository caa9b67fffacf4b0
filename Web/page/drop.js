import { partsAmong, partsOf } from '../model-file-name.js';
import { byId } from './dom.js';
import { toast } from './toast.js';

/**
 * Takes files that are dropped anywhere on the page: a `.gguf` is a model, others belong to the message.
 *
 * @param {(files: File[], handles?: any[]) => void} load With the browser's handles to them, if it gives some.
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
    const taken = takeModel(files.filter(isModel));
    // Only now can they be asked for.
    const asked = taken.map((file) =>
      /** @type {any} */ (event.dataTransfer?.items[files.indexOf(file)])?.getAsFileSystemHandle?.(),
    );
    const others = files.filter((file) => !isModel(file));
    if (others.length) add(others);
    const handles = await Promise.all(asked).catch(() => []);
    if (taken.length) load(taken, handles.every(Boolean) && handles.length ? handles : undefined);
  });
}

/**
 * The one model among files that somebody chose; of the others it is said why they are not taken.
 *
 * @param {readonly File[]} models
 * @returns {File[]} Its parts in order; none when no model is whole.
 */
export function takeModel(models) {
  const whole = models.find((file) => !partsAmong([file, ...models]).missing.length);
  const taken = whole ? partsAmong([whole, ...models]).files : [];
  const left = models.filter((file) => !taken.includes(file));
  const names = (/** @type {readonly File[]} */ files) => files.map(({ name }) => `“${name}”`).join(', ');
  const parts = left.filter(({ name }) => partsOf(name));
  const others = left.filter(({ name }) => !partsOf(name));
  const isOne = parts.length === 1;
  const text = [
    taken.length && `${names(taken)} ${taken.length === 1 ? 'is' : 'are'} taken.`,
    others.length && `${names(others)} ${others.length === 1 ? 'is' : 'are'} not: the page has one model at a time.`,
    parts.length &&
      `${names(parts)} ${isOne ? 'is a part' : 'are parts'} of a model in ${partsOf(parts[0].name)} files. Choose them ` +
        `together: ${partsAmong([parts[0], ...models]).missing.join(', ') || 'one model at a time'} is missing.`,
  ];
  if (left.length) toast(text.filter(Boolean).join(' '));
  return taken;
}
