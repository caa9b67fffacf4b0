// deno run conversation.js SITE: a conversation whose device changes from question to question.
//
// In: { model, turns: [[device, question]] }. Out: for each turn a line { info, tokens, fresh }: what a manager says that has gone
// through all turns, and one that begins with this one, both given the history.

const [site] = Deno.args;
const { InferenceManager } = await import(`${site}inference-manager.js`);
const { model, turns } = JSON.parse(await new Response(Deno.stdin.readable).text());

const answer = async (manager, device, messages) => {
  await manager.initialize(model, undefined, { device, contextLength: 1024 });
  const reply = manager.generate(messages, { temperature: 0, maxTokens: 24, ignoresEndOfGeneration: true, speculation: false });
  const { text, tokens } = await reply.finished;
  return { text, tokens: tokens.map(({ id }) => id) };
};

const manager = new InferenceManager();
const messages = [];
for (const [device, content] of turns) {
  messages.push({ role: 'user', content });
  const { text, tokens } = await answer(manager, device, messages);
  const other = new InferenceManager();
  const { tokens: fresh } = await answer(other, device, messages);
  other.terminate();
  console.log(JSON.stringify({ info: manager.info, tokens, fresh }));
  messages.push({ role: 'assistant', content: text });
}
Deno.exit(0);
