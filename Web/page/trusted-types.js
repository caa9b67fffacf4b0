/**
 * The page's Content Security Policy lets no text become markup, a script, or the address of one. Workers need such an
 * address: this names the only ones there are, those of this page's own files.
 */

const { trustedTypes } = /** @type {any} */ (globalThis);

trustedTypes?.createPolicy('default', {
  createScriptURL: (/** @type {string} */ address) => {
    const { origin, protocol } = new URL(address, document.baseURI);
    // A `blob:` address has the page's origin too, and holds whatever somebody put there.
    return origin === location.origin && protocol === location.protocol ? address : null;
  },
});
