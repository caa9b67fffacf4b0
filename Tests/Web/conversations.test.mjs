import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exportText, parseExport } from '../../Web/page/conversation-export.js';
import { Conversation, merge, newMessage, titleFrom } from '../../Web/page/conversation.js';
import { promptOf } from '../../Web/page/prompt.js';
import { fitOf } from '../../Web/page/device.js';
import { formatBytes, formatDuration, formatMilliseconds } from '../../Web/page/format.js';
import { placeModel } from '../../Web/placement.js';

const file = (conversations, more = {}) =>
  JSON.stringify({ format: 'swiftlet-conversations', version: 1, conversations, ...more });
const message = { role: 'user', content: 'Hi', createdAt: 5 };

describe('importing conversations', () => {
  it('keeps the messages and the ids, so that a second import adds nothing', () => {
    const [first, second] = parseExport(
      file([{ id: 'a', title: 'T', createdAt: 1, updatedAt: 2, messages: [message] }, { messages: [] }]),
    );
    assert.equal(first.title, 'T');
    assert.equal(first.id, 'a');
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
    assert.equal(conversation.firstSeen, 0);
  });

  for (const [name, text] of [
    ['what is not JSON', 'nonsense'],
    ['other JSON', '{"a":1}'],
    ['null', 'null'],
    ['another version', file([], { version: 3 })],
    ['a conversation without messages', file([{}])],
    ['a message without a role', file([{ messages: [{ content: 'x' }] }])],
    ['a message without text', file([{ messages: [{ role: 'user', content: {} }] }])],
  ]) {
    it(`refuses ${name} with a sentence`, () => assert.throws(() => parseExport(text), /^Error: .*\.$/));
  }

  it('reads what it wrote, versions included', () => {
    const conversation = new Conversation();
    const say = (role, content, parent) => {
      const message = newMessage(role, content, parent);
      conversation.add(message);
      return message;
    };
    const question = say('user', 'Q', null);
    say('assistant', 'A', question.id);
    const second = say('assistant', 'B', question.id);
    conversation.set({ title: 'Letters', seenFrom: second.id });
    const [read] = parseExport(exportText([conversation]));
    assert.deepEqual(
      read.path.map(({ content }) => content),
      ['Q', 'B'],
    );
    assert.equal(read.versions(read.path[1]).length, 2);
    assert.deepEqual([read.id, read.title, read.firstSeen], [conversation.id, 'Letters', 1]);
  });

  it('keeps branches though a message says that it is older than what it follows', () => {
    const messages = [
      { ...message, id: 'q', parent: null, createdAt: 50 },
      { ...message, id: 'a', parent: 'q', role: 'assistant', createdAt: 40 },
      { ...message, id: 'b', parent: 'q', role: 'assistant', createdAt: 30 },
      { ...message, id: 'c', parent: 'a', createdAt: 20 },
    ];
    const parents = ({ messages }) => Object.fromEntries(messages.map(({ id, parent }) => [id, parent]));
    const [imported] = parseExport(file([{ messages }], { version: 2 }));
    // As the database gives them back, which sorts them by their times.
    const byTime = imported.messages.toSorted((a, b) => a.createdAt - b.createdAt);
    const stored = new Conversation(imported.summary, byTime);
    const [again] = parseExport(exportText([stored]));
    assert.deepEqual(parents(again), { q: null, a: 'q', b: 'q', c: 'a' });
    assert.deepEqual(
      stored.messages.map(({ id }) => id).sort(),
      ['a', 'b', 'c', 'q'],
    );
    // Files that an earlier version wrote have them in that order too.
    const [written] = parseExport(file([{ messages: byTime }], { version: 2 }));
    assert.deepEqual(parents(written), { q: null, a: 'q', b: 'q', c: 'a' });
  });

  it('survives messages that follow each other in a circle', () => {
    const circle = [
      { ...message, id: 'a', parent: 'b' },
      { ...message, id: 'b', parent: 'a' },
    ];
    assert.equal(parseExport(file([{ messages: circle }], { version: 2 }))[0].path.length, 2);
  });

  it('names a conversation after its first words', () => {
    assert.equal(titleFrom('  Hello\nthere '), 'Hello there');
    assert.equal(titleFrom(''), 'New conversation');
    assert.ok(titleFrom('word '.repeat(40)).length <= 49);
  });
});

