import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { PrefixFiles } from '../../Web/worker/prefix-files.js';

/** An engine that writes down what it is told. */
function newEngine() {
  const told = [];
  const exports = {
    swiftlet_prefix_opened: (id, size) => told.push(['opened', id, size]),
    swiftlet_prefix_unavailable: (id) => told.push(['unavailable', id]),
  };
  return { told, exports, call: (run) => run() };
}

/** Lets everything happen that waits for no timer. */
const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('the files of kept keys and values', () => {
  let root;
  let opened;
  let listed;
  let removed;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    opened = 0;
    listed = [];
    removed = [];
    const access = { getSize: () => 0, close: () => (opened -= 1) };
    const file = {
      kind: 'file',
      getFile: async () => ({ size: 0, lastModified: 0 }),
      createSyncAccessHandle: async () => {
        opened += 1;
        return access;
      },
    };
    const folder = {
      getFileHandle: async () => file,
      removeEntry: async (name) => removed.push(name),
      entries: async function* () {
        yield* listed;
      },
    };
    root = Promise.resolve({ getDirectoryHandle: async () => folder });
    const storage = { getDirectory: () => root, estimate: async () => ({ quota: 1e9 }) };
    Object.defineProperty(globalThis, 'navigator', { value: { storage }, configurable: true });
  });
  afterEach(() => mock.timers.reset());

  const open = (files, id) => files.handle({ type: 'openPrefix', id, conversation: 'a' });

  it('keep no reply waiting, though the browser never answers for one before', async () => {
    root = new Promise(() => {});
    const engine = newEngine();
    const files = new PrefixFiles(engine);
    open(files, 1);
    await settle();
    mock.timers.tick(1000);
    open(files, 2);
    await settle();
    mock.timers.tick(1000);
    assert.deepEqual(engine.told, [
      ['unavailable', 1],
      ['unavailable', 2],
    ]);
  });

  it('are let go of when they come too late', async () => {
    let answer;
    const late = root;
    root = new Promise((resolve) => (answer = resolve));
    const engine = newEngine();
    const files = new PrefixFiles(engine);
    open(files, 1);
    open(files, 2);
    await settle();
    mock.timers.tick(1000);
    answer(await late);
    for (let turn = 0; turn < 20; turn += 1) await settle();
    assert.deepEqual([engine.told.length, opened], [2, 0]);
    open(files, 3);
    while (engine.told.length < 3) await settle();
    assert.deepEqual(engine.told[2], ['opened', 3, 0]);
  });

  it('that are too many go, though another tab deletes one of them meanwhile', async () => {
    const kept = (size, lastModified) => ({ kind: 'file', getFile: async () => ({ size, lastModified }) });
    const gone = { kind: 'file', getFile: () => Promise.reject(new DOMException('gone', 'NotFoundError')) };
    listed = [
      ['old', kept(6e7, 1)],
      ['gone', gone],
      ['new', kept(6e7, 2)],
    ];
    const engine = newEngine();
    const files = new PrefixFiles(engine);
    open(files, 1);
    open(files, 2);
    while (engine.told.length < 2) await settle();
    assert.deepEqual(engine.told[1], ['opened', 2, 0]);
    assert.ok(removed.includes('old') && !removed.includes('new'));
  });
});
