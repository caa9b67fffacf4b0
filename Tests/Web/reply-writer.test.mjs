import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { Conversation, newMessage } from '../../Web/page/conversation.js';
import { writeReply } from '../../Web/page/reply-writer.js';

/** Writes a reply of these pieces, each a second after the one before, and returns its message. */
async function written(pieces, begun = {}) {
  let now = 1000;
  const clock = mock.method(performance, 'now', () => now);
  const conversation = new Conversation();
  const question = newMessage('user', 'Q', null);
  const message = { ...newMessage('assistant', '', question.id), ...begun };
  conversation.add(question);
  conversation.add(message);
  const reply = {
    finished: Promise.resolve({ reason: 'stop', timings: null }),
    async *[Symbol.asyncIterator]() {
      for (const piece of pieces) {
        yield piece;
        now += 1000;
      }
    },
  };
  const engine = {
    generate: () => reply,
    applyTemplate: async () => 'prompt',
    tokenize: async () => [1],
  };
  const nothing = () => {};
  const writing = {
    conversation,
    message,
    reply: null,
    prompt: null,
    place: { ahead: 0, elsewhere: 0 },
    stopping: new AbortController(),
  };
  await writeReply(engine, writing, {
    goesOn: message.content !== '',
    prepare: async () => {},
    checkRoomToContinue: nothing,
    model: () => null,
    grow: nothing,
    save: nothing,
  });
  clock.mock.restore();
  return message;
}

describe('how long a reply thinks', () => {
  const thought = async (pieces, begun) => (await written(pieces, begun)).thoughtFor;

  it('is measured though nobody looks at it', async () => {
    assert.equal(
      await thought(['<think>', 'Hm. ', 'Well.', '</think>', 'An answer ', 'that takes ', 'its time.']),
      3000,
    );
  });

  it('is known of a reply that ends while it thinks, and goes on counting with it', async () => {
    assert.equal(await thought(['<think>', 'Hm. ', 'Well.']), 2000);
    const begun = { content: '<think>Hm. Well.', thoughtFor: 2000 };
    assert.equal(await thought(['And ', 'so.', '</think>', 'Yes.'], begun), 4000);
    assert.equal(await thought(['Yes.', ' And so.'], { content: '<think>Hm.</think>', thoughtFor: 2000 }), 2000);
    assert.equal(await thought(['Well.', '</think>'], { content: '<think>Hm.' }), undefined);
  });

  it('is known where the prompt has the opening mark', async () => {
    assert.equal(await thought(['Hm. ', 'Well.', '</think>', 'Yes.']), 2000);
  });

  it('is nothing where nothing is thought', async () => {
    assert.equal(await thought(['<t', 'able> 1 > 0', ' and so on']), undefined);
    assert.equal(await thought(['<think>', '\n\n', '</think>', 'Yes.', ' So.']), undefined);
  });
});
