import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { loadEntities } from '../../Web/page/markdown/entities.js';
import { parse } from '../../Web/page/markdown/parser.js';
import { blocks, safePolicy } from '../../Web/page/markdown/tree.js';
import { MarkdownView } from '../../Web/page/markdown/view.js';
import { splitReply } from '../../Web/page/reasoning.js';
import { installFakeDocument, markup } from './fake-document.mjs';
import { html } from './markdown-html.mjs';

installFakeDocument();
before(loadEntities);

const shown = (markdown) =>
  blocks(parse(markdown), safePolicy)
    .map(({ node }) => (node === null ? '' : html(node)))
    .join('');

describe('what the page shows', () => {
  const cases = [
    [
      'a link to the web',
      '[a](https://b.c "t")',
      /<a href="https:\/\/b.c" target="_blank" rel="noopener noreferrer" title="t">a</,
    ],
    ['a link by reference', '[a][1]\n\n[1]: https://b.c', /<a href="https:\/\/b.c"/],
    [
      'a script link as text with its address',
      '[a](javascript:alert(1))',
      /<span class="dead-link" title="javascript:alert\(1\)">a</,
    ],
    ['a relative link as text', '[a](/models/x)', /<span class="dead-link"/],
    ['a data link as text', '[a](data:text/html,x)', /<span class="dead-link"/],
    ['an address without a host as text', '[a](http:///x)', /<span class="dead-link"/],
    ['a picture as a link', '![p](https://a.b/p.png)', /<a href="https:\/\/a.b\/p.png"[^>]*>p<\/a>/],
    ['raw HTML as text', '<b onclick=x>hi</b>', /&lt;b onclick=x&gt;hi&lt;\/b&gt;/],
    ['a raw line break as one', 'a<br>b', /a<br \/>b/],
    ['a block of raw HTML as text', '<script>\nalert(1)\n</script>', /<p class="raw">&lt;script&gt;\nalert\(1\)/],
    ['headings below those of the page', '# a\n\nb\n===', /<h3>a<\/h3><h3>b<\/h3>/],
    ['new lines as the model wrote them', 'a\nb', /a<br \/>b/],
    ['a task list', '- [x] a\n- [ ] b', /<input type="checkbox" disabled="" checked=""[^>]*\/> a<\/li>/],
    ['a table that scrolls', '| a | b |\n|:--|--:|\n| 1 | 2 |', /<div class="table-scroller".*<td align="right">2</],
    ['indented code', 'a\n\n    b < c', /<pre><code>b &lt; c/],
    ['an entity', '&Dopf; &copy; &nosuch;', /𝔻 © &amp;nosuch;/],
  ];
  for (const [name, source, expected] of cases) it(name, () => assert.match(shown(source), expected));

  it('has only elements, attributes and addresses that are allowed', () => {
    const tags =
      'p h3 h4 h5 h6 ul ol li blockquote hr br em strong del code a span div table thead tbody tr th td input';
    const names = 'href target rel title class tabindex role aria-label type disabled checked start align';
    const check = (node) => {
      if (typeof node === 'string' || 'kind' in node) return;
      assert.ok(tags.split(' ').includes(node.tag), node.tag);
      for (const name of Object.keys(node.attributes)) assert.ok(names.split(' ').includes(name), name);
      if ('href' in node.attributes) assert.match(node.attributes.href, /^(https?|mailto):/i);
      node.children.forEach(check);
    };
    let count = 0;
    for (const name of ['commonmark', 'gfm']) {
      const file = new URL(`../Fixtures/${name}-examples.json`, import.meta.url);
      for (const { markdown } of JSON.parse(readFileSync(file, 'utf8')).examples) {
        for (const { node } of blocks(parse(markdown), safePolicy)) if (node !== null) check(node);
        count += 1;
      }
    }
    assert.equal(count, 676);
  });
});

