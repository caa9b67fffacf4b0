import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { samplerFields } from '../../Web/page/sampler-fields.js';
import { optionNames } from '../../Web/wire.js';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
// The types, the terminal and the engine are held to the same table, by `OptionTableTests`.
const { generation, load } = JSON.parse(read('Tests/Fixtures/options.json'));

describe('the table of options', () => {
  it('is what frames carry, in the order in which they do', () => {
    assert.deepEqual(
      optionNames,
      generation.map(({ name }) => name),
    );
    const document = read('Documentation/WireFormat.md').replaceAll('\n', ' ');
    const [, listed] = /`Options`, in this order: (.*?)What is absent/.exec(document);
    const described = [...listed.matchAll(/`(\w+): ([^`]+)`/g)].map(([, name, wire]) => ({ name, wire }));
    assert.deepEqual(
      described,
      generation.map(({ name, wire }) => ({ name, wire })),
    );
    const [, command] = /\| `load` \| `model: string`, (.*?)\|/.exec(document);
    assert.deepEqual(
      [...command.matchAll(/`(\w+): (\w+)`/g)].map(([, name, wire]) => ({ name, wire })),
      load.map(({ name, wire }) => ({ name, wire })),
    );
  });

  it('is what the types say', () => {
    const fields = (path, type) => {
      const [, body] = new RegExp(`interface ${type}[^{]*{\\n(.*?)\\n}`, 's').exec(read(path));
      return new Map([...body.matchAll(/^ {2}(\w+)\?: ([^;]+(?:; \w+: \w+ }\[\])?);/gm)].map(([, name, text]) => [name, text]));
    };
    const options = fields('Web/wire.d.ts', 'WireOptions');
    for (const { name, type } of generation) assert.equal(options.get(name), type, name);
    assert.equal(options.size, generation.length);
    const loadOptions = fields('Web/inference-manager.d.ts', 'LoadOptions');
    for (const { name, type } of load) assert.equal(loadOptions.get(name), type, name);
  });

  it('is what the page has settings for', () => {
    const names = samplerFields(undefined).map(({ name }) => name);
    const expected = generation.filter(({ page }) => page).map(({ name }) => name);
    assert.deepEqual(names.sort(), expected.sort());
  });

  it('is what the documentation names', () => {
    const document = read('Documentation/JavaScript.md');
    for (const { name } of generation.filter(({ name }) => name !== 'ignoresEndOfGeneration'))
      assert.ok(document.includes(`\`${name}`), name);
    for (const { name } of load) assert.match(document, new RegExp(`initialize\\([^)]*\\b${name}\\b`), name);
  });
});
