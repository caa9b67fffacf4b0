/**
 * The frames between the page and the engine, as `Documentation/WireFormat.md` describes them byte by byte.
 *
 * A frame is "SWLT", a version byte, a kind byte, two zero bytes, the request's number and the payload's length (both
 * 32-bit little-endian), then the payload.
 */

import { refuse } from './errors.js';
import { FrameReader, FrameWriter, WireError, wireVersion } from './wire-values.js';

export { WireError, wireVersion };

const commandKinds = {
  load: 1,
  cancelLoad: 2,
  unload: 3,
  generate: 4,
  cancel: 5,
  cancelAll: 6,
  tokenize: 7,
  detokenize: 8,
  applyTemplate: 9,
  forget: 10,
  embed: 11,
};

/** Kinds of events, by their byte. */
export const eventKinds = Object.freeze({
  state: 128,
  progress: 129,
  loaded: 130,
  unloaded: 131,
  started: 132,
  prompt: 133,
  text: 134,
  finished: 135,
  failed: 136,
  tokens: 137,
  rendered: 138,
  fetch: 139,
  cancelFetch: 140,
  openPrefix: 141,
  closePrefix: 142,
  deletePrefix: 143,
  openDevice: 144,
  rememberDevice: 145,
  embedded: 146,
});

const tiers = /** @type {const} */ (['quick', 'smart', 'genius', 'other']);
const steps = /** @type {const} */ (['idle', 'downloading', 'compiling', 'ready', 'error']);
const finishReasons = /** @type {const} */ (['stop', 'length', 'aborted']);
/** What computes. */
const devices = /** @type {const} */ (['cpu', 'gpu']);
/** Who decides that. */
export const deviceChoices = /** @type {const} */ (['auto', 'gpu', 'cpu']);
/** How a text's vector is made of its tokens': by their bytes, of which 0 is what the model says. */
const poolings = /** @type {const} */ ([null, 'mean', 'cls', 'last', 'rank']);
const overflowPolicies = /** @type {const} */ (['fail', 'dropOldestMessages']);

/** @typedef {(writer: FrameWriter, value: any) => void} OptionWriter */

/** @type {OptionWriter} */
const count = (writer, value) => writer.count(value);
/** @param {number} least @param {number} most @returns {OptionWriter} */
const within = (least, most) => (writer, value) => writer.float(value, least, most);

/** The options that may be absent, in the order of the frame. @type {Record<string, OptionWriter>} */
const optionWriters = {
  maxTokens: count,
  temperature: within(0, 100),
  topK: count,
  topP: within(0, 1),
  minP: within(0, 1),
  typicalP: within(0, 1),
  repeatPenalty: within(0, 100),
  repeatLastN: (writer, value) => writer.int32(value, -1),
  frequencyPenalty: within(-100, 100),
  presencePenalty: within(-100, 100),
  seed: (writer, value) => writer.uint64(value),
  logprobs: count,
};

/** Every option of a reply that frames know. */
export const optionNames = [
  ...Object.keys(optionWriters),
  ...['logitBias', 'stop', 'stopTokens', 'ignoresEndOfGeneration', 'overflow', 'speculation'],
];

/**
 * One command as a frame.
 *
 * @param {import('./wire.js').Command} command
 * @returns {Uint8Array}
 * @throws {RequestError} When a value is not one that the command can have.
 */
export function encodeCommand(command) {
  const kind = commandKinds[command.type];
  if (!kind) throw new TypeError(`“${command.type}” is not a command.`);
  const writer = new FrameWriter(kind, 'id' in command ? command.id : 0);
  const at = (/** @type {string} */ place) => {
    writer.place = place;
    return writer;
  };
  switch (command.type) {
    case 'load':
      at('model').string(command.model);
      at('contextLength').count(command.contextLength ?? 0);
      at('threads').count(command.threads ?? 0);
      at('sequences').count(command.sequences ?? 0);
      at('device').choice(deviceChoices, command.device ?? 'auto');
      break;
    case 'generate':
      writeInput(writer, command.input);
      writeOptions(writer, command.options ?? {});
      writer.string(command.conversation ?? '');
      break;
    case 'tokenize':
      at('text').string(command.text);
      at('addSpecial').bool(command.addSpecial ?? true);
      at('parseSpecial').bool(command.parseSpecial ?? false);
      break;
    case 'detokenize':
      at('tokens').list(command.tokens, (token) => writer.int32(token));
      break;
    case 'applyTemplate':
      writeChat(writer, command.chat);
      break;
    case 'embed':
      at('texts').list(command.texts, (text) => writer.string(text));
      at('query').string(command.query ?? '');
      at('pooling').choice(poolings, command.pooling ?? null);
      at('normalize').bool(command.normalize ?? true);
      at('truncate').bool(command.truncate ?? false);
      break;
    case 'forget':
      writer.string(command.conversation);
      break;
  }
  return writer.finish();
}

