/**
 * How workers start. Browsers start one only from the page's own origin; scripts that lie elsewhere, as on a CDN, begin with a
 * line of the page's own that imports them, for which their server must allow other origins (CORS).
 */

/** @param {string | URL} url @returns {boolean} Whether it lies on another origin than the page. */
export function isElsewhere(url) {
  const { protocol, origin } = new URL(url);
  return /^https?:$/.test(protocol) && origin !== self.origin;
}

/** @param {string | URL} url A module's on another origin. @param {string} name */
export function startFromElsewhere(url, name) {
  const line = `import ${JSON.stringify(String(url))};`;
  const address = URL.createObjectURL(new Blob([line], { type: 'text/javascript' }));
  const worker = new Worker(address, { type: 'module', name });
  // Not at once, as some browsers read it later.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return worker;
}
