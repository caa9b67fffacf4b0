import { ModelError } from '../errors.js';
import { partPaths } from '../model-file-name.js';
import { retrying } from '../retry.js';
import { HttpSource } from './http-source.js';
import { ModelCache } from './model-cache.js';

/**
 * The files of a model: one, or the parts of a split one in order.
 *
 * @typedef {object} ModelPlan
 * @property {string} model
 * @property {FilePlan[]} files
 *
 * Where a file's bytes may come from, and what they must be.
 *
 * @typedef {object} FilePlan
 * @property {string} file Its name in the cache.
 * @property {number} size 0 when only the source knows.
 * @property {string | null} sha256
 * @property {HttpSource[]} sources In the order to try.
 * @property {File} [picked] A file that the user chose; then there are no other sources.
 * @property {boolean} [staysOutside] Whether a picked file is read where it is each time, rather than kept.
 */

/**
 * A file, and its place in its model: `index` counts from 0; `before` and `after` are the bytes of the parts around it, as far as
 * they are known.
 *
 * @typedef {FilePlan & { model: string, part: { index: number, count: number, before: number, after: number } }} PartPlan
 */

/**
 * @param {{ model: string, entry: import('../wire.js').CatalogModel | null }} request
 * @param {{ modelsURL: string, hubURL: string }} places
 * @param {{ files: readonly File[], keep: boolean } | undefined} picked
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
    const staysOutside = picked?.keep === false;
    const plans = (picked?.files ?? []).map((one) => {
      const file = ModelCache.pickedName(`file:${one.name}`);
      return { file, size: one.size, sha256: null, sources: [], picked: one, staysOutside };
    });
    if (plans.length) return { model, files: plans };
    const absent = { file: ModelCache.pickedName(model), size: 0, sha256: null, sources: [], staysOutside };
    return (await keptPlan(model, null)) ?? { model, files: [absent] };
  }
  if (name?.kind === 'url') {
    const { href, host, pathname } = new URL(name.url);
    const source = new HttpSource(href, host);
    if (entry) return catalogPlan(entry, places, source);
    if (partPaths(pathname)) return (await keptPlan(model, host)) ?? retrying(() => splitPlan(model, href, signal), signal, onWait);
    return { model, files: [{ file: ModelCache.fileName(host + pathname), size: 0, sha256: null, sources: [source] }] };
  }
  if (name?.kind === 'repository') {
    const plan = () => repositoryPlan(model, name, places.hubURL, signal);
    return (await keptPlan(model, 'the hub')) ?? retrying(plan, signal, onWait);
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
  const { id: model, sha256, file } = entry;
  return { model, files: [{ file: ModelCache.fileName(file), size, sha256, sources }] };
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
 * @param {string | null} place What people call where it came from; null where that can give nothing.
 * @returns {Promise<ModelPlan | undefined>}
 */
async function keptPlan(model, place) {
  const kept = (await (await ModelCache.open())?.list())?.find((cached) => cached.model === model);
  if (!kept) return undefined;
  const files = (kept.parts ?? [kept]).map(({ file, size, sha256, source }) => {
    return { file, size, sha256, sources: place === null ? [] : [new HttpSource(source, place)] };
  });
  return { model, files };
}

/**
 * The parts of a split model, of which one is at this URL: how large they are is asked first, for all that will come.
 *
 * @param {string} model
 * @param {string} url
 * @param {AbortSignal} signal
 * @returns {Promise<ModelPlan>}
 */
async function splitPlan(model, url, signal) {
  const { partURLs } = await import('../hub.js');
  const { beginningOf } = await import('../hub-request.js');
  const files = partURLs(url).map(async (href) => {
    const { host, pathname } = new URL(href);
    const { size } = await beginningOf(href, 1, signal);
    return { file: ModelCache.fileName(host + pathname), size: size ?? 0, sha256: null, sources: [new HttpSource(href, host)] };
  });
  return { model, files: await Promise.all(files) };
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
  const { fileURL, findFile } = await import('../hub.js');
  const { file } = await findFile(name, hubURL, signal);
  const files = file.parts.map(({ path, size, sha256 }) => ({
    file: ModelCache.fileName(`${name.repository}/${path}`),
    size,
    sha256,
    sources: [new HttpSource(fileURL(hubURL, name.repository, path), 'the hub')],
  }));
  return { model, files };
}
