// deno run answers.js SITE: has models answer, one after the other, loaded by one manager.
//
// In: a list of { model, device, contextLength, sequences, batches: [[[input, options]]] }; the requests of a batch are answered
// together, the batches one after the other. Out: for each a line { info, loadMilliseconds, batches: [{ milliseconds, replies }] }, or one
// { code, message } where it failed.

const [site] = Deno.args;
const { InferenceManager } = await import(`${site}inference-manager.js`);
const manager = new InferenceManager();
const greedy = { temperature: 0, ignoresEndOfGeneration: true, speculation: false };

const answer = async (input, options) => {
  const { text, tokens } = await manager.generate(input, { ...greedy, ...options }).finished;
  return { text, tokens: tokens.map(({ id, top }) => ({ id, top: top.map((one) => [one.id, one.logprob]) })) };
};

const load = async ({ model, device, contextLength, sequences, batches }) => {
  const began = performance.now();
  const info = await manager.initialize(model, undefined, { device, contextLength, sequences });
  const result = { info, loadMilliseconds: performance.now() - began, batches: [] };
  for (const requests of batches) {
    const start = performance.now();
    const replies = await Promise.all(requests.map((request) => answer(...request)));
    result.batches.push({ milliseconds: performance.now() - start, replies });
  }
  return result;
};

for (const job of JSON.parse(await new Response(Deno.stdin.readable).text())) {
  const result = await load(job).catch(({ code, message }) => ({ code, message }));
  console.log(JSON.stringify(result));
}
// Connections that nobody uses any more would keep it for a minute.
Deno.exit(0);
