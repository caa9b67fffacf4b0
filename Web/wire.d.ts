/** What can be asked of the engine, and what it answers. */

/** What computes: the faster one of both here, the graphics card, or the processor. */
export type DeviceChoice = 'auto' | 'gpu' | 'cpu';
export type Device = 'cpu' | 'gpu';

export type Command =
  | ({ type: 'load'; id: number; model: string } & LoadSettings)
  | { type: 'cancelLoad' }
  | { type: 'unload'; id: number }
  | { type: 'generate'; id: number; input: GenerationInput; options?: WireOptions; conversation?: string }
  | { type: 'cancel'; id: number }
  | { type: 'cancelAll' }
  | { type: 'tokenize'; id: number; text: string; addSpecial?: boolean; parseSpecial?: boolean }
  | { type: 'detokenize'; id: number; tokens: number[] }
  | { type: 'applyTemplate'; id: number; chat: ChatInput }
  | ({ type: 'embed'; id: number; texts: readonly string[] } & EmbedSettings)
  | { type: 'forget'; conversation: string };

/** How a text's vector is made of its tokens': their mean, the first or the last one; `rank` gives scores instead. */
export type Pooling = 'mean' | 'cls' | 'last' | 'rank';

export interface EmbedSettings {
  /** For a model that ranks: what the texts answer. */
  query?: string;
  /** What the model's file says when left out. */
  pooling?: Pooling | null;
  /** Whether vectors have length 1, so that their products are cosines; true unless said otherwise. */
  normalize?: boolean;
  /** Whether a text that is longer than the context loses its end; false unless said otherwise, and then it is an error. */
  truncate?: boolean;
}

export interface LoadSettings {
  contextLength?: number;
  threads?: number;
  sequences?: number;
  device?: DeviceChoice;
}

/** A part of what a message says. */
export interface TextPart {
  type: 'text';
  text: string;
}

/** One message of a conversation. Other keys (`tool_calls`, `name`) reach the model's template as they are. */
export interface ChatMessage {
  /** `system`, `developer`, `user`, `assistant`, `tool`, `function`, or one that the model's template names. */
  role: string;
  /** Null in a message that only calls tools. */
  content?: string | readonly TextPart[] | null;
  [key: string]: unknown;
}

export interface ChatInput {
  messages: readonly ChatMessage[];
  /** Whether the prompt ends where the assistant's reply begins; true unless said otherwise. */
  addGenerationPrompt?: boolean;
  tools?: readonly unknown[];
  /** Further variables of the template. */
  variables?: Record<string, unknown>;
}

export type GenerationInput = { chat: ChatInput } | { text: string } | { tokens: readonly number[] };

/** How to generate; what is left out takes the model's recommended value. */
export interface WireOptions {
  /** Most tokens to generate; as many as the context holds when left out. */
  maxTokens?: number;
  /** 0 is greedy. */
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  typicalP?: number;
  repeatPenalty?: number;
  repeatLastN?: number;
  frequencyPenalty?: number;
  presencePenalty?: number;
  logitBias?: readonly { token: number; bias: number }[];
  /** Same seed, same text. */
  seed?: number | bigint;
  /** Strings that end the reply and are not part of it. */
  stop?: readonly string[];
  stopTokens?: readonly number[];
  /** 0: the generated token's log-probability; n: also the n likeliest tokens. */
  logprobs?: number;
  ignoresEndOfGeneration?: boolean;
  /** What to do with a conversation that is longer than the context; `fail` unless said otherwise. */
  overflow?: 'fail' | 'dropOldestMessages';
  /** Verifies several tokens in one pass where the text repeats; true unless said otherwise. The reply is the same. */
  speculation?: boolean;
}

export type Event =
  | { type: 'state'; state: ModelState }
  | { type: 'progress'; progress: LoadProgress }
  | { type: 'loaded'; id: number; info: ModelInfo }
  | { type: 'unloaded'; id: number }
  | { type: 'started'; id: number; promptTokens: number[]; cachedCount: number; seed: bigint }
  | { type: 'prompt'; id: number; done: number; total: number }
  | { type: 'text'; id: number; text: string; tokens: GeneratedToken[] }
  | { type: 'finished'; id: number; reason: FinishReason; timings: Timings }
  | { type: 'failed'; id: number; error: ErrorRecord }
  | { type: 'tokens'; id: number; tokens: number[] }
  | { type: 'rendered'; id: number; text: string }
  | { type: 'embedded'; id: number; index: number; count: number; tokens: number; vector: Float32Array }
  | { type: 'fetch'; id: number; model: string; entry: CatalogModel | null }
  | { type: 'cancelFetch'; id: number }
  | { type: 'openDevice'; id: number; model: string }
  | { type: 'rememberDevice'; device: Device; model: string }
  | { type: 'openPrefix'; id: number; conversation: string }
  | { type: 'closePrefix'; id: number }
  | { type: 'deletePrefix'; conversation: string };