/** @param {FrameWriter} writer @param {import('./wire.js').GenerationInput} input */
function writeInput(writer, input) {
  if ('chat' in input) {
    writer.byte(0);
    writeChat(writer, input.chat);
  } else if ('text' in input) {
    writer.byte(1);
    writer.place = 'text';
    writer.string(input.text);
  } else {
    writer.byte(2);
    writer.place = 'tokens';
    writer.list(input.tokens, (token) => writer.int32(token));
  }
}

/** @param {FrameWriter} writer @param {import('./wire.js').ChatInput} chat */
function writeChat(writer, chat) {
  const place = (/** @type {string} */ name) => {
    writer.place = name;
    return writer;
  };
  place('messages').list(chat?.messages, (message) => {
    const here = writer.place;
    if (typeof message !== 'object' || !message) refuse(here, 'a message with role and content', message);
    const { role, content, ...extra } = message;
    place(`${here}.role`).string(role);
    place(`${here}.content`).string(typeof content === 'string' ? content : '');
    const more = typeof content === 'string' || content === undefined ? extra : { ...extra, content };
    if (Object.keys(more).length) writer.json(more);
    else writer.string('');
  });
  place('addGenerationPrompt').bool(chat.addGenerationPrompt ?? true);
  if (!Array.isArray(chat.tools ?? [])) refuse('tools', 'a list', chat.tools);
  const { variables = null } = chat;
  if (typeof variables !== 'object' || Array.isArray(variables)) refuse('variables', 'an object', variables);
  if (chat.tools) place('tools').json(chat.tools);
  else writer.string('');
  if (variables) place('variables').json(variables);
  else writer.string('');
}

/** @param {FrameWriter} writer @param {any} options */
function writeOptions(writer, options) {
  const at = (/** @type {string} */ name) => {
    writer.place = `options.${name}`;
    return writer;
  };
  for (const [name, write] of Object.entries(optionWriters)) {
    at(name).optional(options[name], (value) => write(writer, value));
  }
  at('logitBias').list(options.logitBias ?? [], (entry) => {
    if (typeof entry !== 'object' || !entry) refuse(writer.place, 'a token and its bias', entry);
    writer.int32(entry.token);
    writer.float(entry.bias);
  });
  const { stop = [] } = options;
  at('stop').list(typeof stop === 'string' ? [stop] : (stop ?? []), (text) => writer.string(text));
  at('stopTokens').list(options.stopTokens ?? [], (token) => writer.int32(token));
  at('ignoresEndOfGeneration').bool(options.ignoresEndOfGeneration ?? false);
  at('overflow').choice(overflowPolicies, options.overflow ?? 'fail');
  at('speculation').bool(options.speculation ?? true);
}

/**
 * The event in a frame.
 *
 * @param {Uint8Array | ArrayBuffer} bytes Exactly one frame.
 * @returns {import('./wire.js').Event}
 * @throws {WireError} When the bytes are not a frame, or one of another version.
 */
export function decodeEvent(bytes) {
  const reader = new FrameReader(bytes);
  const event = readEvent(reader, reader.kind, reader.request);
  reader.finish();
  return event;
}

/** @param {FrameReader} reader @param {number} kind @param {number} id @returns {import('./wire.js').Event} */
function readEvent(reader, kind, id) {
  switch (kind) {
    case eventKinds.state:
      return { type: 'state', state: readState(reader) };
    case eventKinds.progress:
      return { type: 'progress', progress: readProgress(reader) };
    case eventKinds.loaded:
      return { type: 'loaded', id, info: readInfo(reader) };
    case eventKinds.unloaded:
      return { type: 'unloaded', id };
    case eventKinds.started: {
      const cachedCount = reader.count();
      const seed = reader.uint64();
      return { type: 'started', id, cachedCount, seed, promptTokens: reader.list(4, () => reader.int32()) };
    }
    case eventKinds.prompt:
      return { type: 'prompt', id, done: reader.count(), total: reader.count() };
    case eventKinds.text:
      return { type: 'text', id, text: reader.string(), tokens: reader.list(9, () => readToken(reader)) };
    case eventKinds.finished:
      return { type: 'finished', id, reason: reader.choice(finishReasons), timings: readTimings(reader) };
    case eventKinds.failed:
      return { type: 'failed', id, error: readError(reader) };
    case eventKinds.tokens:
      return { type: 'tokens', id, tokens: reader.list(4, () => reader.int32()) };
    case eventKinds.rendered:
      return { type: 'rendered', id, text: reader.string() };
    case eventKinds.embedded: {
      const [index, count, tokens] = [reader.count(), reader.count(), reader.count()];
      return { type: 'embedded', id, index, count, tokens, vector: reader.floats() };
    }
    case eventKinds.fetch:
      return { type: 'fetch', id, model: reader.string(), entry: reader.optional(() => readModel(reader)) };
    case eventKinds.cancelFetch:
      return { type: 'cancelFetch', id };
    case eventKinds.openDevice:
      return { type: 'openDevice', id, model: reader.string() };
    case eventKinds.rememberDevice:
      return { type: 'rememberDevice', device: reader.choice(devices), model: reader.string() };
    case eventKinds.openPrefix:
      return { type: 'openPrefix', id, conversation: reader.string() };
    case eventKinds.closePrefix:
      return { type: 'closePrefix', id };
    case eventKinds.deletePrefix:
      return { type: 'deletePrefix', conversation: reader.string() };
    default:
      throw new WireError(`Bad frame: expected an event, found kind ${kind}.`);
  }
}

