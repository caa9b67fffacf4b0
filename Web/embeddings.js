import { check } from './call-options.js';
import { CancelledError } from './errors.js';

/**
 * Asks for the vectors of texts, and collects them.
 *
 * @param {(command: any, signal: AbortSignal | undefined, onPart: (event: any) => void) => Promise<unknown>} request
 * @param {readonly string[]} texts
 * @param {import('./inference-manager.js').EmbedOptions} options
 * @returns {Promise<import('./inference-manager.js').TextEmbedding[]>}
 */
export async function embed(request, texts, options) {
  check('embed', options, ['query', 'pooling', 'normalize', 'truncate', 'signal']);
  const { signal, ...settings } = options;
  if (signal?.aborted) throw new CancelledError({ code: 'cancelled', message: 'The request was cancelled.' });
  /** @type {import('./inference-manager.js').TextEmbedding[]} */
  const made = [];
  await request({ ...settings, type: 'embed', texts }, signal, ({ index, vector, tokens }) => {
    made[index] = { vector, tokens };
  });
  return made;
}
