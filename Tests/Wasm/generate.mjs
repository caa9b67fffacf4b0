// node generate.mjs MODULE MODEL THREADS, requests as JSON on standard input: [{"input": {…}, "options": {…}}, …].
// Prints one JSON object: what the load said, and for each request its tokens, text, reason and timings.

import { readFileSync } from 'node:fs';
import { ModuleHost } from './module-host.mjs';

const [modulePath, modelPath, threads] = process.argv.slice(2);
const requests = JSON.parse(readFileSync(0, 'utf8'));
const host = await ModuleHost.start(modulePath, { threads: Number(threads) });
const loading = host.load(modelPath, { contextLength: 2048 });
const failure = loading.find(({ type }) => type === 'failed');
const loaded = loading.find(({ type }) => type === 'loaded');

const results = failure ? [] : requests.map((request) => {
  const events = host.run({ type: 'generate', ...request });
  const finished = events.find(({ type }) => type === 'finished');
  return {
    error: events.find(({ type }) => type === 'failed')?.error,
    promptTokens: events.find(({ type }) => type === 'started')?.promptTokens,
    tokens: events.filter(({ type }) => type === 'text').flatMap(({ tokens }) => tokens.map(({ id }) => id)),
    text: events.filter(({ type }) => type === 'text').map(({ text }) => text).join(''),
    reason: finished?.reason,
    timings: finished?.timings,
  };
});
const used = host.exports.swiftlet_memory_used();
const text = (value) => typeof value === 'bigint' ? Number(value) : value;
console.log(JSON.stringify({
  error: failure?.error, info: loaded?.info, used, results,
  steps: loading.filter(({ type }) => type === 'progress').map(({ progress }) => progress.step),
  reserved: host.exports.swiftlet_memory_reserved(), kernelChanges: host.exports.swiftlet_kernel_changes(),
}, (_, value) => text(value)));
await host.stop();
