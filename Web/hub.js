import { ModelError, RequestError } from './errors.js';
import { architectures, readHeader } from './gguf-header.js';
import { beginningOf, fetchJSON } from './hub-request.js';
import { chooseFile, modelFiles, partPaths, quantizationOf, runsQuantization } from './model-file-name.js';
import { isAddress, parseModelName } from './model-name.js';
import { placeModel, surroundings } from './placement.js';

/** @typedef {import('./hub.js').ModelDescription} ModelDescription */
/** @typedef {import('./hub.js').FoundModel} FoundModel */
/** @typedef {{ path: string, size: number, sha256: string | null }} HubFile */

const defaultHub = 'https://huggingface.co';

/** Bytes of a file's beginning that tell what it is; the vocabulary, which comes after, takes megabytes. */
const headerLength = 64 * 1024;
/** What a model takes beside its file and its keys and values. */
const working = 40e6;
const usualContext = 4096;
const mostWords = 200;
/** Of a repository; those in use have some dozens. */
const mostFiles = 500;

/**
 * Searches the hub for models in the GGUF format, the most downloaded first.
 *
 * @param {string} words
 * @param {import('./hub.js').SearchOptions} [options]
 * @returns {Promise<FoundModel[]>}
 */
export async function searchModels(words, { hubURL = defaultHub, limit = 12, signal } = {}) {
  const wanted = String(words).trim();
  if (!wanted || wanted.length > mostWords) {
    throw invalid(`Expected up to ${mostWords} characters to search for, found ${wanted.length}.`);
  }
  if (isAddress(wanted)) throw invalid(`Expected words to search for, found an address: “${wanted.slice(0, 80)}”.`);
  const query = new URLSearchParams({ search: wanted, filter: 'gguf', sort: 'downloads', limit: String(limit) });
  for (const field of ['downloads', 'gated', 'tags', 'gguf']) query.append('expand[]', field);
  const answer = await fetchJSON(`${hubURL}/api/models?${query}`, signal);
  const places = { baseURL: hubURL, hubURL };
  return (Array.isArray(answer) ? answer : [])
    .filter((/** @type {any} */ entry) => typeof entry?.id === 'string')
    .filter((/** @type {any} */ entry) => parseModelName(entry.id, places)?.kind === 'repository')
    .slice(0, limit)
    .map((/** @type {any} */ entry) => {
      const { architecture, contextLength, parameters } = repositoryFacts(entry);
      return {
        name: entry.id,
        downloads: count(entry.downloads) ?? 0,
        isGated: isGated(entry),
        license: licenseOf(entry),
        architecture,
        contextLength,
        parameters,
        runs: architecture ? architectures.includes(architecture) : null,
      };
    });
}

/**
 * Tells what a model's name means, from what the hub says and from the beginning of the file's header: no weights are fetched.
 *
 * @param {string} name As `initialize` takes it.
 * @param {import('./hub.js').DescribeOptions} [options]
 * @returns {Promise<ModelDescription>}
 */
export async function describeModel(name, options = {}) {
  const { hubURL = defaultHub, baseURL = globalThis.location?.href ?? hubURL, models = [] } = options;
  const entry = models.find(({ id, tier }) => [id, tier === 'other' ? id : tier].includes(name.trim().toLowerCase()));
  if (entry) return catalogDescription(entry, options);
  const meaning = parseModelName(name, { baseURL, hubURL });
  if (meaning?.kind === 'url') return urlDescription(meaning.url, options);
  if (meaning?.kind === 'repository') return repositoryDescription(meaning, hubURL, options);
  throw invalid(
    `“${name.slice(0, 80)}” is no name of a model. Expected a catalog id, owner/name, owner/name:Q4_K_M, or the URL of a ` +
      '.gguf file.',
  );
}

/**
 * The file that a repository's name means.
 *
 * @param {{ repository: string, wanted: string | null }} name
 * @param {string} hubURL
 * @param {AbortSignal} [signal]
 */
export async function findFile({ repository, wanted }, hubURL, signal) {
  const answer = await fetchJSON(`${hubURL}/api/models/${repository}?blobs=true`, signal, repository);
  const found = modelFiles(filesOf(answer));
  const file = chooseFile(wanted, found.files);
  if (!file) throw new ModelError({ code: 'model-not-found', message: absence(repository, wanted, found) });
  return { answer, file, url: fileURL(hubURL, repository, file.path), ...found };
}

/**
 * The addresses of all parts of a split model, in order.
 *
 * @param {string} url Of any part. @returns {string[]} Of a whole model its own.
 */
export function partURLs(url) {
  const place = new URL(url);
  return (partPaths(place.pathname) ?? [place.pathname]).map((pathname) => Object.assign(new URL(url), { pathname }).href);
}

