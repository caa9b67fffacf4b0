/** What the names of GGUF files say: quantization, and place among the parts of a split model. */

/**
 * The models of a repository, sorted by name, each with its files (the parts of a split one in order), and how many files are
 * left out: parts of models that are not all there, and projectors (`mmproj`) and importance matrices, which are no
 * language models.
 *
 * @template {{ path: string, size?: number }} File
 * @param {File[]} entries
 * @returns {{ files: (File & { parts: File[] })[], parts: number, projectors: number }} A split model is its first part, with
 *   the size of all.
 */
export function modelFiles(entries) {
  const all = entries.filter(({ path }) => /\.gguf$/i.test(path));
  const isOther = (/** @type {File} */ { path }) =>
    /mm-?proj[^/]*$/i.test(path) || (/(?:^|[-_./])imatrix\.gguf$/i.test(path) && !quantizationOf(path));
  const models = all.filter((entry) => !isOther(entry));
  const known = new Map(models.map((entry) => [entry.path, entry]));
  const files = models.flatMap((entry) => {
    const paths = partPaths(entry.path) ?? [entry.path];
    const parts = paths.flatMap((path) => known.get(path) ?? []);
    if (entry.path !== paths[0] || parts.length < paths.length) return [];
    return [{ ...entry, size: parts.reduce((sum, { size = 0 }) => sum + size, 0), parts }];
  });
  return {
    files: files.sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path))),
    parts: models.length - files.reduce((sum, { parts }) => sum + parts.length, 0),
    projectors: all.length - models.length,
  };
}

/** @param {string} path @returns {number} Of how many parts the file is one; 0 for a whole model. */
export function partsOf(path) {
  return Number(/-\d{5}-of-(\d{5})\.gguf$/i.exec(path)?.[1] ?? 0);
}

/** @param {string} path Of any part. @returns {string[] | null} Those of all parts, in order; null for a whole model. */
export function partPaths(path) {
  const [, stem, index, count, end] = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/i.exec(path) ?? [];
  if (!(Number(index) >= 1 && Number(index) <= Number(count))) return null;
  const number = (/** @type {number} */ part) => String(part + 1).padStart(5, '0');
  return Array.from({ length: Number(count) }, (_, part) => `${stem}-${number(part)}-of-${count}${end}`);
}

/**
 * The files of one model among those that somebody chose.
 *
 * @template {{ name: string }} File
 * @param {readonly File[]} files
 * @returns {{ files: File[], missing: string[] }} The first one's parts in order; `missing` are the names of those that are not there.
 */
export function partsAmong(files) {
  const names = partPaths(files[0].name);
  if (!names) return { files: files.slice(0, 1), missing: [] };
  return {
    files: names.flatMap((name) => files.find((file) => file.name === name) ?? []),
    missing: names.filter((name) => !files.some((file) => file.name === name)),
  };
}

/** @param {File | readonly File[]} model One file, or the parts of one model. @returns {readonly File[]} */
export const filesOf = (model) => [model].flat();

/**
 * The file that a quantization or a path means; null picks Q4_K_M, then Q8_0, then the first.
 *
 * @template {{ path: string, parts?: { path: string }[] }} File
 * @param {string | null} wanted
 * @param {File[]} files
 * @returns {File | undefined}
 */
export function chooseFile(wanted, files) {
  if (wanted === null) return chooseFile('Q4_K_M', files) ?? chooseFile('Q8_0', files) ?? files[0];
  const exact = files.find(({ path, parts }) => path === wanted || parts?.some((part) => part.path === wanted));
  const word = wordOf(wanted);
  // Of several (a plain one and one with an addition to its name), the shortest name is the plain one.
  return exact ?? files.filter(({ path }) => word.test(path)).sort((a, b) => a.path.length - b.path.length)[0];
}

/**
 * Finds the quantization as a whole word: `Q4_0` is in `a-Q4_0.gguf`, not in `a-Q4_0_4_4.gguf`.
 *
 * @param {string} quantization
 */
function wordOf(quantization) {
  return new RegExp(`(?<![a-z0-9])${quantization.replace(/[^\w]/g, '\\$&')}(?![a-z0-9_])`, 'i');
}

/** @param {string} path @returns {string | null} The quantization that a name carries, in upper case. */
export function quantizationOf(path) {
  const name = path.split('/').at(-1) ?? path;
  const pattern = /(?<![a-z0-9])(?:ud-)?(?:[it]?q\d(?:_[a-z0-9]+)*|bf16|f16|f32|(?:mx|nv)fp4(?:_moe)?)(?=[^a-z0-9_]|$)/gi;
  return name.match(pattern)?.at(-1)?.toUpperCase() ?? null;
}

/**
 * @param {string | null} quantization
 * @returns {boolean} Whether the engine has all formats of such a file, as far as the name tells.
 */
export function runsQuantization(quantization) {
  // Weights that were laid out for one processor, which files once had.
  return !/^Q4_0_\d/.test(quantization ?? '');
}
