// node cycles.mjs MODULE MODEL: loads, uses and unloads a model again and again. Prints linear memory after each round.

import { ModuleHost } from './module-host.mjs';

const [modulePath, modelPath] = process.argv.slice(2);
const host = await ModuleHost.start(modulePath);
const rounds = [];
for (let round = 0; round < 5; round += 1) {
  host.load(modelPath, { contextLength: 512 });
  host.run({ type: 'generate', input: { text: 'Hello' }, options: { temperature: 0, maxTokens: 4 } });
  host.run({ type: 'unload' });
  rounds.push({ used: host.exports.swiftlet_memory_used(), reserved: host.exports.swiftlet_memory_reserved() });
}
console.log(JSON.stringify(rounds));
