/**
 * The frames between the page and the engine, as `Documentation/WireFormat.md` describes them byte by byte.
 *
 * A frame is "SWLT", a version byte, a kind byte, two zero bytes, the request's number and the payload's length (both
 * 32-bit little-endian), then the payload.
 */

import { FrameReader, FrameWriter, WireError } from './wire-values.js';

export { WireError };

export const wireVersion = 1;

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
});

const tiers = /** @type {const} */ (['quick', 'smart', 'genius', 'other']);
const steps = /** @type {const} */ (['idle', 'downloading', 'compiling', 'ready', 'error']);
const finishReasons = /** @type {const} */ (['stop', 'length', 'aborted']);
const overflowPolicies = /** @type {const} */ (['fail', 'dropOldestMessages']);

/**
 * One command as a frame.
 *
 * @param {import('./wire.js').Command} command
 * @returns {Uint8Array}
 */
export function encodeCommand(command) {
  const kind = commandKinds[command.type];
  if (!kind) throw new TypeError(`“${command.type}” is not a command.`);
  const writer = new FrameWriter(kind, 'id' in command ? command.id : 0);
  switch (command.type) {
    case 'load':
      writer.string(command.model);
      writer.uint32(command.contextLength ?? 0);
      writer.uint32(command.threads ?? 0);
      break;
    case 'generate':
      writeInput(writer, command.input);
      writeOptions(writer, command.options ?? {});
      break;
    case 'tokenize':
      writer.string(command.text);
      writer.bool(command.addSpecial ?? true);
      writer.bool(command.parseSpecial ?? false);
      break;
    case 'detokenize':
      writer.list(command.tokens, (token) => writer.int32(token));
      break;
    case 'applyTemplate':
      writeChat(writer, command.chat);
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
    writer.string(input.text);
  } else {
    writer.byte(2);
    writer.list(input.tokens, (token) => writer.int32(token));
  }
}

/** @param {FrameWriter} writer @param {import('./wire.js').ChatInput} chat */
function writeChat(writer, chat) {
  writer.list(chat.messages, (message) => {
    const { role, content, ...extra } = message;
    writer.string(role);
    writer.string(typeof content === 'string' ? content : '');
    const more = typeof content === 'string' || content === undefined ? extra : { ...extra, content };
    writer.string(Object.keys(more).length ? JSON.stringify(more) : '');
  });
  writer.bool(chat.addGenerationPrompt ?? true);
  writer.string(chat.tools ? JSON.stringify(chat.tools) : '');
  writer.string(chat.variables ? JSON.stringify(chat.variables) : '');
}

/** @param {FrameWriter} writer @param {import('./wire.js').WireOptions} options */
function writeOptions(writer, options) {
  const count = (/** @type {number} */ value) => writer.count(value);
  const float = (/** @type {number} */ value) => writer.float(value);
  writer.optional(options.maxTokens, count);
  writer.optional(options.temperature, float);
  writer.optional(options.topK, count);
  writer.optional(options.topP, float);
  writer.optional(options.minP, float);
  writer.optional(options.typicalP, float);
  writer.optional(options.repeatPenalty, float);
  writer.optional(options.repeatLastN, (value) => writer.int32(value));
  writer.optional(options.frequencyPenalty, float);
  writer.optional(options.presencePenalty, float);
  writer.optional(options.seed, (seed) => writer.uint64(seed));
  writer.optional(options.logprobs, count);
  writer.list(options.logitBias ?? [], ({ token, bias }) => {
    writer.int32(token);
    writer.float(bias);
  });
  writer.list(options.stop ?? [], (stop) => writer.string(stop));
  writer.list(options.stopTokens ?? [], (token) => writer.int32(token));
  writer.bool(options.ignoresEndOfGeneration ?? false);
  const overflow = overflowPolicies.indexOf(options.overflow ?? 'fail');
  if (overflow < 0) throw new TypeError(`“${options.overflow}” is not a policy for a prompt over the context.`);
  writer.byte(overflow);
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
    case eventKinds.fetch:
      return { type: 'fetch', id, model: reader.string(), entry: reader.optional(() => readModel(reader)) };
    case eventKinds.cancelFetch:
      return { type: 'cancelFetch', id };
    default:
      throw new WireError(`Bad frame: expected an event, found kind ${kind}.`);
  }
}

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
    weightBytes: reader.size(),
    workingBytes: reader.size(),
    threads: reader.count(),
    loadMilliseconds: reader.double(),
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
    promptMilliseconds: reader.double(),
    predictedCount: reader.count(),
    predictedMilliseconds: reader.double(),
    firstTokenMilliseconds: reader.double(),
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
