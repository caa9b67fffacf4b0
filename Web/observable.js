/**
 * A value that tells its listeners when the part they selected has changed.
 *
 * @template State
 * @typedef {object} Observable
 * @property {() => State} getState The current state; never mutated in place.
 * @property {() => State} getInitialState What it was made with.
 * @property {(next: State) => void} setState Replaces the state and tells the listeners.
 * @property {Subscribe<State>} subscribe Adds a listener; the answer removes it again.
 */

/**
 * @template State
 * @typedef {{
 *   (listener: (state: State, previous: State) => void): () => void,
 *   <Slice>(
 *     selector: (state: State) => Slice,
 *     listener: (slice: Slice, previous: Slice) => void,
 *     options?: { equality?: (a: Slice, b: Slice) => boolean },
 *   ): () => void,
 * }} Subscribe
 */

/**
 * Makes an observable of `initial`.
 *
 * @template State
 * @param {State} initial
 * @returns {Observable<State>}
 */
export function createObservable(initial) {
  let state = initial;
  const notifiers = new Set();

  /** @type {any} */
  const subscribe = (first, second, options = {}) => {
    const selector = second ? first : (whole) => whole;
    const listener = second ?? first;
    const equality = options.equality ?? Object.is;
    let slice = selector(state);
    const notify = (next) => {
      const selected = selector(next);
      if (equality(slice, selected)) return;
      const previous = slice;
      slice = selected;
      listener(selected, previous);
    };
    notifiers.add(notify);
    return () => notifiers.delete(notify);
  };

  return {
    getState: () => state,
    getInitialState: () => initial,
    setState(next) {
      if (Object.is(state, next)) return;
      state = next;
      // A copy, because a listener may unsubscribe itself or others.
      for (const notify of [...notifiers]) if (notifiers.has(notify)) notify(next);
    },
    subscribe,
  };
}

/**
 * True when two plain objects or arrays hold the same values under the same keys, compared one level deep.
 *
 * @param {any} a
 * @param {any} b
 */
export function shallowEqual(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.is(a[key], b[key]));
}
