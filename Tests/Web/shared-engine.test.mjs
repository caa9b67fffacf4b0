import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CancelledError } from '../../Web/errors.js';
import { continuationOf } from '../../Web/shared/continuation.js';
import { FairQueue } from '../../Web/shared/fair-queue.js';
import { EngineHost } from '../../Web/shared/host.js';

describe('the queue of replies', () => {
  const queued = (...names) => {
    const queue = new FairQueue();
    for (const name of names) queue.add({ client: name[0], name });
    return queue;
  };
  const served = (queue) => {
    const names = [];
    for (let entry = queue.next(); entry; entry = queue.next()) names.push(entry.name);
    return names;
  };

  it('serves one client after the other, each in its own order', () => {
    assert.deepEqual(served(queued('a1', 'a2', 'a3', 'b1', 'b2', 'c1')), ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('lets a client that was just served wait for the others', () => {
    const queue = queued('a1', 'b1');
    queue.next();
    queue.add({ client: 'a', name: 'a2' });
    queue.add({ client: 'c', name: 'c1' });
    assert.deepEqual(served(queue), ['b1', 'a2', 'c1']);
  });

  it('tells the order that it keeps', () => {
    const queue = queued('a1', 'a2', 'b1', 'c1', 'c2', 'c3');
    const told = queue.order().map(({ name }) => name);
    assert.deepEqual(told, served(queue));
  });

  it('goes on first with what was begun', () => {
    const queue = queued('a1', 'b1');
    queue.add({ client: 'b', name: 'begun' }, true);
    assert.deepEqual(
      queue.order().map(({ name }) => name),
      ['begun', 'a1', 'b1'],
    );
    assert.deepEqual(served(queue), ['begun', 'a1', 'b1']);
  });

  it('forgets what is taken out', () => {
    const queue = queued('a1', 'a2', 'b1');
    queue.add({ client: 'a', name: 'begun' }, true);
    assert.deepEqual(
      queue.remove(({ client }) => client === 'a').map(({ name }) => name),
      ['begun', 'a1', 'a2'],
    );
    assert.deepEqual(served(queue), ['b1']);
    assert.equal(queue.next(), undefined);
  });
});

describe('a reply that goes on in another tab', () => {
  const pieces = ['The ', 'sky', ' is ', 'blue'];
  const detokenize = async (tokens) => tokens.map((token) => pieces[token]).join('');
  const said = (changes) => ({
    model: 'm',
    promptTokens: [7, 8],
    cachedCount: 1,
    tokens: [0, 1, 2],
    text: 'The sky is ',
    firstTokenMilliseconds: 5,
    predictedMilliseconds: 20,
    ...changes,
  });
  const loaded = { currentModel: 'm', info: { hasChatTemplate: true } };
  const goOn = (request, state = loaded) =>
    continuationOf({ input: 'x', options: {}, said: said(), ...request }, state, detokenize);

  it('begins after the tokens that it has said', async () => {
    const { input, options, kept } = await goOn({ options: { maxTokens: 10, temperature: 0 } });
    assert.deepEqual(input, { tokens: [7, 8, 0, 1, 2] });
    assert.deepEqual([options.maxTokens, options.temperature, kept], [7, 0, 3]);
  });

  it('computes again what was held back, and gives out no text twice', async () => {
    // Of the third token only a part was given out: the rest may have become a stop string.
    const rest = await goOn({ said: said({ text: 'The sky i' }) });
    assert.deepEqual([rest.input.tokens, rest.kept], [[7, 8, 0, 1], 2]);
    const heard = [];
    const send = rest.joined((event) => heard.push(event.text));
    for (const text of [' ', 'is b', 'lue i']) send({ type: 'text', text, tokens: [] });
    assert.deepEqual(heard, ['', 's b', 'lue i']);
  });

  it('has other draws with the same seed', async () => {
    assert.equal((await goOn({ options: { seed: 2n ** 64n - 1n } })).options.seed, 2n);
    assert.equal((await goOn({})).options.seed, undefined);
  });

  it('keeps the stops, and those of a model without a template', async () => {
    assert.deepEqual((await goOn({ options: { stop: 'x' } })).options.stop, ['x']);
    const bare = { currentModel: 'm', info: { hasChatTemplate: false } };
    assert.deepEqual((await goOn({ input: [] }, bare)).options.stop, ['<|im_end|>', '<|im_start|>']);
  });

  it('does not go on with another model', async () => {
    await assert.rejects(goOn({}, { ...loaded, currentModel: 'other' }), { name: 'EngineError', code: 'terminated' });
  });

  it('leaves out what was shown only up to where it differs', async () => {
    const rest = await goOn({ said: said({ text: 'The sky i' }) });
    const heard = [];
    const send = rest.joined((event) => heard.push(event.text));
    for (const text of [' w', 'as']) send({ type: 'text', text, tokens: [] });
    assert.deepEqual(heard, ['w', 'as']);
  });

  it('counts the whole', async () => {
    const rest = await goOn({});
    const heard = [];
    const send = rest.joined((event) => heard.push(event));
    const timings = {
      promptCount: 9,
      cachedCount: 0,
      predictedCount: 4,
      predictedMilliseconds: 10,
      promptMilliseconds: 3,
      firstTokenMilliseconds: 3,
      loadMilliseconds: 1,
    };
    send({ type: 'started', promptTokens: [7, 8, 0, 1, 2] });
    send({ type: 'finished', reason: 'aborted', timings: null });
    send({ type: 'finished', reason: 'stop', timings });
    assert.equal(heard[0].timings, null);
    assert.deepEqual(heard[1].timings, {
      promptCount: 1,
      cachedCount: 1,
      predictedCount: 7,
      predictedMilliseconds: 30,
      promptMilliseconds: 5,
      firstTokenMilliseconds: 5,
      loadMilliseconds: 1,
    });
    assert.equal(heard.length, 2);
  });
});

describe('the tab that runs the engine', () => {
  /** A host whose engine never ends a reply, and what a tab hears of it. */
  const connected = () => {
    const engines = {
      state: { subscribe() {}, getState: () => ({ isLoading: false }) },
      addEventListener() {},
      generate: () => ({ finished: new Promise(() => {}), cancel() {} }),
    };
    const host = new EngineHost(engines, null);
    const heard = [];
    host.connect('a', (message) => heard.push(message), []);
    return { host, heard };
  };
  const turn = () => new Promise(setImmediate);

  it('tells a thousand replies their places once, and again only what has changed', async () => {
    const { host, heard } = connected();
    for (let id = 0; id < 1000; id += 1) host.receive('a', { type: 'generate', id, input: 'x', options: {} });
    await turn();
    const waiting = () => heard.splice(0).filter(({ event }) => event?.type === 'waiting');
    const told = waiting();
    assert.equal(told.length, 1000);
    assert.deepEqual(told.at(-1), { type: 'event', id: 999, event: { type: 'waiting', ahead: 999, elsewhere: 0 } });
    host.receive('a', { type: 'cancel', id: 998 });
    await turn();
    assert.deepEqual(
      waiting().map(({ id, event }) => [id, event.ahead]),
      [[999, 998]],
    );
  });

  /** A host that goes on with a model, two tabs that wait for it, and what they hear. */
  const restoring = (isUnfinished) => {
    const loads = [];
    const engines = {
      state: { subscribe() {}, getState: () => ({ isLoading: true }) },
      addEventListener() {},
      load: (model, { signal }) =>
        new Promise((resolve, reject) => {
          loads.push({ model, resolve });
          signal?.addEventListener('abort', () => reject(new CancelledError({ code: 'cancelled', message: '' })));
        }),
      cancelLoad() {},
    };
    const host = new EngineHost(engines, { model: 'm', options: {} }, isUnfinished);
    const heard = { a: [], b: [] };
    const call = { type: 'call', method: 'load', id: 1, parameters: ['m', {}] };
    for (const tab of ['a', 'b'])
      host.connect(tab, ({ type, error }) => type !== 'state' && heard[tab].push(error?.code ?? type), [call]);
    return { host, heard, loads };
  };

  it('goes on with a load until the last tab that waits for it gives it up', async () => {
    const { host, heard, loads } = restoring(true);
    host.receive('a', { type: 'cancel', id: 1 });
    await turn();
    assert.deepEqual(heard, { a: ['cancelled'], b: [] });
    host.receive('b', { type: 'cancel', id: 1 });
    await turn();
    assert.deepEqual(heard.b, ['cancelled']);
    host.receive('b', { type: 'call', method: 'load', id: 2, parameters: ['m', {}] });
    await turn();
    assert.equal(loads.length, 2, 'it is begun anew');
  });

  it('takes no model from the tabs when a tab gives up a load that has not begun', async () => {
    const { host, heard, loads } = restoring(false);
    host.connect('c', () => {}, []);
    for (const tab of ['a', 'b']) host.receive(tab, { type: 'cancel', id: 1 });
    await turn();
    assert.deepEqual(heard, { a: ['cancelled'], b: ['cancelled'] });
    loads[0].resolve();
    await turn();
    assert.equal(loads.length, 1);
  });

  it('counts a tab that is gone no longer among those that wait for a load', async () => {
    const { host, heard } = restoring(true);
    host.disconnect('b');
    await turn();
    assert.deepEqual(heard, { a: [], b: [] });
    host.receive('a', { type: 'cancel', id: 1 });
    await turn();
    assert.deepEqual(heard.a, ['cancelled']);
  });

  it('cancels a load for all tabs', async () => {
    const { host, heard } = restoring(true);
    host.receive('b', { type: 'call', method: 'cancelLoad', id: 2, parameters: [] });
    await turn();
    assert.deepEqual(heard, { a: ['cancelled'], b: ['answer', 'cancelled'] });
  });

  it('answers calls that it does not know', async () => {
    const { host, heard } = connected();
    heard.length = 0;
    host.receive('a', { type: 'call', id: 7, method: 'constructor', parameters: [] });
    await turn();
    assert.equal(heard[0]?.type, 'failed');
    assert.equal(heard[0].id, 7);
    assert.match(heard[0].error.message, /Reload all tabs/);
  });
});
