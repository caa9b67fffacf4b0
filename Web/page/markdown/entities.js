/** Named characters such as `&copy;`: the usual ones at once, the whole table once a text has another one. */

/** @type {Record<string, string>} */
let table = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', copy: '©', reg: '®', trade: '™', deg: '°' },
  ...{ hellip: '…', mdash: '—', ndash: '–', lsquo: '‘', rsquo: '’', ldquo: '“', rdquo: '”', laquo: '«', raquo: '»' },
  ...{ times: '×', divide: '÷', plusmn: '±', le: '≤', ge: '≥', ne: '≠', rarr: '→', larr: '←', bull: '•', middot: '·' },
};
/** @type {Promise<void> | undefined} */
let loading;
let isWhole = false;
/** @type {Set<() => void>} */
const waiting = new Set();

/** @param {string} reference Such as `&copy;`. @returns {string} Its text, or the reference when it names nothing. */
export function decodeEntity(reference) {
  const name = reference.slice(1, -1);
  if (Object.hasOwn(table, name)) return table[name];
  if (!isWhole) loadEntities();
  return reference;
}

/** Loads the whole table, then tells who showed a reference as it was written. */
export function loadEntities() {
  loading ??= import('../../vendor/entities/entities.js').then(
    (module) => {
      table = module.default;
      isWhole = true;
      for (const tell of waiting) tell();
      waiting.clear();
    },
    // Without a network, and not kept yet: the next text tries again.
    () => (loading = undefined),
  );
  return loading;
}

/** @param {() => void} listener Called once if the table is being loaded, when it is there. */
export function whenEntitiesArrive(listener) {
  if (loading && !isWhole) waiting.add(listener);
}