/** @param {string} hubURL @param {string} repository @param {string} path On the main branch. */
export function fileURL(hubURL, repository, path) {
  return `${hubURL}/${repository}/resolve/main/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** @param {import('./wire.js').CatalogModel} entry @param {import('./hub.js').DescribeOptions} options @returns {ModelDescription} */
function catalogDescription(entry, options) {
  return judge(
    {
      ...unknown,
      kind: 'catalog',
      name: entry.id,
      title: entry.name,
      size: entry.fileSize,
      sha256: entry.sha256,
      quantization: entry.quantization,
      license: entry.license,
      contextLength: entry.contextLength,
      parameters: entry.parameters,
      hasTemplate: true,
      runs: true,
    },
    { base: entry.memoryBase, perToken: entry.memoryPerToken, usual: entry.defaultContextLength },
    options,
  );
}

/** @param {string} url @param {import('./hub.js').DescribeOptions} options */
async function urlDescription(url, options) {
  const urls = partURLs(url);
  const [{ bytes, size: first }, ...others] = await Promise.all(
    urls.map((one, index) => beginningOf(one, index ? 1 : headerLength, options.signal)),
  );
  const size = others.reduce((sum, other) => sum && other.size && sum + other.size, first);
  const header = readHeader(bytes);
  const place = new URL(url);
  if (!header) {
    throw new ModelError({
      code: 'invalid-model',
      message: `What ${place.host} has there is no GGUF file: its first bytes are others.`,
    });
  }
  const file = fileNameOf(place);
  return judge(
    { ...unknown, kind: 'url', name: url, title: file, url, path: file, size, parts: urls.length, quantization: quantizationOf(file) },
    { header },
    options,
  );
}

/**
 * @param {{ repository: string, wanted: string | null }} meaning
 * @param {string} hubURL
 * @param {import('./hub.js').DescribeOptions} options
 */
async function repositoryDescription(meaning, hubURL, options) {
  const { repository } = meaning;
  const { answer, file, files, url, parts, projectors } = await findFile(meaning, hubURL, options.signal);
  const [license, gated] = [licenseOf(answer), isGated(answer)];
  const known = repositoryFacts(answer);
  // Whoever may not have the file may not have its beginning; and without it, the hub's word is there.
  const header = gated ? null : await headerOf(url, options.signal);
  const nameOf = (/** @type {HubFile} */ { path }) => {
    const quantization = quantizationOf(path);
    const isPlain = quantization && chooseFile(quantization, files)?.path === path;
    return `${repository}:${isPlain ? quantization : path}`;
  };
  /** @type {ModelDescription} */
  const description = {
    ...unknown,
    ...known,
    kind: 'repository',
    name: nameOf(file),
    title: repository,
    repository,
    page: `${hubURL}/${repository}`,
    url,
    path: file.path,
    size: file.size,
    parts: file.parts.length,
    sha256: file.parts.length > 1 ? null : file.sha256,
    quantization: quantizationOf(file.path),
    license,
    isGated: gated,
    choices: files.map((one) => ({
      name: nameOf(one),
      path: one.path,
      quantization: quantizationOf(one.path),
      size: one.size,
      parts: one.parts.length,
      runs: null,
      fits: null,
    })),
    leftOut: { parts, projectors },
  };
  return judge(description, { header }, options);
}

/** @type {ModelDescription} */
const unknown = {
  kind: 'url',
  name: '',
  title: '',
  repository: null,
  page: null,
  url: null,
  path: null,
  size: null,
  parts: 1,
  sha256: null,
  quantization: null,
  license: null,
  isGated: false,
  architecture: null,
  contextLength: null,
  parameters: null,
  hasTemplate: null,
  choices: [],
  leftOut: { parts: 0, projectors: 0 },
  need: null,
  runs: null,
  fits: null,
  problem: null,
};

/**
 * Adds what the header says, and whether the model can be used here.
 *
 * @param {ModelDescription} told
 * @param {{ header?: import('./gguf-header.js').GGUFFacts | null, base?: number, perToken?: number, usual?: number }} facts
 * @param {import('./hub.js').DescribeOptions} options
 * @returns {ModelDescription}
 */
function judge(told, { header, base, perToken, usual = usualContext }, { contextLength = 0, here = surroundings() }) {
  const description = {
    ...told,
    architecture: header?.architecture ? plain(header.architecture) : told.architecture,
    contextLength: header?.contextLength ?? told.contextLength,
    license: told.license ?? (header?.license ? plain(header.license) : null),
    hasTemplate: header?.hasTemplate ?? told.hasTemplate,
  };
  const { architecture, quantization, size } = description;
  if (architecture) description.runs = architectures.includes(architecture) && runsQuantization(quantization);
  const context = Math.min(contextLength || usual, description.contextLength ?? Infinity);
  const cache = (perToken ?? header?.cacheBytesPerToken ?? 0) * context;
  const fits = (/** @type {number} */ fileSize, need = fileSize + working + cache) =>
    placeModel({ need, fileSize }, here).problem === null;
  if (size) {
    description.need = Math.round((base ?? size + working) + cache);
    description.fits = fits(size, description.need);
  }
  if (header?.foreign) description.runs = false;
  const runs = architecture && !header?.foreign ? architectures.includes(architecture) : null;
  description.choices = told.choices.map((one) => ({
    ...one,
    runs: runs && runsQuantization(one.quantization),
    fits: one.size ? fits(one.size) : null,
  }));
  description.problem = problemOf(description, header, here);
  return description;
}

/**
 * @param {ModelDescription} told
 * @param {import('./gguf-header.js').GGUFFacts | null | undefined} header
 * @param {import('./placement.js').Surroundings} here
 */
function problemOf({ architecture, quantization, isGated, need, size, runs, page, parts }, header, here) {
  if (header?.foreign) {
    return { code: 'unsupported-model', message: `This is no language model. ${header.foreign}` };
  }
  if (architecture && !architectures.includes(architecture)) {
    const message = `The model's architecture is ${architecture}; this engine runs ${architectures.join(', ')}.`;
    return { code: 'unsupported-model', message };
  }
  if (runs === false) {
    return {
      code: 'unsupported-model',
      message: `This engine does not compute with ${quantization}. Choose another file.`,
    };
  }
  const split = header?.parts ?? 1;
  if (split > 1 && split !== parts) {
    const message = `This is one of ${split} parts of a model, and its name does not say where the others are.`;
    return { code: 'unsupported-model', message };
  }
  if (need && size) {
    const { problem } = placeModel({ need, fileSize: size }, here);
    if (problem) return problem;
  }
  if (isGated) {
    const message = `Its makers ask for an agreement first. Accept it at ${page}, download the file there, and choose it here.`;
    return { code: 'permission-denied', message };
  }
  return null;
}

