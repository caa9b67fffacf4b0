import { ModelError } from '../errors.js';
import { retrying } from '../retry.js';
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
 * @property {boolean} [staysOutside] Whether a picked file is read where it is each time, rather than kept.
 */

/**
 * @param {{ model: string, entry: import('../wire.js').CatalogModel | null }} request
 * @param {{ modelsURL: string, hubURL: string }} places
 * @param {{ file: File, keep: boolean } | undefined} picked
 * @param {AbortSignal} signal
 * @param {(error: import('../retry.js').BusyError, milliseconds: number) => void} onWait Told when the hub is asked again.
 * @returns {Promise<ModelPlan>}
 */
export async function planFor({ model, entry }, places, picked, signal, onWait) {
  // A URL means what lies there, though the catalog has a file of that name.
  if (entry && !model.includes('://')) return catalogPlan(entry, places);
  const { parseModelName } = await import('../model-name.js');
  const name = parseModelName(model, { baseURL: places.modelsURL, hubURL: places.hubURL });
  if (name?.kind === 'file') {
    const file = ModelCache.pickedName(model);
    const staysOutside = picked?.keep === false;
    return { model, file, size: picked?.file.size ?? 0, sha256: null, sources: [], picked: picked?.file, staysOutside };
  }
  if (name?.kind === 'url') {
    const { href, host, pathname } = new URL(name.url);
    const file = ModelCache.fileName(host + pathname);
    const source = new HttpSource(href, host);
    return entry ? catalogPlan(entry, places, source) : { model, file, size: 0, sha256: null, sources: [source] };
  }
  if (name?.kind === 'repository') {
    const plan = () => repositoryPlan(model, name, places.hubURL, signal);
    return (await keptPlan(model)) ?? retrying(plan, signal, onWait);
  }
  throw new ModelError({
    code: 'model-not-found',
    message:
      `There is no model called “${model}”. ` +
      'Expected a tier, a catalog id, org/repo[:quant] or the URL of a .gguf file.',
  });
}

/**
 * @param {import('../wire.js').CatalogModel} entry
 * @param {{ modelsURL: string, hubURL: string }} places
 * @param {HttpSource} [given] Where it is to come from, and nowhere else.
 * @returns {ModelPlan}
 */
function catalogPlan(entry, { modelsURL, hubURL }, given) {
  const sources = given
    ? [given]
    : [new HttpSource(new URL(encodeURIComponent(entry.file), modelsURL).href, 'this site')];
  for (const source of given ? [] : entry.sources) {
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
 * What is kept under this name is used without asking the hub what the name means now.
 *
 * @param {string} model
 * @returns {Promise<ModelPlan | undefined>}
 */
async function keptPlan(model) {
  const kept = (await (await ModelCache.open())?.list())?.find((cached) => cached.model === model);
  if (!kept) return undefined;
  const { file, size, sha256, source } = kept;
  return { model, file, size, sha256, sources: [new HttpSource(source, 'the hub')] };
}

/**
 * Finds the file that `org/repo[:quant]` means.
 *
 * @param {string} model
 * @param {{ repository: string, wanted: string | null }} name
 * @param {string} hubURL
 * @param {AbortSignal} signal
 * @returns {Promise<ModelPlan>}
 */
async function repositoryPlan(model, name, hubURL, signal) {
  const { findFile } = await import('../hub.js');
  const { file, url } = await findFile(name, hubURL, signal);
  return {
    model,
    file: ModelCache.fileName(`${name.repository}/${file.path}`),
    size: file.size,
    sha256: file.sha256,
    sources: [new HttpSource(url, 'the hub')],
  };
}
