/**
 * What a name for a model means. What is none is never sent to anybody.
 *
 * @typedef {{ kind: 'file', name: string }
 *   | { kind: 'url', url: string }
 *   | { kind: 'repository', repository: string, wanted: string | null }} ModelName `wanted` is a quantization (`Q4_K_M`) or
 *   the path of a file in the repository.
 */

/** A file that the user picked is loaded under this prefix and its name. */
const pickedPrefix = 'file:';

const part = '(?!\\.+(?:[/:]|$))[A-Za-z0-9_.-]{1,96}';
const repositoryName = new RegExp(`^(${part}/${part}?)(?::([\\w./ ()+-]{1,1000}))?$`);
const isFile = (/** @type {string} */ text) => /\.gguf$/i.test(text);
const isPath = (/** @type {string} */ text) => text.split('/').every((step) => step && !/^\.{1,2}$/.test(step));

/**
 * Whether a text is an address or a path, complete or not: as words to search for it would tell others where somebody's files
 * are.
 *
 * @param {string} text
 */
export function isAddress(text) {
  return addresses.some((kind) => kind.test(text.trim()));
}

const addresses = [
  /:\/\//,
  /^(?:about|blob|data|file|ftp|https?|javascript|mailto|view-source):/i,
  /^(?:[a-z]:|\.{0,2}|~)[/\\]/i, // paths
  /^[\w.-]+:\d+\//, // a host with its port
  /^www\.|^[\w-]+(?:\.[\w-]+)+\/\S*$/i,
];

/**
 * Understands a file that was picked (`file:name`), a URL, `owner/name`, `owner/name:Q4_K_M` and `owner/name:file.gguf`, and
 * links to the hub's own pages. The catalog's names are for whoever has the catalog.
 *
 * @param {string} text
 * @param {{ baseURL: string, hubURL: string }} places What URLs are relative to, and the hub.
 * @returns {ModelName | null} Null for what is no name.
 */
export function parseModelName(text, { baseURL, hubURL }) {
  if (text.startsWith(pickedPrefix)) return { kind: 'file', name: text };
  const name = text.trim();
  const [, repository, wanted = null] = repositoryName.exec(name) ?? [];
  if (repository && (wanted ? isPath(wanted) : !isFile(name))) return { kind: 'repository', repository, wanted };
  const hasScheme = /^https?:\/\//i.test(name);
  // A sentence may end in the name of a file.
  if (!hasScheme && (!isFile(name) || /[\s:\\]/.test(name))) return null;
  const url = urlFrom(name, baseURL);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return null;
  url.hash = '';
  return hubLink(url, hubURL) ?? (isFile(url.pathname) ? { kind: 'url', url: url.href } : null);
}

/** @param {string} text @param {string} baseURL */
function urlFrom(text, baseURL) {
  try {
    return new URL(text, baseURL);
  } catch {
    return null;
  }
}

/**
 * A link to a repository's page, or to a file on its main branch.
 *
 * @param {URL} url A page's is made that of its file.
 * @param {string} hubURL
 * @returns {ModelName | null}
 */
function hubLink(url, hubURL) {
  if (url.origin !== new URL(hubURL).origin) return null;
  url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, '$1/resolve/');
  const [owner, name, , revision, ...path] = url.pathname.split('/').slice(1).map(decoded);
  const [, repository] = (name && repositoryName.exec(`${owner}/${name}`)) || [];
  if (!repository || (revision ? revision !== 'main' : isFile(repository))) return null;
  const wanted = path.join('/');
  if (wanted && (!isFile(wanted) || !isPath(wanted))) return null;
  return { kind: 'repository', repository, wanted: wanted || null };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
