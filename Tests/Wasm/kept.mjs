// node kept.mjs MODULE MODEL THREADS: visits of one conversation, each in a module of its own. Prints for each what it
// read back and what it said: nothing kept; all kept; a bit of the second block flipped; without a name.

import { ModuleHost } from './module-host.mjs';

const [modulePath, modelPath, threads] = process.argv.slice(2);
const text = 'Once upon a time there was a keeper of a lighthouse, who wrote down the weather. '.repeat(12);
const visits = [];
let kept = new Map();
let blocks = 0;
for (const kind of ['first', 'second', 'broken', 'fresh']) {
  const host = await ModuleHost.start(modulePath, { threads: Number(threads) });
  host.kept = kept;
  host.load(modelPath, { contextLength: 2048 });
  if (kind === 'broken') {
    const [[name, file]] = kept;
    const blockSize = file.length / blocks;
    file[Math.floor(blockSize * 1.5)] ^= 1;
    kept.set(name, file);
  }
  const events = host.run({
    type: 'generate', input: { text }, options: { temperature: 0, maxTokens: 16, logprobs: 3 },
    conversation: kind === 'fresh' ? '' : 'c',
  });
  kept = host.kept;
  const { timings } = events.find(({ type }) => type === 'finished');
  const prompt = events.find(({ type }) => type === 'started').promptTokens.length;
  const tokens = events.filter(({ type }) => type === 'text').flatMap((event) => event.tokens);
  // Of the tokens, the last one has not been through the model.
  blocks = Math.floor((prompt + timings.predictedCount - 1) / 32);
  visits.push({
    restored: timings.restoredCount, prompt, tokens: tokens.map(({ id }) => id),
    logprobs: tokens.map(({ logprob, top }) => [logprob?.logprob, top.map((score) => score.logprob)]),
  });
  await host.stop();
}
console.log(JSON.stringify(visits));
