import { byId } from './dom.js';
import { toast } from './toast.js';

/**
 * Loads a `.gguf` file that is dropped anywhere on the page.
 *
 * @param {(file: File) => void} load
 */
export function acceptDrops(load) {
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
  addEventListener('drop', (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    target.hidden = true;
    const [file] = event.dataTransfer?.files ?? [];
    if (file?.name.toLowerCase().endsWith('.gguf')) load(file);
    else toast('That is not a .gguf file.');
  });
}
