import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exportText, filesFrom, parseExport } from '../../Web/page/conversation-export.js';
import { Conversation, newMessage } from '../../Web/page/conversation.js';
import { messageText, promptOf } from '../../Web/page/prompt.js';
import { readTextFile } from '../../Web/page/text-files.js';

const file = (bytes, name = 'a.txt') => new File([bytes], name);

describe('text files', () => {
  it('are read in UTF-8 and UTF-16, with one kind of line end', async () => {
    assert.equal((await readTextFile(file('Störche\r\nfliegen\r'))).text, 'Störche\nfliegen\n');
    assert.equal((await readTextFile(file(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])))).text, 'a');
    assert.equal((await readTextFile(file(new Uint8Array([0xff, 0xfe, 0x61, 0, 0xfc, 0])))).text, 'aü');
    assert.equal((await readTextFile(file(new Uint8Array([0xfe, 0xff, 0, 0x61])))).text, 'a');
  });

  for (const [name, bytes, reason] of [
    ['a picture', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), /is not a text file/],
    ['zeros', new Uint8Array(40), /is not a text file/],
    ['a PDF', '%PDF-1.7\nplain', /is not a text file/],
    ['Latin-1', new Uint8Array([0x61, 0xe4, 0x62]), /is not a text file/],
    ['an empty file', '', /is empty/],
    ['a large file', 'a'.repeat(1_250_000), /has 1\.25 MB; a text file may have 1\.00 MB\.$/],
    ['a file just too large', 'a'.repeat(1_000_001), /has a little more than 1\.00 MB; a text file may have 1\.00 MB\.$/],
  ]) {
    it(`are refused with a sentence: ${name}`, () => assert.rejects(readTextFile(file(bytes)), reason));
  }

  it('are sent under their names, in fences that nothing in them closes', () => {
    const text = messageText({
      content: 'Why?',
      files: [
        { name: 'a.md', text: '````\nx\n```\n' },
        { name: 'LICENSE', text: 'l' },
      ],
    });
    assert.equal(text, 'File “a.md”:\n\n`````md\n````\nx\n```\n`````\n\nFile “LICENSE”:\n\n```\nl\n```\n\nWhy?');
  });

  it('have names in one line, which turn no text around', async () => {
    const name = 'a”:\n\r\u2028\u202egpj.txt';
    assert.equal((await readTextFile(file('x', name))).name, 'a”: gpj.txt');
    assert.deepEqual(filesFrom([{ name, text: 'x' }]), [{ name: 'a”: gpj.txt', text: 'x' }]);
  });

  it('are sent in no time, whatever they are made of', { timeout: 5000 }, () => {
    for (const text of ['`'.repeat(1_000_000), '```\n'.repeat(250_000)]) {
      const [, fence, inside] = /^File “a”:\n\n(`+)\n([^]*)\n\1$/.exec(messageText({ content: '', files: [{ name: 'a', text }] }));
      assert.equal(inside, text.replace(/\n$/, ''));
      assert.ok(!text.includes(fence));
    }
  });

  it('are part of the prompt, of an export, and of what is imported', () => {
    const conversation = new Conversation();
    const files = [{ name: 'a.txt', text: 'the text' }];
    conversation.add({ ...newMessage('user', '', null), files });
    const [read] = parseExport(exportText([conversation]));
    assert.deepEqual(read.path[0].files, files);
    assert.equal(promptOf(read, null, '')[0].content, 'File “a.txt”:\n\n```txt\nthe text\n```');
  });
});
