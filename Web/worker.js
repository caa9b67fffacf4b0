/**
 * The Web Worker that runs the engine. It decides nothing about models or replies: it instantiates the module, hands it
 * the page's commands, takes its steps, brings the bytes it asks for and posts its events.
 *
 * Messages in: `{type: 'start', …EngineOptions}` once, then `{type: 'command', frame}`, `{type: 'files', model, files, keep}` and
 * `{type: 'workerFailed', id, message}`.
 * Messages out: `{type: 'started', threads, addressing}`, `{type: 'events', frames}`, `{type: 'notice', code, message}`,
 * `{type: 'waiting', text}` while a server asks for patience, `{type: 'startWorker', id, script, port}` and
 * `{type: 'endWorker', id}` for another worker (`worker/page-worker.js`) and, as the last one, either
 * `{type: 'failed', error}` or `{type: 'move', addressing, device}`: the model being loaded needs a worker with another module.
 */

import { recordOf } from './errors.js';
import { Engine } from './worker/engine.js';
import { ModelLoader } from './worker/model-loader.js';
import { PageWorker } from './worker/page-worker.js';

/** @type {Promise<{ engine: Engine, loader: ModelLoader }> | undefined} */
let running;

/** @param {import('./worker/engine.js').EngineOptions} options */
async function start(options) {
  /** @type {Engine} */
  const engine = await Engine.start(options, {
    onEvents: (frames) => self.postMessage({ type: 'events', frames }, { transfer: frames }),
    onFetch: (request) => loader.fetch(request),
    onCancelFetch: () => loader.cancel(),
    onMove: (addressing, device) => self.postMessage({ type: 'move', addressing, device }),
    onFatal: fail,
  });
  /** @type {ModelLoader} */
  const loader = new ModelLoader(engine, options);
  self.postMessage({ type: 'started', threads: engine.threads, addressing: engine.addressing });
  return { engine, loader };
}

/** @param {unknown} error */
function fail(error) {
  self.postMessage({ type: 'failed', error: recordOf(error) });
}

self.onmessage = async ({ data }) => {
  try {
    if (data.type === 'workerFailed') return PageWorker.fail(data);
    if (data.type === 'start') running = start(data);
    const { engine, loader } = await /** @type {NonNullable<typeof running>} */ (running);
    if (data.type === 'command') engine.receive(new Uint8Array(data.frame));
    else if (data.type === 'files') loader.offer(data.model, data.files, data.keep);
  } catch (error) {
    fail(error);
  }
};