/** Before the engine says anything. @type {import('./wire.js').ModelState} */
export const initialState = {
  currentModel: null,
  isLoading: false,
  downloadProgress: 0,
  loadingStep: 'idle',
  error: null,
  availableModels: [],
};

/** @param {FrameReader} reader @returns {import('./wire.js').ModelState} */
function readState(reader) {
  return {
    currentModel: reader.optional(() => reader.string()),
    isLoading: reader.bool(),
    downloadProgress: reader.double(),
    loadingStep: reader.choice(steps),
    error: reader.optional(() => readError(reader)),
    availableModels: reader.list(80, () => readModel(reader)),
  };
}

/** @param {FrameReader} reader @returns {import('./wire.js').LoadProgress} */
function readProgress(reader) {
  return {
    progress: reader.double(),
    bytes: reader.size(),
    totalBytes: reader.size(),
    timeElapsed: reader.double(),
    remaining: reader.optional(() => reader.double()),
    step: reader.choice(steps),
    text: reader.string(),
  };
}

/** @param {FrameReader} reader @returns {import('./wire.js').ErrorRecord} */
function readError(reader) {
  return { code: reader.string(), message: reader.string(), need: reader.size(), limit: reader.size() };
}

/** @param {FrameReader} reader @returns {import('./wire.js').ModelInfo} */
function readInfo(reader) {
  return {
    model: reader.string(),
    name: reader.string(),
    architecture: reader.string(),
    parameters: reader.size(),
    vocabularySize: reader.count(),
    contextLength: reader.count(),
    trainedContextLength: reader.count(),
    hasChatTemplate: reader.bool(),
    generates: reader.bool(),
    pooling: reader.choice(poolings),
    embeddingLength: reader.count(),
    weightBytes: reader.size(),
    workingBytes: reader.size(),
    threads: reader.count(),
    loadMilliseconds: reader.double(),
    device: reader.choice(devices),
    deviceName: reader.string(),
    deviceNote: reader.string(),
    warning: reader.string(),
  };
}

/** @param {FrameReader} reader @returns {import('./wire.js').GeneratedToken} */
function readToken(reader) {
  return {
    id: reader.int32(),
    logprob: reader.optional(() => readScore(reader)),
    top: reader.list(12, () => readScore(reader)),
  };
}

/** @param {FrameReader} reader @returns {import('./wire.js').TokenScore} */
function readScore(reader) {
  return { id: reader.int32(), logprob: reader.float(), bytes: reader.blob() };
}

/** @param {FrameReader} reader @returns {import('./wire.js').Timings} */
function readTimings(reader) {
  return {
    loadMilliseconds: reader.double(),
    promptCount: reader.count(),
    cachedCount: reader.count(),
    restoredCount: reader.count(),
    promptMilliseconds: reader.double(),
    predictedCount: reader.count(),
    predictedMilliseconds: reader.double(),
    firstTokenMilliseconds: reader.double(),
    draftCount: reader.count(),
    draftAcceptedCount: reader.count(),
  };
}

/** @param {FrameReader} reader @returns {import('./wire.js').CatalogModel} */
function readModel(reader) {
  return {
    id: reader.string(),
    name: reader.string(),
    tier: reader.choice(tiers),
    description: reader.string(),
    parameters: reader.size(),
    quantization: reader.string(),
    file: reader.string(),
    fileSize: reader.size(),
    sha256: reader.optional(() => reader.string()),
    contextLength: reader.count(),
    defaultContextLength: reader.count(),
    memoryBase: reader.size(),
    memoryPerToken: reader.size(),
    license: reader.string(),
    sources: reader.list(13, () => readSource(reader)),
    temperature: reader.float(),
    topP: reader.float(),
  };
}

/** @param {FrameReader} reader @returns {import('./wire.js').ModelSource} */
function readSource(reader) {
  const type = reader.choice(/** @type {const} */ (['hub', 'pythonPackage']));
  const [name, version, file] = [reader.string(), reader.string(), reader.string()];
  return type === 'hub' ? { type, repository: name, revision: version, file } : { type, name, version, member: file };
}
