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
  'call-options.js',
  'embeddings.js',
  'engine-worker.js',
  'errors.js',
  'gguf-header.js',
  'hash.wasm',
  'hub-request.js',
  'hub.js',
  'icons/icon-192.png',
  'icons/icon.svg',
  'icons/interface.svg',
  'inference-manager.js',
  'locks.js',
  'manifest.webmanifest',
  'model-file-name.js',
  'model-name.js',
  'model-argument.js',
  'model-storage.js',
  'model-store.js',
  'observable.js',
  'option-names.js',
  'page/app.js',
  'page/attachments.js',
  'page/chat.js',
  'page/composer.js',
  'page/context-meter.js',
  'page/context.js',
  'page/conversation-export.js',
  'page/conversation-markdown.js',
  'page/conversation-menu.js',
  'page/conversation.js',
  'page/conversations.js',
  'page/device.js',
  'page/dialog.js',
  'page/dom.js',
  'page/draft.js',
  'page/drop.js',
  'page/format.js',
  'page/loading-view.js',
  'page/local-files.js',
  'page/markdown/code-block.js',
  'page/markdown/entities.js',
  'page/markdown/formula.js',
  'page/markdown/formula-rules.js',
  'page/markdown/gfm-rules.js',
  'page/markdown/parser.js',
  'page/markdown/patch.js',
  'page/markdown/slices.js',
  'page/markdown/tree.js',
  'page/markdown/view.js',
  'page/message-view.js',
  'page/model-description.js',
  'page/model-dialog.js',
  'page/model-finder.js',
  'page/reasoning.js',
  'page/reply-view.js',
  'page/place.js',
  'page/plain-http.js',
  'page/presets.js',
  'page/prompt-dialog.js',
  'page/prompt.js',
  'page/reply-lock.js',
  'page/reply-writer.js',
  'page/room.js',
  'page/sampler-fields.js',
  'page/settings-dialog.js',
  'page/settings-form.js',
  'page/settings.js',
  'page/shortcuts.js',
  'page/sidebar.js',
  'page/storage-trouble.js',
  'page/text-files.js',
  'page/thread-view.js',
  'page/toast.js',
  'page/trusted-types.js',
  'page/welcome.js',
  'placement.js',
  'reply.js',
  'retry.js',
  'shared-inference-manager.js',
  'shared/continuation.js',
  'shared/engines.js',
  'shared/fair-queue.js',
  'shared/host.js',
  'shared/meeting.js',
  'styles/base.css',
  'styles/chat.css',
  'styles/dialogs.css',
  'styles/layout.css',
  'styles/loading.css',
  'styles/markdown.css',
  'styles/plain-http.css',
  'styles/models.css',
  'styles/print.css',
  'styles/tools.css',
  'swiftlet-64.wasm',
  'swiftlet-threads.wasm',
  'swiftlet.wasm',
  'vendor/entities/entities.js',
  'vendor/highlight/highlight.js',
  'vendor/markdown-it/markdown-it.js',
  'vendor/temml/Temml.woff2',
  'vendor/temml/latinmodernmath.woff2',
  'vendor/temml/temml.css',
  'vendor/temml/temml.js',
  'wasm-files.js',
  'wire-values.js',
  'wire.js',
  'worker-start.js',
  'worker.js',
  'worker/capabilities.js',
  'worker/engine.js',
  'worker/file-lock.js',
  'worker/gpu/attend-rows.wgsl',
  'worker/gpu/attend.wgsl',
  'worker/gpu/bytes.wgsl',
  'worker/gpu/choices.js',
  'worker/gpu/choose.wgsl',
  'worker/gpu/combine.wgsl',
  'worker/gpu/convolve.wgsl',
  'worker/gpu/curves.wgsl',
  'worker/gpu/device.js',
  'worker/gpu/embed.wgsl',
  'worker/gpu/experts.wgsl',
  'worker/gpu/formats.wgsl',
  'worker/gpu/gate.wgsl',
  'worker/gpu/gather.wgsl',
  'worker/gpu/grids.wgsl',
  'worker/gpu/halves.wgsl',
  'worker/gpu/heads.wgsl',
  'worker/gpu/imports.js',
  'worker/gpu/normalize.wgsl',
  'worker/gpu/product.wgsl',
  'worker/gpu/round.wgsl',
  'worker/gpu/rows.wgsl',
  'worker/gpu/session.js',
  'worker/gpu/subgroups.wgsl',
  'worker/gpu/threads.wgsl',
  'worker/gpu/tile-rounded.wgsl',
  'worker/gpu/tile.wgsl',
  'worker/gpu/top.wgsl',
  'worker/gpu/turn.wgsl',
  'worker/gpu/weigh.wgsl',
  'worker/hash-worker.js',
  'worker/hasher.js',
  'worker/helper.js',
  'worker/http-source.js',
  'worker/model-cache.js',
  'worker/model-inspection.js',
  'worker/model-loader.js',
  'worker/model-passage.js',
  'worker/model-plan.js',
  'worker/model-receiver.js',
  'worker/page-worker.js',
  'worker/prefix-files.js',
  'worker/refusals.js',
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
  };
  event.waitUntil(dropOld());
  // Not waited for: Firefox keeps the promise until every worker of a claimed page has answered, and the engine's threads
  // never do while they sleep. Until this event ends no request is answered, the model's included; Firefox gives up after a
  // minute.
  self.clients.claim();
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
