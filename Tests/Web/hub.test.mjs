import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { DownloadError, ModelError, RequestError } from '../../Web/errors.js';
import { architectures, readHeader } from '../../Web/gguf-header.js';
import { describeModel, searchModels } from '../../Web/hub.js';
import { chooseFile, modelFiles, partPaths, quantizationOf, runsQuantization } from '../../Web/model-file-name.js';
import { isAddress, parseModelName } from '../../Web/model-name.js';

/** A GGUF file's header with these keys: texts, and numbers as 32-bit ones. */
function header(values, { count = Object.keys(values).length } = {}) {
  const text = (string) => {
    const bytes = Buffer.from(string);
    return Buffer.concat([word64(bytes.length), bytes]);
  };
  const word = (number) => Buffer.from(Uint32Array.of(number).buffer);
  const word64 = (number) => Buffer.from(BigUint64Array.of(BigInt(number)).buffer);
  const entries = Object.entries(values).map(([key, value]) => {
    if (Array.isArray(value)) {
      return Buffer.concat([text(key), word(9), word(8), word64(value.length), ...value.map(text)]);
    }
    return Buffer.concat([
      text(key),
      word(typeof value === 'string' ? 8 : 4),
      typeof value === 'string' ? text(value) : word(value),
    ]);
  });
  return Buffer.concat([Buffer.from('GGUF'), word(3), word64(1), word64(count), ...entries]);
}

const llama = {
  'general.architecture': 'llama',
  'general.name': 'Little',
  'general.license': 'mit',
  'llama.block_count': 2,
  'llama.context_length': 8192,
  'llama.embedding_length': 64,
  'llama.attention.head_count': 8,
  'llama.attention.head_count_kv': 2,
};
const roomy = { memory64: true, isolated: true };

describe('the name of a model', () => {
  const places = { baseURL: 'https://me.example/chat/', hubURL: 'https://hub.example' };
  const parse = (text) => parseModelName(text, places);

  it('is a repository, with a quantization or a file', () => {
    const repository = 'some-one/Model.v2_GGUF';
    assert.deepEqual(parse(repository), { kind: 'repository', repository, wanted: null });
    assert.deepEqual(parse(` ${repository}:Q4_K_M `), { kind: 'repository', repository, wanted: 'Q4_K_M' });
    assert.deepEqual(parse(`${repository}:x/y.gguf`), { kind: 'repository', repository, wanted: 'x/y.gguf' });
  });

  it('is the URL of a file, or a path beside the page', () => {
    assert.deepEqual(parse('https://x.example/m.gguf?a=1#b'), { kind: 'url', url: 'https://x.example/m.gguf?a=1' });
    assert.deepEqual(parse('models/m.gguf'), { kind: 'url', url: 'https://me.example/chat/models/m.gguf' });
  });

  it('is a link to one of the hub’s pages', () => {
    const repository = 'a/b';
    assert.deepEqual(parse('https://hub.example/a/b'), { kind: 'repository', repository, wanted: null });
    const file = { kind: 'repository', repository, wanted: 'x y.gguf' };
    assert.deepEqual(parse('https://hub.example/a/b/blob/main/x%20y.gguf'), file);
    assert.deepEqual(parse('https://hub.example/a/b/resolve/main/x%20y.gguf?download=true'), file);
    const old = 'https://hub.example/a/b/resolve/0123/x.gguf';
    assert.deepEqual(parse('https://hub.example/a/b/blob/0123/x.gguf'), { kind: 'url', url: old });
    assert.deepEqual(parse('https://hub.example/x.gguf'), { kind: 'url', url: 'https://hub.example/x.gguf' });
  });

  it('is nothing else', () => {
    const none = [
      '',
      'quick',
      'small talk',
      'look at m.gguf',
      '../b',
      'a/..',
      'a/b/c',
      'a/b:',
      'a/b:../x',
      'a//b',
      'a/b c',
    ];
    const unsafe = [
      'javascript:a.gguf',
      'data:,m.gguf',
      'https://u:p@x.example/m.gguf',
      'http://[',
      'https://x.example/',
      'https://hub.example/owner',
    ];
    for (const text of [...none, ...unsafe, `a/${'b'.repeat(200)}`]) assert.equal(parse(text), null, text);
  });
});

