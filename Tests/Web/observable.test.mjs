import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createObservable, shallowEqual } from '../../Web/observable.js';

describe('an observable', () => {
  it('tells a listener of every change when it selected nothing', () => {
    const store = createObservable({ a: 1 });
    const heard = [];
    store.subscribe((state, previous) => heard.push([state.a, previous.a]));
    store.setState({ a: 2 });
    store.setState({ a: 3 });
    assert.deepEqual(heard, [
      [2, 1],
      [3, 2],
    ]);
  });

  it('tells a listener only of changes in what it selected', () => {
    const store = createObservable({ a: 1, b: 1 });
    const heard = [];
    store.subscribe(
      (state) => state.a,
      (a, previous) => heard.push([a, previous]),
    );
    store.setState({ a: 1, b: 2 });
    store.setState({ a: 2, b: 2 });
    assert.deepEqual(heard, [[2, 1]]);
  });

  it('compares as it was told', () => {
    const store = createObservable({ list: [1, 2], other: 0 });
    let calls = 0;
    store.subscribe(
      (state) => [...state.list],
      () => (calls += 1),
      { equality: shallowEqual },
    );
    store.setState({ list: [1, 2], other: 1 });
    assert.equal(calls, 0);
    store.setState({ list: [1, 3], other: 1 });
    assert.equal(calls, 1);
  });

  it('ends a subscription, also from inside a listener', () => {
    const store = createObservable(0);
    let calls = 0;
    const stop = store.subscribe(() => {
      calls += 1;
      stop();
      stopOther();
    });
    const stopOther = store.subscribe(() => (calls += 10));
    store.setState(1);
    store.setState(2);
    assert.equal(calls, 1);
  });
});
