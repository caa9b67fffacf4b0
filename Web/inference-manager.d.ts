import type {
  ChatInput,
  ChatMessage,
  DeviceChoice,
  EmbedSettings,
  FinishReason,
  GeneratedToken,
  LoadProgress,
  ModelInfo,
  ModelState,
  Timings,
  WireOptions,
} from './wire.js';
import type { Observable } from './observable.js';

export * from './errors.js';
export type {
  CatalogModel,
  ChatInput,
  ChatMessage,
  DeviceChoice,
  EmbedSettings,
  FinishReason,
  GeneratedToken,
  LoadProgress,
  ModelInfo,
  ModelState,
  Pooling,
  Timings,
  TextPart,
} from './wire.js';

/** Where URLs are relative, they are so to the page. */
export interface ManagerOptions {
  /** `worker.js`; beside this module when left out. Its folder `worker` lies next to it. */
  workerURL?: string | URL;
  /** `swiftlet.wasm`; beside this module when left out. `swiftlet-threads.wasm` and `swiftlet-64.wasm` lie next to it. */
  wasmURL?: string | URL;
  /** Most threads to compute with; the number of cores, up to 8, when left out. More than one needs an isolated page. */
  threads?: number;
  /** Bits of the module's addresses, whatever the model needs; chosen for each model when left out. */
  addressing?: 32 | 64;
  /** What computes where a load does not say: see {@link LoadOptions.device}. */
  device?: DeviceChoice;
  /**
   * Folder of models on the page's own origin, asked before the hub; `models/` beside this module when left out, and beside
   * the page when the module comes from another origin.
   */
  modelsURL?: string | URL;
  /** The hub of models; `https://huggingface.co` when left out. */
  hubURL?: string;
}

export interface LoadOptions {
  /** Tokens of context; the model's usual choice when left out. */
  contextLength?: number;
  threads?: number;
  /** Requests that run together, each with a context of its own; one after the other when left out. */
  sequences?: number;
  /**
   * What computes: the graphics card by way of WebGPU (`gpu`), this processor (`cpu`), or what is faster here (`auto`, as when
   * left out), where the processor takes over when the card fails.
   */
  device?: DeviceChoice;
  /** Whether a `File` is copied, so that it is here at the next visit; true when left out. */
  keep?: boolean;
  /**
   * Gives the load up: this call rejects with a `CancelledError`. Others who wait for the same load still get the model; it
   * is cancelled when the last of them has given it up.
   */
  signal?: AbortSignal;
}

export interface GenerateOptions extends Omit<WireOptions, 'stop'> {
  stop?: string | readonly string[];
  /** Ends the reply, which then finishes with the reason `aborted`. */
  signal?: AbortSignal;
  /** Tools for the model's template. */
  tools?: readonly unknown[];
  /** Further variables of the model's template. */
  variables?: Record<string, unknown>;
  /**
   * A name of the conversation that stays the same, also in later visits. With one, what was computed of it is kept in
   * this browser's file system, so that it need not be computed again; the replies are the same.
   */
  conversation?: string;
}

export interface FinishedReply {
  reason: FinishReason;
  /** Null when the reply ended before the engine heard of it. */
  timings: Timings | null;
  text: string;
  tokens: GeneratedToken[];
}

/** A reply that is being generated; iterating gives its text in pieces. */
export class Reply implements AsyncIterable<string> {
  /** Resolves when the reply has ended; rejects with a `SwiftletError` when it failed. */
  readonly finished: Promise<FinishedReply>;
  readonly text: string;
  readonly tokens: GeneratedToken[];
  readonly promptTokens: number[];
  /** Tokens of the prompt that did not have to be computed again. */
  readonly cachedCount: number;
  readonly seed: bigint | undefined;
  /** Called while the prompt goes through the model. */
  onPromptProgress?: (done: number, total: number) => void;
  /** Replies that come before this one, and how many of them are other tabs', with a `SharedInferenceManager`. */
  readonly place: { ahead: number; elsewhere: number };
  /** Called when `place` has changed. */
  onWaiting?: () => void;
  /** Ends the reply; it finishes with the reason `aborted`. */
  cancel(): void;
  [Symbol.asyncIterator](): AsyncGenerator<string, void, void>;
}