describe('an address', () => {
  const addresses = [
    ...['https://x.org/y.bin', 'http://localhost:8000/m', 'HTTPS://X.ORG', 'see https://x.org/y.bin', 'ftp://x/y.gguf'],
    ...['javascript:alert(1)', 'file:///home/me/m.bin', 'data:text/plain,x', 'mailto:me@x.org', 'C:\\models\\m.bin'],
    ...[
      '//x.org/y',
      'www.x.org',
      'x.org/a/b',
      'localhost:8000/m',
      '127.0.0.1:80/a',
      '/home/me/m.bin',
      './m',
      '../m',
      '~/m',
    ],
    ' https://me:secret@x.org/m.gguf',
  ];
  for (const text of addresses) {
    it(`is ${JSON.stringify(text)}, which is never searched`, async () => {
      assert.ok(isAddress(text));
      await assert.rejects(searchModels(text, { hubURL: 'http://127.0.0.1:9' }), RequestError);
    });
  }

  for (const text of [
    'qwen 3',
    'smollm2',
    'llama3:8b',
    'Llama 3.2 1B',
    'small & fast',
    'title: words',
    'C++',
    'phi-3.5',
    '… 4B/7B',
    'and/or',
  ])
    it(`is not ${JSON.stringify(text)}`, () => assert.ok(!isAddress(text)));
});

