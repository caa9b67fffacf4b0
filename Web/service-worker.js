/**
 * Keeps the page and the engine for use without a network. Models are not kept here: the worker puts them in the Origin
 * Private File System, whole or in part.
 *
 * The network is asked first, so that a new version of the page is seen at the first visit it is there; what it answers
 * replaces what is kept. Without a network, or with one that does not answer soon, what is kept is used.
 */

const cacheName = 'swiftlet-page-1';
const patience = 2500;
/** All that the page and the worker may ask for; a test compares it with what there is. */
const page = [
  './',
  'errors.js',
  'icons/icon-192.png',
  'icons/icon.svg',
  'icons/interface.svg',
  'inference-manager.js',
  'manifest.webmanifest',
  'model-storage.js',
  'model-store.js',
  'observable.js',
  'page/app.js',
  'page/chat.js',
  'page/composer.js',
  'page/conversations.js',
  'page/device.js',
  'page/dom.js',
  'page/drop.js',
  'page/format.js',
  'page/loading-view.js',
  'page/markdown-inline.js',
  'page/markdown-view.js',
  'page/markdown.js',
  'page/message-view.js',
  'page/model-dialog.js',
  'page/settings-dialog.js',
  'page/settings.js',
  'page/shortcuts.js',
  'page/sidebar.js',
  'page/thread-view.js',
  'page/toast.js',
  'page/welcome.js',
  'reply.js',
  'styles/base.css',
  'styles/chat.css',
  'styles/dialogs.css',
  'styles/layout.css',
  'styles/loading.css',
  'styles/markdown.css',
  'swiftlet-threads.wasm',
  'swiftlet.wasm',
  'wire-values.js',
  'wire.js',
  'worker.js',
  'worker/capabilities.js',
  'worker/engine.js',
  'worker/file-lock.js',
  'worker/helper.js',
  'worker/http-source.js',
  'worker/model-cache.js',
  'worker/model-loader.js',
  'worker/model-plan.js',
  'worker/model-receiver.js',
  'worker/threads.js',
];

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(cacheName).then((cache) => cache.addAll(page)));
  self.skipWaiting();
});

self.addEventListener('activate', (event) => {
  const dropOld = async () => {
    const names = await caches.keys();
    await Promise.all(
      names
        .filter((name) => name.startsWith('swiftlet-page-') && name !== cacheName)
        .map((name) => caches.delete(name)),
    );
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
  return Promise.race([
    fresh.then(
      (response) => (response.ok ? response : kept),
      () => kept,
    ),
    late,
  ]);
}
