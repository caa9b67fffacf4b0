/**
 * Keeps the page and the engine for use without a network. Models are not kept here: the worker puts them in the Origin
 * Private File System, whole or in part.
 *
 * The network is asked first, so that a new version of the page is seen at the first visit it is there; what it answers
 * replaces what is kept. Without a network, or with one that does not answer soon, what is kept is used.
 */

const cacheName = 'swiftlet-page-1';
const patience = 2500;
const page = ['./', 'swiftlet.wasm', 'swiftlet-threads.wasm', 'worker.js', 'worker/helper.js', 'page/app.js', 'icons/interface.svg'];

self.addEventListener('install', (event) => {
  // The rest is kept as the page asks for it. An engine that is missing must not keep the page from being installed.
  event.waitUntil(caches.open(cacheName).then((cache) => Promise.allSettled(page.map((url) => cache.add(url)))));
  self.skipWaiting();
});

self.addEventListener('activate', (event) => {
  const dropOld = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith('swiftlet-page-') && name !== cacheName).map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(dropOld());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const base = new URL('./', self.location.href);
  const isOurs = url.origin === base.origin && url.pathname.startsWith(base.pathname);
  const path = url.pathname.slice(base.pathname.length);
  if (request.method !== 'GET' || !isOurs || /^(models|v1)\//.test(path) || request.headers.has('range')) return;
  event.respondWith(answer(request, event));
});

/** @param {Request} request @param {any} event */
async function answer(request, event) {
  const cache = await caches.open(cacheName);
  const fresh = fetch(request).then((response) => {
    if (response.ok && response.type === 'basic') event.waitUntil(cache.put(request, response.clone()));
    return response;
  });
  const kept = await cache.match(request, { ignoreSearch: request.mode === 'navigate' });
  if (!kept) return fresh;
  const late = new Promise((resolve) => setTimeout(resolve, patience, kept));
  return Promise.race([fresh.then((response) => (response.ok ? response : kept), () => kept), late]);
}