export type LoadingStep = 'idle' | 'downloading' | 'compiling' | 'ready' | 'error';
export type FinishReason = 'stop' | 'length' | 'aborted';

/** What a user interface shows about the model. */
export interface ModelState {
  /** The model that is loading or ready, or whose load failed. */
  currentModel: string | null;
  isLoading: boolean;
  /** 0…1 over the whole load. */
  downloadProgress: number;
  loadingStep: LoadingStep;
  error: ErrorRecord | null;
  availableModels: CatalogModel[];
}

/** How far a load has come; never goes back within one load. */
export interface LoadProgress {
  /** 0…1 over the whole load. */
  progress: number;
  bytes: number;
  /** 0 when not known yet. */
  totalBytes: number;
  /** Seconds since the load began. */
  timeElapsed: number;
  /** Seconds left, or null when there is nothing to estimate from. */
  remaining: number | null;
  step: LoadingStep;
  /** One line for people. */
  text: string;
  /** In the browser: whether a server asked to wait before the next try; `text` says which one and how long. */
  isWaiting?: boolean;
}

export interface ErrorRecord {
  /** Stable, for programs. */
  code: string;
  /** For people. */
  message: string;
  /** What was asked for: bytes (`not-enough-memory`) or tokens (`context-overflow`); 0 elsewhere. */
  need: number;
  /** What there is, in the same unit. */
  limit: number;
}

export interface CatalogModel {
  id: string;
  name: string;
  tier: 'quick' | 'smart' | 'genius' | 'other';
  description: string;
  parameters: number;
  quantization: string;
  file: string;
  fileSize: number;
  /** Lower-case hex. */
  sha256: string | null;
  contextLength: number;
  defaultContextLength: number;
  /** Bytes that the model needs whatever its context. */
  memoryBase: number;
  /** Bytes for each token of context. */
  memoryPerToken: number;
  license: string;
  sources: ModelSource[];
  temperature: number;
  topP: number;
}

export type ModelSource =
  | { type: 'hub'; repository: string; revision: string; file: string }
  | { type: 'pythonPackage'; name: string; version: string; member: string };

export interface ModelInfo {
  model: string;
  /** As the file calls itself, or empty. */
  name: string;
  architecture: string;
  parameters: number;
  vocabularySize: number;
  /** Tokens that a conversation may have here. */
  contextLength: number;
  trainedContextLength: number;
  hasChatTemplate: boolean;
  /** Whether it writes text; others only make vectors or rank. */
  generates: boolean;
  /** How it makes a text's vector unless told otherwise; null where its file does not say. */
  pooling: Pooling | null;
  /** Elements of a text's vector. */
  embeddingLength: number;
  weightBytes: number;
  workingBytes: number;
  threads: number;
  loadMilliseconds: number;
  device: Device;
  /** What people call the graphics card; empty for the processor. */
  deviceName: string;
  /** Why the graphics card does not compute, where it might have; else empty. */
  deviceNote: string;
  /** What may make answers worse than they should be; else empty. */
  warning: string;
}

export interface GeneratedToken {
  id: number;
  logprob: TokenScore | null;
  top: TokenScore[];
}

export interface TokenScore {
  id: number;
  logprob: number;
  bytes: Uint8Array;
}

/** What a request cost; times in milliseconds. */
export interface Timings {
  loadMilliseconds: number;
  promptCount: number;
  /** Prompt tokens that were not computed again. */
  cachedCount: number;
  /** Those of them whose keys and values were read back from where they are kept between visits. */
  restoredCount: number;
  promptMilliseconds: number;
  predictedCount: number;
  predictedMilliseconds: number;
  /** From the command's arrival to the first token. */
  firstTokenMilliseconds: number;
  /** Tokens that were guessed and verified, several in one pass. */
  draftCount: number;
  /** Those of them that were right. */
  draftAcceptedCount: number;
}

export const wireVersion: number;
/** The options of a reply that a frame holds. */
export const optionNames: readonly (keyof WireOptions)[];
export const eventKinds: Readonly<Record<Event['type'], number>>;

/** Bytes that are not a frame of this version. */
export class WireError extends Error {
  readonly code: 'bad-frame';
}

/** One command as a frame; throws a `RequestError` for values that it cannot hold. */
export function encodeCommand(command: Command): Uint8Array;

/** The event in a frame; throws `WireError`. */
export function decodeEvent(bytes: Uint8Array | ArrayBuffer): Event;
