import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exportText, parseExport } from '../../Web/page/conversation-export.js';
import { Conversation, newMessage } from '../../Web/page/conversation.js';
import {
  addPresets,
  builtInPresets,
  changePresets,
  ownPresets,
  presetName,
  presetsFrom,
} from '../../Web/page/presets.js';
import { promptOf } from '../../Web/page/prompt.js';

const kept = new Map();
globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };

describe('presets', () => {
  it('are taken from a file only where they are some', () => {
    const evil = [
      null,
      3,
      { name: 'x' },
      { name: ' ', text: 'x' },
      { name: 'A', text: 1 },
      { id: '"', name: 'B', text: 'b' },
    ];
    const [only, ...rest] = presetsFrom(evil);
    assert.deepEqual([only.name, only.text, rest.length], ['B', 'b', 0]);
    assert.match(only.id, /^\w+$/);
    assert.deepEqual(presetsFrom({ length: 3 }), []);
  });

  it('of a file do not change what is here', () => {
    changePresets(() => [{ id: 'a', name: 'Mine', text: 'mine' }]);
    const brought = [
      { id: 'a', name: 'Other', text: 'other' },
      { id: 'b', name: 'New', text: 'new' },
      { id: 'b', name: 'Twin', text: 'twin' },
      { id: builtInPresets[0].id, name: 'Not the page’s', text: 'evil' },
    ];
    assert.equal(addPresets(brought), 1);
    assert.equal(addPresets(brought), 0);
    assert.deepEqual(
      ownPresets().map(({ name }) => name),
      ['Mine', 'New'],
    );
  });

  it('survive storage that was changed by hand', () => {
    kept.set('swiftlet-presets', '{nonsense');
    assert.deepEqual(ownPresets(), []);
  });

  it('are named after their first words', () => {
    assert.equal(presetName('  You are a\npirate who answers, always.'), 'You are a pirate who');
    assert.equal(presetName(' '), 'My preset');
    assert.equal(new Set(builtInPresets.map(({ id }) => id)).size, builtInPresets.length);
  });
});

describe('the system prompt', () => {
  const begin = (systemPrompt) => {
    const conversation = new Conversation();
    conversation.add(newMessage('user', 'Q', null));
    if (systemPrompt !== undefined) conversation.set({ systemPrompt });
    return conversation;
  };
  const prompt = (conversation) =>
    promptOf(conversation, newMessage('assistant', '', conversation.summary.leaf), 'default')[0].content;

  it('is the conversation’s own, or that of the settings where it has none', () => {
    assert.equal(prompt(begin()), 'default');
    assert.equal(prompt(begin('own')), 'own');
    assert.equal(prompt(begin('')), 'Q');
  });

  it('is exported, imported, and merged by its last change', () => {
    const [read] = parseExport(exportText([begin('own')]));
    assert.equal(prompt(read), 'own');
    const mine = new Conversation(structuredClone(read.summary), structuredClone(read.messages));
    read.set({ systemPrompt: 'later' });
    mine.adopt(read);
    assert.equal(prompt(mine), 'later');
  });
});
