import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseExport, titleFrom } from '../../Web/page/conversations.js';
import { fitOf } from '../../Web/page/device.js';
import { formatBytes, formatDuration, formatMilliseconds } from '../../Web/page/format.js';

const file = (conversations, more = {}) =>
  JSON.stringify({ format: 'swiftlet-conversations', version: 1, conversations, ...more });
const message = { role: 'user', content: 'Hi', createdAt: 5 };

describe('importing conversations', () => {
  it('keeps the messages and gives new ids', () => {
    const [first, second] = parseExport(
      file([{ id: 'a', title: 'T', createdAt: 1, updatedAt: 2, messages: [message] }, { messages: [] }]),
    );
    assert.equal(first.title, 'T');
    assert.notEqual(first.id, 'a');
    assert.deepEqual(
      [first.messages[0].role, first.messages[0].content, first.messages[0].createdAt],
      ['user', 'Hi', 5],
    );
    assert.equal(second.messages.length, 0);
  });

  it('drops what it does not know', () => {
    const [conversation] = parseExport(
      file([{ messages: [{ ...message, evil: 1, statistics: { model: 3 } }], firstSeen: 99 }]),
    );
    assert.ok(!('evil' in conversation.messages[0]) && !('statistics' in conversation.messages[0]));
    assert.equal(conversation.firstSeen, 1);
  });

  for (const [name, text] of [
    ['what is not JSON', 'nonsense'],
    ['other JSON', '{"a":1}'],
    ['null', 'null'],
    ['another version', file([], { version: 2 })],
    ['a conversation without messages', file([{}])],
    ['a message without a role', file([{ messages: [{ content: 'x' }] }])],
    ['a message without text', file([{ messages: [{ role: 'user', content: {} }] }])],
  ]) {
    it(`refuses ${name} with a sentence`, () => assert.throws(() => parseExport(text), /^Error: .*\.$/));
  }

  it('names a conversation after its first words', () => {
    assert.equal(titleFrom('  Hello\nthere '), 'Hello there');
    assert.equal(titleFrom(''), 'New conversation');
    assert.ok(titleFrom('word '.repeat(40)).length <= 49);
  });
});

describe('figures', () => {
  it('read as people write them', () => {
    assert.deepEqual([0, 999, 1000, 98_362_432, 999_600, 2_019_377_696].map(formatBytes), [
      '0 bytes',
      '999 bytes',
      '1.00 KB',
      '98.4 MB',
      '1.00 MB',
      '2.02 GB',
    ]);
    assert.deepEqual([0.4, 59.4, 60, 130, 3900].map(formatDuration), [
      '0 s',
      '59 s',
      '1 min',
      '2 min 10 s',
      '1 h 5 min',
    ]);
    assert.deepEqual([340, 2130].map(formatMilliseconds), ['340 ms', '2.1 s']);
  });
});

describe('whether a model fits', () => {
  const model = {
    fileSize: 98e6,
    memoryBase: 106e6,
    memoryPerToken: 23_040,
    defaultContextLength: 4096,
    contextLength: 8192,
  };

  it('counts the context, up to what the model was trained for', () => {
    assert.equal(fitOf(model, 0).need, 106e6 + 4096 * 23_040);
    assert.equal(fitOf(model, 1024).need, 106e6 + 1024 * 23_040);
    assert.equal(fitOf(model, 99_999).need, 106e6 + 8192 * 23_040);
  });

  it('knows the limits of a tab and of the device', () => {
    assert.equal(fitOf(model, 0, 1).fits, true);
    assert.equal(fitOf(model, 0, 0.125).fits, false);
    assert.equal(fitOf({ ...model, memoryBase: 4.4e9 }, 0, 32).fits, false);
    assert.equal(fitOf({ ...model, memoryBase: 2.5e9, fileSize: 2.4e9 }, 0, 32).fits, false);
    assert.match(fitOf({ ...model, memoryBase: 4.4e9 }, 0, 32).reason, /4\.49 GB/);
  });
});
