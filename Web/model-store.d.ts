import type { InferenceManager, LoadOptions, LoadProgress, ModelInfo, ModelState } from './inference-manager.js';
import type { Subscribe } from './observable.js';

/** The engine's state, with the load's progress and the loaded model beside it. */
export interface ModelStoreState extends ModelState {
  progress: LoadProgress | null;
  info: ModelInfo | null;
}

export interface ModelStore {
  getState(): ModelStoreState;
  /** The state that it began with, as user interfaces want it that are first drawn on a server. */
  getInitialState(): ModelStoreState;
  /** Calls back when the state, or the selected part of it, has changed; the answer ends that. */
  subscribe: Subscribe<ModelStoreState>;
  /** Resolves when the load has ended in any way; what went wrong is in the state's `error`. */
  loadModel(model: string | File | readonly File[], options?: LoadOptions): Promise<void>;
  cancelDownload(): void;
  /** Frees the model and clears an error. */
  resetModel(): Promise<void>;
}

export function createModelStore(manager: InferenceManager): ModelStore;
export { shallowEqual } from './observable.js';
