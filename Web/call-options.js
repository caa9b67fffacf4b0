/** What callers give beside the model and the messages: checked, and told when it has no meaning here. */

import { RequestError, refuse } from './errors.js';
import { partsAmong } from './model-file-name.js';
import { deviceChoices, optionNames } from './wire.js';
import { isElsewhere } from './worker-start.js';

/** What relative URLs of a caller are relative to: the page, wherever the modules lie. */
export const pageURL = globalThis.document?.baseURI ?? globalThis.location?.href;

const managerNames = ['workerURL', 'wasmURL', 'threads', 'addressing', 'device', 'modelsURL', 'hubURL'];
const loadNames = ['contextLength', 'threads', 'sequences', 'device', 'keep', 'signal'];
/** What was told already, so that it is told once. */
const told = new Set();

/** @param {string} call @param {any} options @param {string[]} known Other names are warned of. */
export function check(call, options, known) {
  if (typeof options !== 'object' || !options) refuse('options', 'an object', options);
  const { signal } = options;
  if (signal && !('aborted' in Object(signal))) refuse('options.signal', 'an AbortSignal', signal);
  for (const name of Object.keys(options)) {
    if (known.includes(name) || told.has(call + name)) continue;
    told.add(call + name);
    import('./option-names.js').then(({ describeUnknown }) => console.warn(describeUnknown(call, name, known)));
  }
}

/**
 * A manager's options with whole URLs.
 *
 * @param {any} options
 * @param {string} moduleURL Beside it lie the page's own models, unless it came from another origin.
 * @returns {import('./inference-manager.js').ManagerOptions & { modelsURL: string, hubURL: string }}
 */
export function managerOptions(options, moduleURL) {
  check('InferenceManager', options, managerNames);
  const { threads = 0, addressing, device = 'auto', hubURL = 'https://huggingface.co', modelsURL } = options;
  if (!Number.isInteger(threads) || threads < 0) refuse('options.threads', 'a whole number', threads);
  if (![undefined, 32, 64].includes(addressing)) refuse('options.addressing', '32 or 64', addressing);
  checkDevice(device);
  const whole = (/** @type {string} */ name, url = options[name]) => {
    if (url === undefined) return undefined;
    try {
      return new URL(url.href ?? url, pageURL).href;
    } catch {
      return refuse(`options.${name}`, 'a URL', url);
    }
  };
  return {
    threads,
    addressing,
    device,
    workerURL: whole('workerURL'),
    wasmURL: whole('wasmURL'),
    modelsURL: whole('modelsURL', modelsURL ?? new URL('./models/', isElsewhere(moduleURL) ? pageURL : moduleURL)),
    hubURL: whole('hubURL', hubURL).replace(/\/$/, ''),
  };
}

/** @param {any} device */
function checkDevice(device) {
  if (!deviceChoices.includes(device)) refuse('options.device', '“auto”, “gpu” or “cpu”', device);
}

/**
 * @param {any} model @param {any} onProgress @param {any} options
 * @returns {string | File[]} A name, or a model's files in order.
 */
export function checkLoad(model, onProgress, options) {
  check('initialize', options, loadNames);
  checkDevice(options.device ?? 'auto');
  if (onProgress && typeof onProgress !== 'function') refuse('onProgress', 'a function', onProgress);
  if (typeof model === 'string') return model;
  const given = model instanceof File ? [model] : model;
  if (!Array.isArray(given) || !given.length || !given.every((one) => one instanceof File))
    refuse('model', 'a name, a URL, a File or the Files of a split model', model);
  const { files, missing } = partsAmong(given);
  if (missing.length) {
    const message = `“${given[0].name}” is a part of a model in ${files.length + missing.length} files. Missing: ${missing.join(', ')}.`;
    throw new RequestError({ code: 'invalid-request', message });
  }
  if (files.length < given.length) refuse('model', 'the files of one model', given.map(({ name }) => name).join(', '));
  return files;
}

/** @param {number} id @param {any} input @param {any} options @returns {any} The command that `generate` stands for. */
export function generation(id, input, options) {
  check('generate', options, [...optionNames, 'conversation', 'tools', 'variables', 'signal']);
  const { tools, variables, conversation } = options;
  if (conversation !== undefined && typeof conversation !== 'string')
    refuse('options.conversation', 'a text', conversation);
  const isTokens = typeof input === 'object' && input && 'tokens' in input;
  return {
    type: 'generate',
    id,
    input:
      typeof input === 'string'
        ? { text: input }
        : isTokens
          ? { tokens: input.tokens }
          : { chat: { messages: input, tools, variables } },
    options,
    conversation,
  };
}
