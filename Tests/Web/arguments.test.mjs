import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkLoad, generation, managerOptions } from '../../Web/call-options.js';
import { RequestError } from '../../Web/errors.js';
import { modelName } from '../../Web/model-argument.js';
import { describeUnknown } from '../../Web/option-names.js';
import { optionNames } from '../../Web/wire.js';

/** What is said on the console while `work` runs and the code for it is loaded. */
async function warnings(work) {
  const { warn } = console;
  const said = [];
  console.warn = (text) => said.push(text);
  try {
    work();
    await import('../../Web/option-names.js');
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    console.warn = warn;
  }
  return said;
}

describe('an unknown option', () => {
  for (const [name, meant] of [
    ['max_tokens', 'maxTokens'],
    ['max_completion_tokens', 'maxTokens'],
    ['max_new_tokens', 'maxTokens'],
    ['temprature', 'temperature'],
    ['Temperature', 'temperature'],
    ['top_p', 'topP'],
    ['top-k', 'topK'],
    ['min_p', 'minP'],
    ['repetition_penalty', 'repeatPenalty'],
    ['frequency_penality', 'frequencyPenalty'],
    ['logit_bias', 'logitBias'],
    ['stop_sequences', 'stop'],
    ['sotp', 'stop'],
    ['top_logprobs', 'logprobs'],
    ['ignore_eos', 'ignoresEndOfGeneration'],
    ['seeed', 'seed'],
  ]) {
    it(`“${name}” is “${meant}”`, () => {
      assert.ok(describeUnknown('generate', name, optionNames).includes(`Did you mean “${meant}”?`));
    });
  }

  it('that has another place is told where', () => {
    assert.ok(describeUnknown('generate', 'messages', optionNames).includes('first argument'));
    assert.ok(describeUnknown('generate', 'stream', optionNames).includes('async iterable'));
    assert.ok(describeUnknown('generate', 'enable_thinking', optionNames).includes('enable_thinking'));
    assert.ok(describeUnknown('initialize', 'n_ctx', ['contextLength']).includes('“contextLength”'));
  });

  it('that is like none is answered with all there are', () => {
    for (const name of ['colour', 'constructor', '__proto__', 'x']) {
      const told = describeUnknown('generate', name, optionNames);
      assert.ok(told.includes('maxTokens, temperature,') && !told.includes('Did you mean'), told);
    }
  });

  it('is warned of once, and is no error', async () => {
    const said = await warnings(() => {
      for (let count = 0; count < 3; count += 1) generation(1, 'a', { max_tokens: 5, maxTokens: 6 });
      checkLoad('quick', undefined, { n_ctx: 5 });
      managerOptions({ workerUrl: '/worker.js', hubURL: 'https://hub.test/' }, 'file:///a/b.js');
    });
    assert.equal(said.length, 3, said.join('\n'));
    assert.ok(said[0].includes('generate has no option “max_tokens”') && said[0].includes('“maxTokens”'));
    assert.ok(said[1].includes('initialize has no option “n_ctx”') && said[1].includes('“contextLength”'));
    assert.ok(said[2].includes('InferenceManager has no option “workerUrl”') && said[2].includes('“workerURL”'));
  });

  it('is none of those that there are', async () => {
    const { signal } = new AbortController();
    const all = Object.fromEntries(optionNames.map((name) => [name, undefined]));
    assert.deepEqual(await warnings(() => generation(1, 'a', { ...all, tools: [], variables: {}, signal })), []);
  });
});

describe('wrong arguments', () => {
  const refused = (place) => (error) => {
    assert.ok(error instanceof RequestError && error.code === 'invalid-request', `${error.stack}`);
    assert.ok(error.message.startsWith(`${place}: expected `) && error.message.includes(', found '), error.message);
    return true;
  };

  it('are refused with what was expected, found and where', () => {
    for (const options of [null, 7, 'x']) {
      assert.throws(() => generation(1, 'a', options), refused('options'));
      assert.throws(() => checkLoad('quick', undefined, options), refused('options'));
      assert.throws(() => managerOptions(options, 'file:///a/b.js'), refused('options'));
    }
    assert.throws(() => generation(1, 'a', { signal: 7 }), refused('options.signal'));
    assert.throws(() => checkLoad('quick', 'later', {}), refused('onProgress'));
    for (const model of [7, null, undefined, {}, ['quick'], new Blob([])]) {
      assert.throws(() => checkLoad(model, undefined, {}), refused('model'));
    }
    assert.throws(() => managerOptions({ threads: -1 }, 'file:///a/b.js'), refused('options.threads'));
    assert.throws(() => managerOptions({ addressing: 48 }, 'file:///a/b.js'), refused('options.addressing'));
    assert.throws(() => managerOptions({ hubURL: 'not a url' }, 'file:///a/b.js'), refused('options.hubURL'));
  });
});

describe('a name of a model', () => {
  const places = {
    pageURL: 'https://page.test/app/index.html',
    hubURL: 'https://hub.test',
    files: ['Known.Q4_1.gguf'],
  };

  for (const [name, meant] of [
    ['quick', 'quick'],
    [' smart ', 'smart'],
    ['mistral-7b-instruct-v0.3', 'mistral-7b-instruct-v0.3'],
    ['org/repo', 'org/repo'],
    ['org/repo:Q8_0', 'org/repo:Q8_0'],
    ['file:my own model.gguf', 'file:my own model.gguf'],
    ['Known.Q4_1.gguf', 'Known.Q4_1.gguf'],
    ['https://cdn.test/m.gguf', 'https://cdn.test/m.gguf'],
    ['m.gguf', 'https://page.test/app/m.gguf'],
    ['./m.gguf', 'https://page.test/app/m.gguf'],
    ['../m.gguf', 'https://page.test/m.gguf'],
    ['/models/m.gguf', 'https://page.test/models/m.gguf'],
    ['models/Known.Q4_1.gguf', 'https://page.test/app/models/Known.Q4_1.gguf'],
  ]) {
    it(`“${name}” is ${meant}`, () => assert.equal(modelName(name, places), meant));
  }

  for (const name of [
    '',
    ' ',
    '.',
    '..',
    '../..',
    'org/..',
    '../repo',
    'org/repo/more',
    'my model',
    'org/my repo',
    'org/repo?x=1',
    'a\u0000b',
    'モデル/模型',
    'javascript:alert(1)',
    'data:,x',
    'blob:https://page.test/x',
    'C:\\m.gguf',
    '-x',
    'https://cdn.test/',
    'ftp://cdn.test/m.gguf',
    'org/repo:..',
    '[object Object]',
  ]) {
    it(`${JSON.stringify(name)} is none`, () => assert.throws(() => modelName(name, places), RequestError));
  }
});
