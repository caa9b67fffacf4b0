/** What the names of GGUF files say: quantization, and place among the parts of a split model. */

/**
 * The files of a repository that one download can be, sorted by name, and what is left out: models in several parts, which a
 * tab cannot load, and projectors (`mmproj`), which are no language models.
 *
 * @template {{ path: string }} File
 * @param {File[]} entries
 * @returns {{ files: File[], parts: number, projectors: number }}
 */
export function modelFiles(entries) {
  const all = entries.filter(({ path }) => /\.gguf$/i.test(path));
  const isProjector = (/** @type {File} */ { path }) => /mmproj[^/]*$/i.test(path);
  const isPart = (/** @type {File} */ { path }) => partsOf(path) > 0;
  return {
    files: all
      .filter((entry) => !isProjector(entry) && !isPart(entry))
      .sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path))),
    parts: all.filter((entry) => isPart(entry) && !isProjector(entry)).length,
    projectors: all.filter(isProjector).length,
  };
}

/** @param {string} path @returns {number} Of how many parts the file is one; 0 for a whole model. */
export function partsOf(path) {
  return Number(/-\d{5}-of-(\d{5})\.gguf$/i.exec(path)?.[1] ?? 0);
}

/**
 * The file that a quantization or a path means; null picks Q4_K_M, then Q8_0, then the first.
 *
 * @template {{ path: string }} File
 * @param {string | null} wanted
 * @param {File[]} files
 * @returns {File | undefined}
 */
export function chooseFile(wanted, files) {
  if (wanted === null) return chooseFile('Q4_K_M', files) ?? chooseFile('Q8_0', files) ?? files[0];
  const exact = files.find(({ path }) => path === wanted);
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
