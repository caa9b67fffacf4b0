import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { optionsFrom } from '../../Web/page/prompt.js';
import { readField, samplerFields } from '../../Web/page/sampler-fields.js';
import { defaultSettings } from '../../Web/page/settings.js';
import { encodeCommand } from '../../Web/wire.js';

const field = (name) => samplerFields(undefined).find((one) => one.name === name);

describe('the settings of a reply', () => {
  it('have each a name, a default and a place among the settings', () => {
    for (const { name, label, hint, usual } of samplerFields(undefined)) {
      assert.ok(name in defaultSettings, name);
      assert.ok(label && hint && usual, name);
    }
  });

  it('tell the model’s recommendation as the default, and else the engine’s', () => {
    const usual = (model) => samplerFields(model).map((one) => one.usual);
    assert.deepEqual(usual({ temperature: 0.20000000298, topP: null }).slice(0, 2), ['0.2', '0.95']);
    assert.deepEqual(usual(undefined).slice(0, 2), ['0.8', '0.95']);
  });

  for (const [name, text, value] of [
    ['temperature', '', null],
    ['temperature', ' 0,5 ', 0.5],
    ['temperature', '.5', 0.5],
    ['topK', '0', 0],
    ['repeatLastN', '-1', -1],
    ['frequencyPenalty', '-2', -2],
    ['seed', '9007199254740991', 9007199254740991],
  ]) {
    it(`take “${text}” as ${name}`, () => assert.deepEqual(readField(field(name), text), { value }));
  }

  for (const [name, text, problem] of [
    ['temperature', 'warm', 'Temperature is a number from 0 to 100; “warm” is not.'],
    ['topP', '1.5', 'Top-p is a number from 0 to 1; “1.5” is not.'],
    ['topK', '1.5', 'Top-k is a whole number from 0 to 2,147,483,647; “1.5” is not.'],
    ['topK', '-1', 'Top-k is a whole number from 0 to 2,147,483,647; “-1” is not.'],
    ['repeatLastN', '-2', 'Penalty window is a whole number from -1 to 2,147,483,647; “-2” is not.'],
    ['minP', 'NaN', 'Min-p is a number from 0 to 1; “NaN” is not.'],
    ['seed', '1e400', 'Seed is a whole number from 0 to 9,007,199,254,740,991; “1e400” is not.'],
    ['typicalP', '0x1', 'Typical-p is a number from 0 to 1; “0x1” is not.'],
  ]) {
    it(`refuse “${text}” as ${name} with a sentence`, () =>
      assert.deepEqual(readField(field(name), text), { problem }));
  }

  it('leave out what is a default', () => {
    assert.deepEqual(optionsFrom(defaultSettings, 'c'), { maxTokens: 1024, conversation: 'c' });
    assert.deepEqual(optionsFrom({ ...defaultSettings, maxTokens: 0, keepsPrefixes: 0 }, 'c'), {});
  });

  it('reach the engine, a zero as well, and can all be sent', () => {
    const numbers = { temperature: 0, topP: 1, topK: 0, minP: 0, typicalP: 0.5, repeatPenalty: 1.1, repeatLastN: -1 };
    const all = { ...numbers, frequencyPenalty: 0.5, presencePenalty: -0.5, seed: 0, maxTokens: 5 };
    const options = optionsFrom(
      { ...defaultSettings, ...all, stop: 'END\n\n\\nYou:', speculation: false, keepsPrefixes: 0 },
      'c',
    );
    assert.deepEqual(options, { ...all, stop: ['END', '\nYou:'], speculation: false });
    assert.ok(encodeCommand({ type: 'generate', id: 1, input: { text: '' }, options }).length > 60);
  });
});
