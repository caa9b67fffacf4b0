// node embed.mjs MODULE MODEL THREADS, an `embed` command without its id as JSON on standard input. Prints the vectors, or the
// error.

import { readFileSync } from 'node:fs';
import { ModuleHost } from './module-host.mjs';

const [modulePath, modelPath, threads] = process.argv.slice(2);
const host = await ModuleHost.start(modulePath, { threads: Number(threads) });
host.load(modelPath, {});
const events = host.run({ type: 'embed', ...JSON.parse(readFileSync(0, 'utf8')) });
const vectors = events.filter(({ type }) => type === 'embedded').map(({ vector }) => [...vector]);
console.log(JSON.stringify({ vectors, error: events.find(({ type }) => type === 'failed')?.error }));
await host.stop();
