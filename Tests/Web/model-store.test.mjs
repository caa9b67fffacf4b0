import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createModelStore } from '../../Web/model-store.js';
import { createObservable } from '../../Web/observable.js';

const web = new URL('../../Web/', import.meta.url);
const documentation = readFileSync(new URL('../Documentation/JavaScript.md', web), 'utf8');

/** As much of a manager as a store asks for. */
function fakeManager() {
  return {
    state: createObservable({ loadingStep: 'idle', currentModel: null }),
    progress: createObservable(null),
    info: null,
  };
}

/** A recipe of the documentation as a module, over a manager of ours. */
async function recipe(name, manager) {
  const [, code] = new RegExp(`\`\`\`js recipe=${name}\n([^\`]*)\`\`\``).exec(documentation);
  const folder = mkdtempSync(path.join(tmpdir(), 'recipe-'));
  try {
    globalThis.recipeManager = manager;
    writeFileSync(path.join(folder, 'manager.mjs'), 'export const inferenceManager = globalThis.recipeManager;');
    const file = path.join(folder, `${name}.mjs`);
    const module = code
      .replace("'swiftlet'", "'./manager.mjs'")
      .replace("'swiftlet/store'", `'${new URL('model-store.js', web)}'`);
    writeFileSync(file, module);
    return await import(pathToFileURL(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('a model store', () => {
  it('tells the state that it began with, whatever came after', () => {
    const manager = fakeManager();
    const store = createModelStore(manager);
    const first = store.getState();
    manager.state.setState({ loadingStep: 'ready', currentModel: 'quick' });
    assert.equal(store.getInitialState(), first);
    assert.equal(store.getState().loadingStep, 'ready');
  });

  it('is the same object until something changes, and its functions need no receiver', () => {
    const manager = fakeManager();
    const { subscribe, getState, getInitialState } = createModelStore(manager);
    assert.equal(getState(), getState());
    let calls = 0;
    const stop = subscribe(() => (calls += 1));
    manager.state.setState({ loadingStep: 'downloading', currentModel: 'quick' });
    manager.progress.setState({ progress: 0.5 });
    assert.equal(calls, 2);
    stop();
    manager.progress.setState({ progress: 0.6 });
    assert.equal(calls, 2);
    assert.equal(getInitialState().loadingStep, 'idle');
  });

  it('keeps Svelte’s contract in the recipe', async () => {
    const manager = fakeManager();
    const { model } = await recipe('svelte', manager);
    const heard = [];
    const stop = model.subscribe((state) => heard.push(state.loadingStep));
    assert.deepEqual(heard, ['idle'], 'at once');
    manager.state.setState({ loadingStep: 'ready', currentModel: 'quick' });
    assert.deepEqual(heard, ['idle', 'ready']);
    stop();
    manager.state.setState({ loadingStep: 'idle', currentModel: null });
    assert.deepEqual(heard, ['idle', 'ready']);
  });
});
