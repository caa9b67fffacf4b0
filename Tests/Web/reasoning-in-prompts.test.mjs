import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exportText, parseExport } from '../../Web/page/conversation-export.js';
import { Conversation, newMessage } from '../../Web/page/conversation.js';
import { promptOf, tokensToContinue } from '../../Web/page/prompt.js';

function conversation(...contents) {
  const made = new Conversation();
  for (const content of contents) {
    const last = made.path.at(-1);
    made.add(newMessage(last?.role === 'user' ? 'assistant' : 'user', content, last?.id ?? null));
  }
  return made;
}
const texts = (made, reply = null) => promptOf(made, reply, '').map(({ content }) => content);

describe('the reasoning of earlier replies', () => {
  for (const [name, reply] of [
    ['between marks', '<think>\nHm.\n</think>\n\nA'],
    ['begun by the template', 'Hm.\n</think>\n\nA'],
    ['in Mistral’s marks', '[THINK]Hm.[/THINK]A'],
  ]) {
    it(`is not sent again: ${name}`, () => assert.deepEqual(texts(conversation('Q', reply, 'Q2')), ['Q', 'A', 'Q2']));
  }

  it('leaves nothing of a reply that was cut while it thought', () => {
    assert.deepEqual(texts(conversation('Q', '<think>\nHm.', 'Q2')), ['Q\n\nQ2']);
  });

  it('is no reasoning where the user says it, or code quotes it', () => {
    const said = ['<think>Q</think>', 'It is `</think>` that ends it.', 'Q2'];
    assert.deepEqual(texts(conversation(...said)), said);
  });

  it('goes on where the reply that is continued has begun to think', async () => {
    const made = conversation('Q', '<think>\nHm');
    const tokenized = [];
    const engine = {
      applyTemplate: async ({ messages }) => messages.map(({ content }) => content).join('|'),
      tokenize: async (text) => {
        tokenized.push(text);
        return [...text].map((character) => character.charCodeAt(0));
      },
    };
    await tokensToContinue(engine, promptOf(made, made.path[1], ''), made.path[1].content);
    assert.deepEqual(tokenized, ['', 'Q', '<think>\nHm']);
  });
});

describe('how long a reply was thought about', () => {
  const thought = (thoughtFor) => {
    const made = conversation('Q', '<think>Hm.</think>A');
    made.change(made.path[1], { thoughtFor });
    return parseExport(exportText([made]))[0].path[1].thoughtFor;
  };

  it('is kept by an export and an import', () => assert.equal(thought(5400), 5400));

  it('is no time where it is none', () => {
    assert.equal(thought(-1), undefined);
    assert.equal(thought('<b>'), undefined);
  });
});
