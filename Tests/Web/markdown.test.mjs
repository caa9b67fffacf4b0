import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseMarkdown, splitBlocks } from '../../Web/page/markdown.js';
import { parseInline } from '../../Web/page/markdown-inline.js';

const text = (value) => ({ type: 'text', text: value });

describe('inline spans', () => {
  const cases = [
    ['plain', 'just words', [text('just words')]],
    ['strong', 'a **b** c', [text('a '), { type: 'strong', children: [text('b')] }, text(' c')]],
    [
      'emphasis',
      '*a* _b_',
      [{ type: 'emphasis', children: [text('a')] }, text(' '), { type: 'emphasis', children: [text('b')] }],
    ],
    ['strong emphasis', '***a***', [{ type: 'strong', children: [{ type: 'emphasis', children: [text('a')] }] }]],
    [
      'nested',
      '**a *b* c**',
      [{ type: 'strong', children: [text('a '), { type: 'emphasis', children: [text('b')] }, text(' c')] }],
    ],
    ['underscores inside words stay', 'snake_case_name', [text('snake_case_name')]],
    ['a lone star stays', '2 * 3 * 4', [text('2 * 3 * 4')]],
    ['an unclosed mark stays', '**open', [text('**open')]],
    ['code', 'use `a*b*c` now', [text('use '), { type: 'code', text: 'a*b*c' }, text(' now')]],
    ['code with ticks inside', '`` a ` b ``', [{ type: 'code', text: 'a ` b' }]],
    ['unclosed code stays', 'a `b', [text('a `b')]],
    ['deleted', '~~a~~', [{ type: 'deleted', children: [text('a')] }]],
    ['escape', '\\*a\\*', [text('*a*')]],
    ['line break', 'a  \nb', [text('a'), { type: 'break' }, text('b')]],
    [
      'link',
      '[a](https://b.example/c_(d))',
      [{ type: 'link', href: 'https://b.example/c_(d)', children: [text('a')] }],
    ],
    ['script link is no link', '[a](javascript:alert(1))', [text('[a](javascript:alert(1))')]],
    ['data link is no link', '[a](data:text/html,x)', [text('[a](data:text/html,x)')]],
    [
      'bare link ends before punctuation',
      'see https://a.example/b.',
      [text('see '), { type: 'link', href: 'https://a.example/b', children: [text('https://a.example/b')] }, text('.')],
    ],
    [
      'an image is shown as a link',
      '![p](https://a.example/p.png)',
      [{ type: 'link', href: 'https://a.example/p.png', children: [text('p')] }],
    ],
    ['markup is text', '<b onclick=x>hi</b>', [text('<b onclick=x>hi</b>')]],
  ];
  for (const [name, source, expected] of cases) {
    it(name, () => assert.deepEqual(parseInline(source), expected));
  }
});

describe('blocks', () => {
  it('knows headings, paragraphs and rules', () => {
    assert.deepEqual(
      parseMarkdown('# A\nb\n\n---\nc').map((node) => node.type),
      ['heading', 'paragraph', 'rule', 'paragraph'],
    );
  });

  it('keeps a fenced block whole, with its language', () => {
    const [node] = parseMarkdown('```swift\nlet a = 1\n\n# not a heading\n```');
    assert.deepEqual(node, {
      type: 'codeBlock',
      language: 'swift',
      text: 'let a = 1\n\n# not a heading',
      closed: true,
    });
  });

  it('shows a fenced block that is still open', () => {
    const [node] = parseMarkdown('```js\nconst a');
    assert.deepEqual(node, { type: 'codeBlock', language: 'js', text: 'const a', closed: false });
  });

  it('reads lists with nesting and code inside', () => {
    const [node] = parseMarkdown('1. one\n   - inner\n2. two\n\n   ```\n   code\n   ```\n3. three');
    assert.equal(node.type, 'list');
    assert.equal(node.ordered, true);
    assert.deepEqual(
      node.items.map((item) => item.map((block) => block.type)),
      [['paragraph', 'list'], ['paragraph', 'codeBlock'], ['paragraph']],
    );
    assert.equal(node.items[1][1].text, 'code');
  });

  it('begins an ordered list where the text says', () => {
    assert.equal(parseMarkdown('3. c\n4. d')[0].start, 3);
  });

  it('reads a table with alignment', () => {
    const [node] = parseMarkdown('| a | b |\n|:--|--:|\n| 1 | 2 |\n| 3 |');
    assert.equal(node.type, 'table');
    assert.deepEqual(node.align, ['left', 'right']);
    assert.deepEqual(node.rows, [
      [[text('1')], [text('2')]],
      [[text('3')], []],
    ]);
  });

  it('reads a quote with a list inside', () => {
    const [node] = parseMarkdown('> - a\n> - b');
    assert.equal(node.children[0].items.length, 2);
  });

  it('survives a thousand nested quotes and brackets', () => {
    parseMarkdown('>'.repeat(1000) + 'a');
    parseMarkdown('['.repeat(5000));
    parseMarkdown('*a '.repeat(3000));
    parseMarkdown('- '.repeat(2000) + 'a');
  });
});

describe('a reply that grows', () => {
  const reply = [
    '# Title',
    '',
    'A paragraph with **bold**',
    'over two lines.',
    '',
    '- one',
    '- two',
    '',
    '  more of two',
    '',
    '```swift',
    'let a = 1',
    '',
    'let b = 2',
    '```',
    'After.',
    '',
    '| a | b |',
    '|---|---|',
    '| 1 | 2 |',
    '',
    '1. x',
    '2. y',
    '> quoted',
    '',
    'End.',
    '',
  ].join('\n');

  it('never changes a block once the next has begun', () => {
    const whole = splitBlocks(reply);
    for (let length = 1; length <= reply.length; length += 1) {
      const partial = splitBlocks(reply.slice(0, length));
      for (const [index, block] of partial.slice(0, -1).entries()) {
        assert.deepEqual(block, whole[index], `after ${length} characters`);
      }
    }
  });

  it('is the same when split again from its last block', () => {
    let blocks = [];
    for (let length = 1; length <= reply.length; length += 1) {
      const start = blocks.at(-1)?.start ?? 0;
      blocks = [...blocks.slice(0, -1), ...splitBlocks(reply.slice(0, length), start)];
    }
    assert.deepEqual(blocks, splitBlocks(reply));
  });
});
