import { DownloadError, ModelError } from '../errors.js';
import { HttpSource } from './http-source.js';
import { ModelCache } from './model-cache.js';

/**
 * Where a model's bytes may come from, and what they must be.
 *
 * @typedef {object} ModelPlan
 * @property {string} model
 * @property {string} file Its name in the cache.
 * @property {number} size 0 when only the source knows.
 * @property {string | null} sha256
 * @property {HttpSource[]} sources In the order to try.
 * @property {File} [picked] A file that the user chose; then there are no other sources.
 */

/** A file that the user picked is loaded under this prefix and its name. */
export const pickedPrefix = 'file:';

const repositoryName = /^([\w.-]+\/[\w.-]+?)(?::([\w.-]+))?$/;
const preferredQuantizations = ['Q4_K_M', 'Q8_0'];

/**
 * @param {{ model: string, entry: import('../wire.js').CatalogModel | null }} request
 * @param {{ modelsURL: string, hubURL: string }} places
 * @param {File | undefined} picked
 * @param {AbortSignal} signal
 * @returns {Promise<ModelPlan>}
 */
export async function planFor({ model, entry }, places, picked, signal) {
  if (model.startsWith(pickedPrefix)) {
    const file = ModelCache.fileName(model.replace(':', '-'));
    return { model, file, size: picked?.size ?? 0, sha256: null, sources: [], picked };
  }
  if (entry) return catalogPlan(entry, places);
  if (/^https?:\/\/|\.gguf$/i.test(model)) {
    const url = new URL(model, places.modelsURL);
    return {
      model,
      file: ModelCache.fileName(url.host + url.pathname),
      size: 0,
      sha256: null,
      sources: [new HttpSource(url.href, url.host)],
    };
  }
  return repositoryPlan(model, places.hubURL, signal);
}

/**
 * @param {import('../wire.js').CatalogModel} entry
 * @param {{ modelsURL: string, hubURL: string }} places
 * @returns {ModelPlan}
 */
function catalogPlan(entry, { modelsURL, hubURL }) {
  const sources = [new HttpSource(new URL(encodeURIComponent(entry.file), modelsURL).href, 'this site')];
  for (const source of entry.sources) {
    if (source.type === 'hub') sources.push(hubSource(hubURL, source.repository, source.revision, source.file));
  }
  // Without a hash the catalog's size is only a hint, which a newer file on the hub may not have.
  const size = entry.sha256 ? entry.fileSize : 0;
  return { model: entry.id, file: ModelCache.fileName(entry.file), size, sha256: entry.sha256, sources };
}

/** @param {string} hubURL @param {string} repository @param {string} revision @param {string} file */
function hubSource(hubURL, repository, revision, file) {
  return new HttpSource(
    `${hubURL}/${repository}/resolve/${encodeURIComponent(revision)}/${encodeURI(file)}`,
    'the hub',
  );
}

/**
 * Finds the file that `org/repo[:quant]` means.
 *
 * @param {string} model
 * @param {string} hubURL
 * @param {AbortSignal} signal
 * @returns {Promise<ModelPlan>}
 */
async function repositoryPlan(model, hubURL, signal) {
  const [, repository, quantization] = repositoryName.exec(model) ?? [];
  if (!repository) {
    throw new ModelError({
      code: 'model-not-found',
      message:
        `There is no model called “${model}”. ` +
        'Expected a tier, a catalog id, org/repo[:quant] or the URL of a .gguf file.',
    });
  }
  const response = await fetch(`${hubURL}/api/models/${repository}/tree/main?recursive=1`, { signal }).catch(
    (error) => {
      signal.throwIfAborted();
      throw new DownloadError(
        { code: 'offline', message: `The hub cannot be reached to look up ${repository}.` },
        { cause: error },
      );
    },
  );
  if (!response.ok) {
    throw new ModelError({
      code: 'model-not-found',
      message: `The hub answered ${response.status} for ${repository}.`,
    });
  }
  /** @type {{ path: string, size: number, lfs?: { oid?: string } }[]} */
  const entries = await response.json();
  const files = entries.filter((entry) => /\.gguf$/i.test(entry.path) && !/-of-\d+\.gguf$/i.test(entry.path));
  const named = (/** @type {string} */ name) =>
    files.find((entry) => entry.path.toLowerCase().includes(name.toLowerCase()));
  const chosen = quantization ? named(quantization) : (preferredQuantizations.map(named).find(Boolean) ?? files[0]);
  if (!chosen) {
    throw new ModelError({
      code: 'model-not-found',
      message: `${repository} has no .gguf file${quantization ? ` for ${quantization}` : ''}.`,
    });
  }
  return {
    model,
    file: ModelCache.fileName(`${repository}/${chosen.path}`),
    size: chosen.size,
    sha256: chosen.lfs?.oid ?? null,
    sources: [hubSource(hubURL, repository, 'main', chosen.path)],
  };
}
