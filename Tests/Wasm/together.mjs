// node together.mjs MODULE MODEL THREADS: what requests say one after the other, and what they say together. Prints their
// tokens with log-probabilities for each way.

import { ModuleHost } from './module-host.mjs';

const [modulePath, modelPath, threads] = process.argv.slice(2);
const requests = [
  { text: 'The capital of France is', maxTokens: 24 },
  { text: 'Once upon a time there was a keeper of a lighthouse. '.repeat(20), maxTokens: 12 },
  { text: 'def fibonacci(n):\n', maxTokens: 30 },
  { text: '1, 2, 3, 4,', maxTokens: 8 },
];
const ways = [];
for (const sequences of [1, 2, 4]) {
  const host = await ModuleHost.start(modulePath, { threads: Number(threads) });
  host.load(modelPath, { contextLength: 1024, sequences });
  const before = host.events.length;
  for (const [index, { text, maxTokens }] of requests.entries()) {
    const options = { temperature: 0, maxTokens, logprobs: 3, ignoresEndOfGeneration: true };
    host.send({ type: 'generate', id: 1000 + index, input: { text }, options });
    for (let step = 0; step < 3; step += 1) host.exports.swiftlet_step();
  }
  host.settle();
  const events = host.events.slice(before);
  let [running, together] = [0, 0];
  for (const { type } of events) {
    running += type === 'started' ? 1 : type === 'finished' ? -1 : 0;
    together = Math.max(together, running);
  }
  ways.push({
    together,
    replies: requests.map((_, index) =>
      events
        .filter(({ type, id }) => type === 'text' && id === 1000 + index)
        .flatMap(({ tokens }) => tokens.map(({ id, logprob, top }) => [id, logprob?.logprob, top.map((one) => one.logprob)]))),
  });
  await host.stop();
}
console.log(JSON.stringify(ways));
