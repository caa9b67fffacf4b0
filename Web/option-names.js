/** What an option that a call does not know was likely meant to be; loaded when somebody gives one. */

/** How other libraries and servers call what has another name here. @type {Record<string, string>} */
const aliases = {
  maxCompletionTokens: 'maxTokens',
  maxNewTokens: 'maxTokens',
  maxOutputTokens: 'maxTokens',
  maxLength: 'maxTokens',
  maxGenLen: 'maxTokens',
  nPredict: 'maxTokens',
  numPredict: 'maxTokens',
  repetitionPenalty: 'repeatPenalty',
  penaltyRepeat: 'repeatPenalty',
  penaltyLastN: 'repeatLastN',
  penaltyFreq: 'frequencyPenalty',
  penaltyPresent: 'presencePenalty',
  temp: 'temperature',
  typical: 'typicalP',
  randomSeed: 'seed',
  stopSequences: 'stop',
  stopStrings: 'stop',
  stopTokenIds: 'stopTokens',
  topLogprobs: 'logprobs',
  nProbs: 'logprobs',
  ignoreEos: 'ignoresEndOfGeneration',
  abortSignal: 'signal',
  chatTemplateKwargs: 'variables',
  numCtx: 'contextLength',
  nCtx: 'contextLength',
  ctxSize: 'contextLength',
  contextSize: 'contextLength',
  contextWindowSize: 'contextLength',
  maxSeqLen: 'contextLength',
  parallel: 'sequences',
  numThreads: 'threads',
  nThreads: 'threads',
};

/** What has no option of its own, and where it goes. @type {Record<string, string>} */
const elsewhere = {
  messages: 'The messages are the first argument.',
  prompt: 'The text to continue is the first argument.',
  system: 'It is the first message, with the role “system”.',
  systemPrompt: 'It is the first message, with the role “system”.',
  model: '`initialize` takes the model.',
  stream: 'A reply is always an async iterable; `await reply.finished` has the whole text.',
  onProgress: 'It is the second argument.',
  progressCallback: 'It is the second argument.',
  initProgressCallback: 'It is the second argument.',
  n: 'There is one reply to each call.',
  doSample: '`temperature: 0` always takes the likeliest token.',
  enableThinking: 'It is one of the model’s template: `variables: { enable_thinking: … }`.',
};

/** @param {string} name @returns {string} */
const camelCase = (name) => name.replace(/[_-]+(\w)/g, (_, letter) => letter.toUpperCase());

/**
 * One sentence or two about an option that is ignored.
 *
 * @param {string} call
 * @param {string} name
 * @param {readonly string[]} known
 */
export function describeUnknown(call, name, known) {
  const what = `Swiftlet: ${call} has no option “${name}”, so it is ignored.`;
  const camel = camelCase(name);
  if (Object.hasOwn(elsewhere, camel)) return `${what} ${elsewhere[camel]}`;
  const meant = known.includes(camel) ? camel : Object.hasOwn(aliases, camel) ? aliases[camel] : nearest(camel, known);
  if (meant && known.includes(meant)) return `${what} Did you mean “${meant}”?`;
  return `${what} It has ${known.join(', ')}.`;
}

/** @param {string} name @param {readonly string[]} known The one with fewest changes, if these are few. */
function nearest(name, known) {
  const [best] = known
    .map((candidate) => ({ candidate, changes: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.changes - b.changes);
  return best && best.changes <= Math.max(1, Math.floor(name.length / 4)) ? best.candidate : undefined;
}

/**
 * Letters to insert, delete, replace or swap with their neighbour (Damerau's edit distance, as optimal alignment).
 *
 * @param {string} a
 * @param {string} b
 */
function distance(a, b) {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      rows[row][column] = Math.min(
        rows[row - 1][column] + 1,
        rows[row][column - 1] + 1,
        rows[row - 1][column - 1] + (isSame ? 0 : 1),
        isSwap ? rows[row - 2][column - 2] + 1 : Number.POSITIVE_INFINITY,
      );
    }
  }
  return rows[a.length][b.length];
}