describe('the files of a repository', () => {
  // Swift's `ModelFileName` is held to the same table.
  const table = JSON.parse(readFileSync(new URL('../Fixtures/model-file-names.json', import.meta.url), 'utf8'));
  const paths = (names) => names.map((path) => ({ path }));

  for (const { files, one } of table.models)
    it(`of ${files} are models, without lone parts and projectors`, () =>
      assert.deepEqual(
        modelFiles(paths(files)).files.flatMap(({ parts }) => parts.map(({ path }) => path)),
        one,
      ));

  for (const { files, wanted } of table.choices)
    for (const [name, chosen] of wanted)
      it(`${files}: ${name} means ${chosen}`, () => {
        const found = chooseFile(name, modelFiles(paths(files)).files);
        assert.equal(found?.path ?? null, chosen);
      });

  it('are counted where they are no models', () => {
    const { parts, projectors } = modelFiles(paths(['c-00001-of-00002.gguf', 'mmproj-F16.gguf', 'a.gguf']));
    assert.deepEqual([parts, projectors], [1, 1]);
  });

  it('of a split model are one, which any of them names', () => {
    const names = ['m-Q8_0-00002-of-00002.gguf', 'm-Q8_0-00001-of-00002.gguf', 'm-Q4_0.gguf', 'x-00001-of-00003.gguf'];
    const { files, parts } = modelFiles(names.map((path, index) => ({ path, size: index + 1 })));
    assert.equal(parts, 1);
    assert.deepEqual(files.map(({ path, size }) => [path, size]), [['m-Q4_0.gguf', 3], [names[1], 3]]);
    for (const wanted of ['Q8_0', names[0], names[1]]) {
      assert.deepEqual(chooseFile(wanted, files).parts.map(({ path }) => path), [names[1], names[0]]);
    }
  });

  it('of a split model are named by any of its parts', () => {
    assert.deepEqual(partPaths('a/m-00002-of-00003.gguf'), [1, 2, 3].map((part) => `a/m-0000${part}-of-00003.gguf`));
    for (const path of ['m.gguf', 'm-00000-of-00002.gguf', 'm-00003-of-00002.gguf', 'm-1-of-2.gguf']) assert.equal(partPaths(path), null);
  });

  it('tell their quantization', () => {
    for (const [path, name] of table.quantizations) assert.equal(quantizationOf(path), name, path);
    assert.deepEqual(['Q4_K_M', 'IQ4_XS', null, 'UD-IQ2_XS', 'Q4_0_4_4'].map(runsQuantization), [
      true,
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('a header', () => {
  it('tells what decides whether a model can be used', () => {
    const facts = readHeader(
      header({ ...llama, 'tokenizer.ggml.tokens': ['a', 'b'], 'tokenizer.chat_template': '{{x}}' }),
    );
    assert.deepEqual(facts, {
      architecture: 'llama',
      name: 'Little',
      license: 'mit',
      contextLength: 8192,
      cacheBytesPerToken: 2 * 2 * 16 * 2,
      foreign: null,
      parts: 1,
      hasTemplate: true,
    });
  });

  it('may be cut off anywhere', () => {
    const whole = header({ ...llama, 'tokenizer.ggml.tokens': ['a', 'bc'] });
    for (let length = 0; length < whole.length; length += 1) readHeader(whole.subarray(0, length));
    assert.equal(readHeader(whole.subarray(0, whole.length - 1)).architecture, 'llama');
    assert.equal(readHeader(whole.subarray(0, whole.length - 1)).hasTemplate, null);
    assert.equal(readHeader(whole).hasTemplate, false);
  });

  it('with hostile counts and lengths ends where its bytes do', () => {
    const most = Buffer.from('ffffffffffffffff', 'hex');
    const hostile = header({ ...llama, 'tokenizer.ggml.tokens': [] }, { count: 2n ** 64n - 1n });
    hostile.set(most, hostile.length - 8);
    assert.equal(readHeader(hostile).architecture, 'llama');
    assert.equal(readHeader(Buffer.concat([Buffer.from('GGUF\x03\0\0\0'), most, most, most])).architecture, null);
    assert.equal(readHeader(Buffer.from('<!doctype html><title>no</title>')), null);
  });

  it('knows the architectures that the engine has', () => {
    const source = readFileSync(
      new URL('../../Sources/InferenceCore/Model/Architectures.swift', import.meta.url),
      'utf8',
    );
    assert.deepEqual(
      architectures,
      [...source.matchAll(/Architecture\(\s*name: "([\w-]+)"/g)].map((match) => match[1]),
    );
  });
});

describe('the hub', () => {
  let server;
  let hubURL;
  let requests;
  let answers;
  before(async () => {
    server = createServer((request, response) => {
      requests.push(request.url);
      const answer = answers[request.url.split('?')[0]];
      if (answer === undefined) return response.writeHead(404).end('no');
      if (typeof answer === 'number') return response.writeHead(answer).end('no');
      const body = Buffer.isBuffer(answer)
        ? answer
        : Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer));
      if (!request.headers.range) return response.end(body);
      const part = body.subarray(0, Number(/-(\d+)$/.exec(request.headers.range)[1]) + 1);
      response.writeHead(206, { 'Content-Range': `bytes 0-${part.length - 1}/${body.length}` }).end(part);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    hubURL = `http://127.0.0.1:${server.address().port}`;
  });
  after(() => server.close());

  const sha256 = 'ab'.repeat(32);
  const repository = {
    id: 'a/b',
    gated: false,
    tags: ['gguf', 'license:apache-2.0'],
    gguf: { architecture: 'llama', context_length: 4096, total: 1000, chat_template: '{{ messages }}' },
    siblings: [
      { rfilename: 'README.md', size: 5 },
      { rfilename: 'm-Q4_K_M.gguf', size: 2e9, lfs: { sha256 } },
      { rfilename: 'm-Q8_0.gguf', size: 4e9 },
      { rfilename: 'm-Q4_0_4_4.gguf', size: 1e9 },
      { rfilename: 'mmproj-m-F16.gguf', size: 1e8 },
      { rfilename: 'm-F16-00001-of-00002.gguf', size: 4e9 },
      { rfilename: '../m.gguf', size: 1 },
    ],
  };
  beforeEach(() => {
    requests = [];
    answers = {
      '/api/models/a/b': repository,
      // The vocabulary and the template come later.
      '/a/b/resolve/main/m-Q4_K_M.gguf': header(llama, { count: 99 }),
      '/a/b/resolve/main/m-Q4_0_4_4.gguf': header(llama),
    };
  });
  const tell = (name, options) => describeModel(name, { hubURL, here: roomy, ...options });

  it('tells what a repository means before its weights are fetched', async () => {
    const told = await tell('a/b');
    assert.equal(told.name, 'a/b:Q4_K_M');
    assert.equal(told.size, 2e9);
    assert.equal(told.sha256, sha256);
    assert.equal(told.license, 'apache-2.0');
    assert.equal(told.contextLength, 8192);
    assert.equal(told.need, 2e9 + 40e6 + 128 * 4096);
    assert.deepEqual([told.runs, told.fits, told.problem, told.hasTemplate], [true, true, null, true]);
    assert.deepEqual(
      told.choices.map(({ name }) => name),
      ['a/b:Q4_0_4_4', 'a/b:Q4_K_M', 'a/b:Q8_0'],
    );
    assert.deepEqual(told.leftOut, { parts: 1, projectors: 1 });
    // Of each file whether it runs and fits.
    assert.deepEqual(
      told.choices.map(({ runs, fits }) => [runs, fits]),
      ['m-Q4_0_4_4.gguf', 'm-Q4_K_M.gguf', 'm-Q8_0.gguf'].map((path) => [runsQuantization(quantizationOf(path)), true]),
    );
    const tight = (await tell('a/b', { here: { ...roomy, deviceMemory: 4 } })).choices;
    assert.deepEqual(tight.map(({ fits }) => fits), [true, true, false]);
    requests.length = 2;
    assert.deepEqual(requests, ['/api/models/a/b?blobs=true', '/a/b/resolve/main/m-Q4_K_M.gguf']);
  });

  const table = JSON.parse(readFileSync(new URL('../Fixtures/foreign-files.json', import.meta.url), 'utf8'));
  for (const { keys, mentions } of table)
    it(`refuses ${JSON.stringify(keys)} by name`, async () => {
      answers['/x/lora.gguf'] = header(keys);
      const told = await tell(`${hubURL}/x/lora.gguf`);
      if (!mentions) return assert.equal(told.problem, null);
      assert.equal(told.problem.code, 'unsupported-model');
      for (const words of mentions) assert.ok(told.problem.message.includes(words), told.problem.message);
      return assert.equal(told.runs, false);
    });

  it('tells of a model in parts, of all of them', async () => {
    const siblings = [1, 2].map((part) => ({ rfilename: `m-F16-0000${part}-of-00002.gguf`, size: 4e9 }));
    answers['/api/models/a/b'] = { ...repository, siblings };
    answers['/a/b/resolve/main/m-F16-00001-of-00002.gguf'] = header({ ...llama, 'split.count': 2 });
    const told = await tell('a/b');
    assert.deepEqual([told.size, told.parts, told.problem], [8e9, 2, null]);
    answers['/x/m-00001-of-00002.gguf'] = header({ ...llama, 'split.count': 2 });
    answers['/x/m-00002-of-00002.gguf'] = Buffer.alloc(1000);
    const here = await tell(`${hubURL}/x/m-00002-of-00002.gguf`);
    assert.deepEqual([here.size, here.parts, here.problem], [answers['/x/m-00001-of-00002.gguf'].length + 1000, 2, null]);
    answers['/x/one.gguf'] = header({ ...llama, 'split.count': 2 });
    assert.match((await tell(`${hubURL}/x/one.gguf`)).problem.message, /one of 2 parts/);
  });

  it('tells what does not fit, does not run, or is not given out', async () => {
    const large = await tell('a/b', { here: { ...roomy, deviceMemory: 2 } });
    assert.equal(large.problem.code, 'not-enough-memory');
    assert.match(large.problem.message, /^It needs 2\.04 GB/);
    assert.equal((await tell('a/b:Q4_0_4_4')).problem.code, 'unsupported-model');
    answers['/api/models/a/b'] = { ...repository, gguf: { architecture: 't5' } };
    answers['/a/b/resolve/main/m-Q4_K_M.gguf'] = 403;
    assert.match((await tell('a/b')).problem.message, /t5/);
    answers['/api/models/a/b'] = { ...repository, gated: 'manual' };
    requests = [];
    const gated = await tell('a/b');
    assert.equal(gated.problem.code, 'permission-denied');
    assert.ok(gated.isGated && gated.problem.message.includes(`${hubURL}/a/b`));
    assert.equal(requests.length, 1);
  });

  it('says what there is instead of a file that is missing', async () => {
    const message = (name) =>
      tell(name).then(assert.fail, (error) => (assert.ok(error instanceof ModelError), error.message));
    assert.match(await message('a/b:Q3_K'), /no file for Q3_K. It has Q4_0_4_4, Q4_K_M, Q8_0\./);
    answers['/api/models/a/b'] = { siblings: repository.siblings.slice(5) };
    assert.match(await message('a/b'), /only parts of models/);
    answers['/api/models/a/b'] = { siblings: repository.siblings.slice(4, 5) };
    assert.match(await message('a/b'), /projector/);
    answers['/api/models/a/b'] = {};
    assert.match(await message('a/b'), /no \.gguf file/);
    answers['/api/models/a/b'] = 401;
    assert.match(await message('a/b'), /no public repository a\/b/);
  });

  it('is described in no time, however many files and strange values there are', { timeout: 10_000 }, async () => {
    answers['/api/models/a/b'] = {
      siblings: Array.from({ length: 5000 }, (_, index) => ({
        rfilename: `m-Q4_K_${index}.gguf`,
        size: 5,
        lfs: { sha256: { toString: 1 } },
      })),
    };
    const { path, sha256, choices } = await tell('a/b');
    assert.deepEqual([path, sha256, choices.length], ['m-Q4_K_0.gguf', null, 500]);
  });

  it('describes a file behind a URL', async () => {
    answers['/files/Little-Q8_0.gguf'] = Buffer.concat([header(llama), Buffer.alloc(100_000)]);
    const told = await tell('files/Little-Q8_0.gguf', { baseURL: `${hubURL}/`, hubURL: 'https://hub.example' });
    assert.equal(told.name, `${hubURL}/files/Little-Q8_0.gguf`);
    assert.equal(told.size, header(llama).length + 100_000);
    assert.deepEqual([told.quantization, told.license, told.runs], ['Q8_0', 'mit', true]);
    answers['/files/Little-Q8_0.gguf'] = '<html>';
    await assert.rejects(tell(told.name), { code: 'invalid-model' });
  });

  it('is not asked about what is no name', async () => {
    for (const name of ['what is my secret', 'm', '', 'a/b/c', 'file:x.gguf']) {
      await assert.rejects(tell(name), (error) => error instanceof RequestError, name);
    }
    await assert.rejects(searchModels('  ', { hubURL }), RequestError);
    assert.deepEqual(requests, []);
  });

  it('finds models by words', async () => {
    answers['/api/models'] = [
      { ...repository, downloads: 12 },
      { id: '../evil', downloads: 5 },
      { id: 'c/d', gated: 'auto', gguf: { architecture: 't\u202e5\n' } },
      { id: { toString: 1, valueOf: 1 } },
      null,
    ];
    const found = await searchModels('small & fast', { hubURL });
    assert.match(requests[0], /search=small\+%26\+fast&filter=gguf&sort=downloads&limit=12/);
    assert.deepEqual(
      found.map(({ name, downloads, runs, isGated, architecture }) => [name, downloads, runs, isGated, architecture]),
      [
        ['a/b', 12, true, false, 'llama'],
        ['c/d', 0, false, true, 't5'],
      ],
    );
  });

  it('that fails is told by a typed error', async () => {
    for (const [answer, pattern] of [
      [503, /answered 503/],
      ['no json', /something else/],
      ['3', /something else/],
    ]) {
      answers['/api/models'] = answer;
      await assert.rejects(
        searchModels('x', { hubURL }),
        (error) => error instanceof DownloadError && pattern.test(error.message),
      );
    }
    const closed = searchModels('x', { hubURL: 'http://127.0.0.1:9' });
    await assert.rejects(
      closed,
      (error) => error.code === 'offline' && /127\.0\.0\.1:9 cannot be reached/.test(error.message),
    );
    await assert.rejects(searchModels('x', { hubURL, signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  it('describes the catalog’s own names without a request', async () => {
    const entry = {
      id: 'little',
      tier: 'quick',
      name: 'Little',
      fileSize: 1e8,
      sha256,
      quantization: 'Q4_1',
      license: 'MIT',
    };
    const memory = {
      memoryBase: 1.1e8,
      memoryPerToken: 100,
      contextLength: 8192,
      defaultContextLength: 4096,
      parameters: 5,
    };
    const told = await tell('Quick', { models: [{ ...entry, ...memory }] });
    assert.deepEqual([told.name, told.need, told.fits], ['little', 1.1e8 + 409_600, true]);
    assert.deepEqual(requests, []);
  });
});
