import { refuse } from './errors.js';
import { parseModelName } from './model-name.js';

/** A tier, a catalog's id or the name of a file, which only whoever has the catalog knows. */
const word = /^\w[\w.-]{0,199}$/;

/**
 * The model that a caller names, with a URL made whole; what is no name goes no further.
 *
 * @param {string} model
 * @param {{ pageURL: string, hubURL: string, files: string[] }} places `files` are the names of the catalog's files.
 * @returns {string}
 * @throws {import('./errors.js').RequestError}
 */
export function modelName(model, { pageURL, hubURL, files }) {
  const name = model.trim();
  const isFile = /\.gguf$/i.test(name);
  if (word.test(name) && (!isFile || files.some((file) => file.toLowerCase() === name.toLowerCase()))) return name;
  const parsed = parseModelName(model, { baseURL: pageURL, hubURL });
  if (parsed?.kind === 'url') return parsed.url;
  if (parsed) return model;
  return refuse('model', 'a tier, a catalog’s id, org/repo[:quantization] or the URL of a .gguf file', model);
}
