import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasReasoning, markdownOf } from '../../Web/page/conversation-markdown.js';
import { Conversation, newMessage } from '../../Web/page/conversation.js';

const statistics = { model: 'smollm2', tokens: 1, tokensPerSecond: 1, timeToFirstToken: 1 };

function conversation(...contents) {
  const made = new Conversation();
  made.set({ title: 'A # *title*' });
  for (const content of contents) {
    const last = made.path.at(-1);
    made.add(newMessage(last?.role === 'user' ? 'assistant' : 'user', content, last?.id ?? null));
  }
  return made;
}

describe('a conversation as Markdown', () => {
  it('has a heading for each message and names the model', () => {
    const made = conversation('Q', 'A **b**');
    made.set({ systemPrompt: 'Be\nbrief.' });
    made.change(made.path[1], { statistics });
    const expected = '# A \\# \\*title\\*\n\n> System prompt: Be\n> brief.\n\n## You\n\nQ\n\n## smollm2\n\nA **b**\n';
    assert.equal(markdownOf(made, true), expected);
  });

  it('folds the reasoning or leaves it out', () => {
    const made = conversation('Q', '<think>\nHm.\n\n```js\nopen\n</think>\n\nA');
    assert.ok(hasReasoning(made));
    const folded = '<details>\n<summary>Reasoning</summary>\n\nHm.\n\n```js\nopen\n```\n\n</details>\n\nA\n';
    assert.ok(markdownOf(made, true).endsWith(folded));
    assert.ok(markdownOf(made, false).endsWith('## Reply\n\nA\n'));
    assert.ok(!hasReasoning(conversation('<think>Q</think>', 'A')));
  });

  it('closes the code of a reply that was cut off, and no other', () => {
    assert.ok(markdownOf(conversation('Q', '~~~~\n```\nx', 'Q2'), true).includes('~~~~\n```\nx\n~~~~\n\n## You'));
    assert.ok(markdownOf(conversation('Q', '```js\nx\n```', 'Q2'), true).includes('```js\nx\n```\n\n## You'));
  });

  it('closes the code that a message leaves open, which would swallow the replies', () => {
    assert.ok(markdownOf(conversation('Why?\n```\nx', 'A'), true).includes('Why?\n```\nx\n```\n\n## Reply\n\nA'));
  });

  it('holds the files of a message, and the branch that is shown alone', () => {
    const made = conversation('Q', 'A');
    made.change(made.path[0], { files: [{ name: 'a.txt', text: 'the text' }] });
    made.add(newMessage('assistant', 'B', made.path[0].id));
    const text = markdownOf(made, true);
    assert.ok(text.includes('File “a.txt”:\n\n```txt\nthe text\n```\n\nQ'));
    assert.ok(text.includes('\nB\n') && !text.includes('\nA\n'));
  });
});