/** @param {URL} url */
function fileNameOf({ pathname }) {
  const name = pathname.split('/').at(-1) ?? '';
  try {
    return plain(decodeURIComponent(name));
  } catch {
    return name;
  }
}

/** @param {string} url @param {AbortSignal} [signal] */
async function headerOf(url, signal) {
  try {
    return readHeader((await beginningOf(url, headerLength, signal)).bytes);
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}

/** @param {string} repository @param {string | null} wanted @param {ReturnType<typeof modelFiles<HubFile>>} found */
function absence(repository, wanted, { files, parts, projectors }) {
  if (files.length) {
    const names = [...new Set(files.map(({ path }) => quantizationOf(path) ?? path))];
    return `${repository} has no file for ${wanted}. It has ${names.slice(0, 30).join(', ')}.`;
  }
  if (parts) return `${repository} has only parts of models: of each some are missing. Choose another repository.`;
  if (projectors) return `${repository} has no language model, only a projector for pictures.`;
  return `${repository} has no .gguf file. Look for a repository of the same model whose name ends in GGUF.`;
}

/** @param {any} answer @returns {HubFile[]} The GGUF files with a usable path. */
function filesOf(answer) {
  const siblings = Array.isArray(answer?.siblings) ? answer.siblings : [];
  const files = siblings.flatMap((/** @type {any} */ sibling) => {
    const path = sibling?.rfilename;
    const steps = typeof path === 'string' && path.length <= 1000 ? path.split('/') : [''];
    if (steps.some((step) => !step || /^\.{1,2}$/.test(step)) || /[\\\p{Cc}\p{Cf}]/u.test(path)) return [];
    const hash = sibling.lfs?.sha256;
    const isHash = typeof hash === 'string' && /^[0-9a-f]{64}$/i.test(hash);
    return [{ path, size: count(sibling.size) ?? 0, sha256: isHash ? hash.toLowerCase() : null }];
  });
  return files.filter(({ path }) => /\.gguf$/i.test(path)).slice(0, mostFiles);
}

/** @param {any} answer What the hub knows of one of a repository's files. */
function repositoryFacts({ gguf }) {
  const template = gguf?.chat_template;
  return {
    architecture: typeof gguf?.architecture === 'string' ? plain(gguf.architecture) : null,
    contextLength: count(gguf?.context_length),
    parameters: count(gguf?.total),
    hasTemplate: gguf ? typeof template === 'string' && template !== '' : null,
  };
}

/** @param {any} answer */
function licenseOf({ tags, cardData }) {
  const tag = (Array.isArray(tags) ? tags : []).find((one) => typeof one === 'string' && one.startsWith('license:'));
  const license = tag?.slice('license:'.length) ?? cardData?.license;
  const name = license === 'other' ? (cardData?.license_name ?? license) : license;
  return typeof name === 'string' && name ? plain(name) : null;
}

/** @param {any} answer */
const isGated = ({ gated }) => gated === 'auto' || gated === 'manual' || gated === true;

/** @param {unknown} value @returns {number | null} */
const count = (value) => (typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null);

/** @param {string} text Of others. @returns {string} Short, and without what could change the text around it. */
const plain = (text) => text.replace(/[\p{Cc}\p{Cf}]/gu, '').slice(0, 80);

/** @param {string} message */
const invalid = (message) => new RequestError({ code: 'invalid-request', message });
