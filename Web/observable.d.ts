export interface Subscribe<State> {
  (listener: (state: State, previous: State) => void): () => void;
  <Slice>(
    selector: (state: State) => Slice,
    listener: (slice: Slice, previous: Slice) => void,
    options?: { equality?: (a: Slice, b: Slice) => boolean },
  ): () => void;
}

/** A value that tells its listeners when the part they selected has changed. */
export interface Observable<State> {
  getState(): State;
  /** What it was made with. */
  getInitialState(): State;
  setState(next: State): void;
  subscribe: Subscribe<State>;
}

export function createObservable<State>(initial: State): Observable<State>;
export function shallowEqual(a: unknown, b: unknown): boolean;
