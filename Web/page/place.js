/**
 * Where one is: the open conversation in the page's address, so that a reload, the browser's back and forward and a
 * bookmark lead to it; and the last one, for a visit without an address.
 */

const storageKey = 'swiftlet-place';
const pattern = /^#\/([\w-]{1,64})$/;

/** @returns {string | null} The conversation that the address names. */
function fromAddress() {
  return pattern.exec(location.hash)?.[1] ?? null;
}

/** @returns {string | null} The conversation to begin with; null for a new one. */
export function currentPlace() {
  if (fromAddress()) return fromAddress();
  try {
    return localStorage.getItem(storageKey) || null;
  } catch {
    return null;
  }
}

/**
 * @param {string | null} id The open conversation; null while it has no messages.
 * @param {boolean} isStep Whether the browser's “back” leads to where one was before.
 */
export function rememberPlace(id, isStep) {
  try {
    localStorage.setItem(storageKey, id ?? '');
  } catch {
    // Then only the address knows.
  }
  if (id === fromAddress()) return;
  const address = id ? `#/${id}` : location.pathname + location.search;
  if (isStep) history.pushState(null, '', address);
  else history.replaceState(null, '', address);
}

/** @param {(id: string | null) => void} go */
export function onPlaceChange(go) {
  addEventListener('popstate', () => go(fromAddress()));
}