export interface RankOptions extends Pick<EmbedSettings, 'truncate'> {
  /** Rejects with a `CancelledError`. */
  signal?: AbortSignal;
}

export interface EmbedOptions extends EmbedSettings, RankOptions {}

/** The vector of a text. */
export interface TextEmbedding {
  vector: Float32Array;
  /** Tokens of the text, those included that the model expects around it. */
  tokens: number;
}

export interface CachedModel {
  model: string;
  file: string;
  /** Bytes, of all parts together. */
  size: number;
  sha256: string | null;
  source: string;
  complete: boolean;
  /** Of a split model: its files in order. */
  parts?: CachedModel[];
  /** Milliseconds since 1970. */
  savedAt: number;
}

/** The models that this browser keeps. */
export interface ModelStorage {
  /** Newest first. */
  list(): Promise<CachedModel[]>;
  has(model: string): Promise<boolean>;
  /** False when it was not there. */
  delete(model: string): Promise<boolean>;
  /** Asks the browser not to clear what is kept when disk space runs low. */
  persist(): Promise<boolean>;
  /** Bytes. */
  estimate(): Promise<{ usage: number; quota: number; persisted: boolean }>;
}

/**
 * Runs language models in a Web Worker of this page.
 *
 * Dispatches `notice` events, whose `detail` has a `code` and a `message`, for things that users may want to know.
 */
export class InferenceManager extends EventTarget {
  constructor(options?: ManagerOptions);
  readonly state: Pick<Observable<ModelState>, 'getState' | 'subscribe'>;
  readonly progress: Pick<Observable<LoadProgress | null>, 'getState' | 'subscribe'>;
  /** The loaded model, or null. */
  readonly info: ModelInfo | null;
  /** Threads that compute; 0 before the worker runs. */
  readonly threads: number;
  /** Bits of an address in the module that runs: 64 while a model is loaded that needs it. */
  readonly addressing: 32 | 64;
  readonly cache: ModelStorage;
  /** Starts the worker without loading a model; `state` then holds the available models. */
  start(): Promise<void>;
  /**
   * Loads a model, replacing the one that is loaded or loading: a tier, a catalog's id, `org/repo[:quant]`, the URL of a
   * `.gguf` (a relative one is beside the page; of a split model any part's), or a file or all parts of a model. Anything else is a `RequestError`, and nobody is asked for it.
   */
  initialize(
    model: string | File | readonly File[],
    onProgress?: (progress: LoadProgress) => void,
    options?: LoadOptions,
  ): Promise<ModelInfo>;
  /** Stops a load for all who wait for it; their `initialize` rejects with a `CancelledError`. */
  cancelLoad(): void;
  /** Frees the model and clears a load's error. */
  unload(): Promise<void>;
  /** Generates a reply to a conversation, or continues text or tokens as they are. Requests run one after the other. */
  generate(input: readonly ChatMessage[] | string | { tokens: readonly number[] }, options?: GenerateOptions): Reply;
  /** Deletes what `conversation` kept of this conversation; of all when left out. Replies do not need it. */
  forget(conversation?: string): Promise<void>;
  /** Ends every reply. */
  abort(): void;
  tokenize(text: string, options?: { addSpecial?: boolean; parseSpecial?: boolean }): Promise<number[]>;
  detokenize(tokens: number[]): Promise<string>;
  /** The vectors of texts, in their order. A model that is not made for it wants a `pooling`. */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<TextEmbedding[]>;
  /** How well texts answer a query, by a model that ranks: the larger, the better. In the order of the texts. */
  rank(query: string, texts: readonly string[], options?: RankOptions): Promise<number[]>;
  /** The prompt that the model's template makes of a conversation. */
  applyTemplate(chat: ChatInput): Promise<string>;
  /** Ends the worker and gives all its memory back. The manager can be used again. */
  terminate(): void;
}

/** The manager that a page's parts share. */
export const inferenceManager: InferenceManager;