describe('a conversation', () => {
  const begin = () => {
    const conversation = new Conversation();
    const question = newMessage('user', 'Q', null);
    const reply = newMessage('assistant', 'A', question.id);
    conversation.add(question);
    conversation.add(reply);
    return { conversation, question, reply };
  };
  const copy = (conversation) =>
    new Conversation(structuredClone(conversation.summary), structuredClone(conversation.messages));
  const texts = (conversation) => conversation.path.map(({ content }) => content).join(' ');

  it('shows the newest branch below a version that is chosen', () => {
    const { conversation, question, reply } = begin();
    conversation.add(newMessage('user', 'Q2', reply.id));
    const other = newMessage('assistant', 'B', question.id);
    conversation.add(other);
    assert.equal(texts(conversation), 'Q B');
    conversation.choose(reply);
    assert.equal(texts(conversation), 'Q A Q2');
    assert.deepEqual(conversation.versions(reply), [reply, other]);
  });

  it('goes on over a deleted message', () => {
    const { conversation, question, reply } = begin();
    conversation.add(newMessage('user', 'Q2', reply.id));
    conversation.change(reply, { deleted: true });
    assert.equal(texts(conversation), 'Q Q2');
    conversation.change(conversation.path[1], { deleted: true });
    assert.equal(conversation.path.at(-1), question);
  });

  it('takes in what another tab wrote, and keeps its own', () => {
    const { conversation, reply } = begin();
    const other = copy(conversation);
    conversation.add(newMessage('user', 'mine', reply.id));
    other.add(newMessage('user', 'theirs', reply.id));
    other.set({ title: 'Renamed' });
    conversation.adopt(other);
    assert.equal(texts(conversation), 'Q A mine');
    assert.equal(conversation.messages.length, 4);
    assert.equal(conversation.title, 'Renamed');
  });

  it('follows what another tab added after what it shows', () => {
    const { conversation, reply } = begin();
    const other = copy(conversation);
    other.add(newMessage('user', 'next', reply.id));
    conversation.adopt(other);
    assert.equal(texts(conversation), 'Q A next');
  });

  it('merges field by field, the later change first', () => {
    const { conversation } = begin();
    const [mine, theirs] = [copy(conversation), copy(conversation)];
    mine.set({ deleted: true });
    theirs.set({ title: 'Renamed' });
    for (const merged of [merge(mine.summary, theirs.summary), merge(theirs.summary, mine.summary)])
      assert.deepEqual([merged.deleted, merged.title], [true, 'Renamed']);
    const [message] = conversation.messages;
    const older = { ...message, content: 'old', changed: message.changed - 1 };
    assert.equal(merge(message, older).content, 'Q');
    assert.equal(merge(older, message).content, 'Q');
  });

  it('is told to the model without two messages of one speaker in a row', () => {
    const { conversation, reply } = begin();
    const more = newMessage('user', 'Q2', reply.id);
    const last = newMessage('user', 'Q3', more.id);
    const next = newMessage('assistant', '', last.id);
    for (const message of [more, last, next]) conversation.add(message);
    assert.deepEqual(promptOf(conversation, next, ' Be brief. '), [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: 'A' },
      { role: 'user', content: 'Q2\n\nQ3' },
    ]);
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

  it('knows the limits of a tab and of the device, and says which it was', () => {
    const here = { memory64: true, isolated: true, deviceMemory: 32 };
    const reasonFor = (/** @type {object} */ change, /** @type {object} */ there) =>
      placeModel({ need: 106e6, fileSize: 98e6, ...change }, { ...here, ...there }).problem?.reason ?? null;
    const [large, split] = [
      { need: 4.49e9, fileSize: 4.4e9 },
      { need: 4.49e9, fileSize: 1.9e9 },
    ];
    assert.equal(reasonFor({}, { deviceMemory: 1 }), null);
    assert.equal(reasonFor({}, { deviceMemory: 0.125 }), 'device-memory');
    assert.equal(reasonFor({}, { memory64: false, isolated: false, deviceMemory: undefined }), null);
    for (const model of [large, split]) {
      assert.equal(reasonFor(model, {}), null);
      assert.equal(reasonFor(model, { memory64: false }), 'no-memory64');
      assert.equal(reasonFor(model, { isolated: false }), 'not-isolated');
      assert.equal(reasonFor(model, { deviceMemory: 4 }), 'device-memory');
    }
    assert.equal(reasonFor({ need: 2 ** 34, fileSize: 1.7e10 }, {}), 'too-large');
    const { fits, reason } = fitOf({ ...model, memoryBase: 4.4e9 }, 0, { ...here, memory64: false });
    assert.equal(fits, false);
    assert.match(reason, /^It needs 4\.49 GB of memory, .*Memory64/);
  });

  it('knows what the browser gave to the module that runs', () => {
    const here = { memory64: true, isolated: true };
    const placed = (/** @type {number} */ need, /** @type {object} */ module) => {
      const running = { addressing: 32, granted: 2 ** 30, isFixed: false, ...module };
      const { addressing, problem } = placeModel({ need, fileSize: 98e6 }, { ...here, module: running });
      return problem?.reason ?? addressing;
    };
    assert.equal(placed(1e9, {}), 32);
    assert.equal(placed(1.1e9, {}), 'not-granted');
    assert.equal(placed(1.1e9, { addressing: 64 }), 32, 'what another one was given is not known');
    assert.equal(placed(5e9, {}), 64);
    assert.equal(placed(7e9, { addressing: 64, granted: 6 * 2 ** 30 }), 'not-granted');
    assert.equal(placed(5e9, { granted: 65535 * 65536, isFixed: true }), 'not-granted', 'the other one may not be taken');
    assert.equal(placed(1e9, { addressing: 64, isFixed: true }), 64);
    const { problem } = placeModel(
      { need: 1.1e9, fileSize: 98e6 },
      { ...here, module: { addressing: 32, granted: 2 ** 30, isFixed: false } },
    );
    assert.ok(problem && problem.code === 'not-enough-memory' && problem.need > problem.limit);
    assert.match(problem.message, /^It needs 1\.10 GB of memory; this browser gave this tab only 1\.04 GB\./);
  });

  it('takes the 64-bit module only for what 32 bits cannot hold', () => {
    const here = { memory64: true, isolated: true };
    const addressing = (/** @type {number} */ need, /** @type {number} */ fileSize) =>
      placeModel({ need, fileSize }, here).addressing;
    assert.equal(addressing(106e6, 98e6), 32);
    assert.equal(addressing(4.2e9, 2 ** 31 - 1), 32);
    assert.equal(addressing(2.2e9, 2 ** 31), 64);
    assert.equal(addressing(4.28e9, 1e9), 64);
  });
});
