import type { InferenceManager, LoadOptions, LoadProgress, ManagerOptions, ModelInfo } from './inference-manager.js';
import type { ModelStoreState } from './model-store.js';
import type { Observable, Subscribe } from './observable.js';
import type { DeviceChoice } from './wire.js';

export interface SharedOptions extends ManagerOptions {
  /** Tabs whose managers have the same name, and whose modules lie in the same place, share one engine. */
  name?: string;
}

export interface SharedLoadOptions extends LoadOptions {
  /** Takes the model that is loaded or loading instead, if there is one. */
  unlessLoaded?: boolean;
  /** Loads also what is loaded already, as when the browser no longer keeps its file. */
  again?: boolean;
}

/** The state of the engine that all tabs share, and of the model that is to take the place of the one that answers. */
export interface EngineState extends ModelStoreState {
  /** While it loads, or why it did not. */
  next: ModelStoreState | null;
  threads: number;
  addressing: 32 | 64;
  /** What the load under way may use, or else the last one that went well; null before the first. */
  device: DeviceChoice | null;
  /** What the last load that went well was allowed to use. */
  loadedDevice: DeviceChoice | null;
  /** A load waits for the replies under way to end. */
  waitsForReplies: boolean;
}

export interface EngineStore {
  getState(): EngineState;
  subscribe: Subscribe<EngineState>;
  cancelDownload(): void;
}

/**
 * An `InferenceManager` whose model all tabs of this origin share. One of them runs it; when that is closed, another one
 * takes over, and replies go on after their last token.
 *
 * A model that takes the place of another one loads beside it where memory allows; otherwise the replies under way end
 * first, and the old model comes back when the new one does not load.
 */
export class SharedInferenceManager extends EventTarget implements Omit<InferenceManager, 'state'> {
  constructor(options?: SharedOptions);
  readonly state: Pick<Observable<EngineState>, 'getState' | 'subscribe'>;
  readonly progress: Pick<Observable<LoadProgress | null>, 'getState' | 'subscribe'>;
  readonly info: ModelInfo | null;
  readonly threads: number;
  readonly addressing: 32 | 64;
  readonly cache: InferenceManager['cache'];
  /** The model that was asked for last, in whichever tab. */
  readonly asked: string | File | readonly File[] | null;
  start(): Promise<void>;
  /** Loads a model for all tabs. */
  initialize(
    model: string | File | readonly File[],
    onProgress?: (progress: LoadProgress) => void,
    options?: SharedLoadOptions,
  ): Promise<ModelInfo>;
  /** Stops a load for all, whichever tab asked for it. A `signal` gives it up for one caller only. */
  cancelLoad(): void;
  /** Forgets why the last model did not load, while another one answers. */
  dismiss(): void;
  /** Frees the model of all tabs, once the reply under way has ended. */
  unload(): Promise<void>;
  /** As `InferenceManager.generate`; the replies of several tabs take turns. */
  generate: InferenceManager['generate'];
  /** Ends every reply of this tab. */
  abort(): void;
  tokenize: InferenceManager['tokenize'];
  detokenize: InferenceManager['detokenize'];
  embed: InferenceManager['embed'];
  rank: InferenceManager['rank'];
  forget: InferenceManager['forget'];
  applyTemplate: InferenceManager['applyTemplate'];
  /** Ends this tab's part: its replies, and the engine if no other tab uses it. The manager can be used again. */
  terminate(): void;
}
