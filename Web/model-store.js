export { shallowEqual } from './observable.js';
import { createObservable } from './observable.js';
import { SwiftletError } from './errors.js';

/**
 * What a user interface shows about the model, and what it can do about it.
 *
 * The state is the engine's own (`ModelState` of the Swift sources), with the progress of the load beside it.
 *
 * @param {import('./inference-manager.js').InferenceManager} manager
 * @returns {import('./model-store.js').ModelStore}
 */
export function createModelStore(manager) {
  const { getState, getInitialState, setState, subscribe } = createObservable({
    ...manager.state.getState(),
    progress: manager.progress.getState(),
    info: manager.info,
  });

  manager.state.subscribe((state) => {
    setState({ ...state, progress: manager.progress.getState(), info: manager.info });
  });
  manager.progress.subscribe((progress) => setState({ ...getState(), progress }));

  return {
    getState,
    getInitialState,
    subscribe,
    async loadModel(model, options) {
      try {
        const info = await manager.initialize(model, undefined, options);
        setState({ ...getState(), info });
      } catch (error) {
        // What went wrong is in the state; only mistakes of the program are thrown.
        if (!(error instanceof SwiftletError)) throw error;
      }
    },
    cancelDownload: () => manager.cancelLoad(),
    resetModel: () => manager.unload(),
  };
}