describe('formulas', () => {
  const formulas = (markdown) => [...shown(markdown).matchAll(/<math>(.*?)<\/math>/gs)].map((match) => match[1]);
  const found = [
    ['Euler: \\(e^{i\\pi} + 1 = 0\\).', ['e^{i\\pi} + 1 = 0']],
    ['\\[\na_1 * b_2 * c\n\\]', ['a_1 * b_2 * c']],
    ['Then\n\\[ x \\]\nfollows', ['x']],
    ['$$\nx < y \\\\ z\n$$', ['x &lt; y \\\\ z']],
    ['so $$x^2$$ there', ['x^2']],
    ['with $x$ and $y_1$, $n-1$', ['x', 'y_1', 'n-1']],
    ['\\begin{align}\na &= b\n\\end{align}', ['\\begin{align}\na &amp;= b\n\\end{align}']],
    ['```math\nx\n```', ['x\n']],
    ['- item \\(a_b\\)\n\n  \\[\n  c\n  \\]', ['a_b', 'c']],
    ['> $$\n> q\n> $$', ['q']],
    ['| $a_1$ | b |\n|--|--|\n| $c$ | d |', ['a_1', 'c']],
    ['keep $a*b*c$ and $[x](y)$', ['a*b*c', '[x](y)']],
  ];
  for (const [source, expected] of found)
    it(JSON.stringify(source), () => assert.deepEqual(formulas(source), expected));

  const none = [
    'It costs $5 and $10.',
    'from $5-$10 to US$20, A$3',
    '$5/month or $50/year',
    "I have $20. She's owed 30$ now.",
    'set $HOME/bin:$PATH',
    '`$x$` and\n\n```\n$y$\n```',
    'a \\$x\\$ b',
    'brackets \\(\\) and \\[\\]',
    'open \\( and no end',
    '$$ and no end',
    'The price ($3) and ($4)',
  ];
  for (const source of none) it(`not in ${JSON.stringify(source)}`, () => assert.deepEqual(formulas(source), []));

  it('stay as they were written when nothing closes them', () => {
    assert.match(shown('open \\( a_b and no end'), /open \( a_b and no end/);
  });
});

describe('a reply that grows', () => {
  const reply = [
    '# Title\n\nA paragraph with **bold**\nover two lines and [a link](https://a.b).\n\n',
    '- one\n- two\n\n  more of two\n*not* an item\n\n',
    '```swift\nlet a = 1\n\nlet b = 2\n```\nAfter.\n\npara\n| a | b |\n|---|---|\n| 1 | 2 |\n\n1. x\n2. y\n> quoted\n\n',
    'Setext\n---\n\n\\[\nx^2\n\n+ y\n\\]\n\n    indented\n\n- [ ] task\n- [x] done\n\n',
    '[1]: https://a.b\n\n<div>\nraw\n\nEnd $x$.\n',
  ].join('');

  it('is in the end what the whole is, and never has another beginning', () => {
    const root = document.createElement('div');
    const view = new MarkdownView(root);
    for (let length = 1; length <= reply.length; length += 1) {
      view.update(reply.slice(0, length), true);
      view.drawNow();
      const whole = document.createElement('div');
      const fresh = new MarkdownView(whole);
      fresh.update(reply.slice(0, length), true);
      assert.equal(markup(root), markup(whole), `after ${length} characters`);
    }
    view.update(reply, false);
    const whole = document.createElement('div');
    new MarkdownView(whole).update(reply, false);
    assert.equal(markup(root), markup(whole));
  });

  it('keeps the elements that do not change', () => {
    const root = document.createElement('div');
    const view = new MarkdownView(root);
    view.update('First [x].\n\n| a |\n|---|\n| 1 |\n', true);
    const [first, table] = root.childNodes;
    view.update('First [x].\n\n| a |\n|---|\n| 1 |\n| 2 |\n\nEnd.\n\n[x]: https://a.b\n', false);
    assert.equal(root.childNodes[0], first);
    assert.equal(root.childNodes[1], table);
    assert.match(markup(first), /<a href="https:\/\/a.b"/);
  });
});

describe('hostile text of 100 KB', () => {
  const fill = (part) => part.repeat(Math.ceil(100_000 / part.length)).slice(0, 100_000);
  const indented = Array.from({ length: 440 }, (_, depth) => `${' '.repeat(depth)}- a`).join('\n');
  const ticks = Array.from({ length: 440 }, (_, length) => `e${'`'.repeat(length)}`).join('');
  const parts = ['>', '> > > > > a\n', '- ', '* > 1. ', '[', '[a](', '![a](', '*a ', 'a**b', '*a_ ', '_a__b', '<a '];
  parts.push('<!--');
  parts.push('<a b="', '$', '$a ', '$ a$', '\\(', '\\(\\\\)', '\\[\n', '$$\na\n\n', '\\begin{align}\n', '~a ', 'a~~b~');
  parts.push('www.', 'www.a ', 'http://', 'http://a)))', 'a@', 'a@a.', '&a', '&amp;', '[a]: b\n', '[a]: b "\n');
  parts.push('|a\n|-\n');
  parts.push('a\n=\n', '```\n', '~~~ a\n', '*[a', '<http://a', '# a\n', '\\', ']', '` `` ');
  const texts = [...parts.map(fill), indented, ticks, `${fill('[')}${fill('](a)')}`, `[a]: b "${fill('x\n')}`];
  texts.push(`http://a${fill(')')}`, `${fill('| a ')}\n${fill('|--')}\n`, `|a|b|\n|-|-|\n${fill('|x\n')}`);
  for (const text of texts) {
    it(`is parsed within two seconds: ${JSON.stringify(text.slice(0, 16))}…`, () => {
      const start = performance.now();
      blocks(parse(text), safePolicy);
      assert.ok(performance.now() - start < 2000);
    });
  }
});

describe('reasoning', () => {
  const cases = [
    ['no reasoning', 'Hello', ['', 'Hello', false]],
    ['a whole one', '<think>\nhm\n</think>\n\nHello', ['hm', 'Hello', false]],
    ['one that goes on', '<think>hm', ['hm', '', true]],
    ['one whose beginning is in the prompt', 'hm\n</think>\nHello', ['hm', 'Hello', false]],
    ['other marks', '[THINK]hm[/THINK]Hello', ['hm', 'Hello', false]],
    ['the beginning of a mark', '<thi', ['', '', true]],
    [
      'a mark that is talked about',
      'The tag `<think>` and `</think>`.',
      ['', 'The tag `<think>` and `</think>`.', false],
    ],
    ['a mark later on', 'Hello <think>', ['', 'Hello <think>', false]],
    ['an empty one', '<think>\n\n</think>\n\nHello', ['', 'Hello', false]],
  ];
  for (const [name, text, [reasoning, answer, isThinking]] of cases) {
    it(name, () => assert.deepEqual(splitReply(text), { reasoning, answer, isThinking }));
  }
});
