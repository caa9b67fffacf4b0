import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { loadEntities } from '../../Web/page/markdown/entities.js';
import { parse } from '../../Web/page/markdown/parser.js';
import { blocks, safePolicy } from '../../Web/page/markdown/tree.js';
import { html, normalize, specificationPolicy } from './markdown-html.mjs';

const examples = (name) =>
  JSON.parse(readFileSync(new URL(`../Fixtures/${name}-examples.json`, import.meta.url), 'utf8')).examples;
const render = (markdown, policy) =>
  blocks(parse(markdown), policy)
    .map(({ node }) => (node === null ? '' : html(node)))
    .join('');

before(loadEntities);

/**
 * GFM makes links of bare addresses, which CommonMark alone leaves; GFM's 653 passes some raw HTML, and here none is
 * raw.
 */
for (const [name, count, differences] of [
  ['commonmark', 652, [602, 606, 608, 611, 612]],
  ['gfm', 24, [653]],
]) {
  describe(name, () => {
    const all = examples(name);
    it(`has ${count} examples`, () => assert.equal(all.length, count));
    for (const { example, section, markdown, html: expected } of all) {
      if (differences.includes(example)) continue;
      it(`${example} ${section}`, () =>
        assert.equal(normalize(render(markdown, specificationPolicy)), normalize(expected), markdown));
    }
  });
}

/** Examples that look otherwise in the page, since their raw HTML is text or a picture a link. */
const rawHTML = [
  ...[21, 31, ...range(148, 191), 201, 308, 309, 344, 475, 476, 477, 491, 494, 524, 536],
  ...[...range(613, 617), 623, ...range(625, 631), 642, 643],
];
const pictures = [517, 520, 531, ...range(572, 589), 591];

describe('for safety', () => {
  const differing = (policy) =>
    examples('commonmark')
      .filter(({ markdown }) => render(markdown, policy) !== render(markdown, specificationPolicy))
      .map(({ example }) => example);
  it('raw HTML is text', () => assert.deepEqual(differing({ ...specificationPolicy, html: safePolicy.html }), rawHTML));
  it('pictures are links', () =>
    assert.deepEqual(differing({ ...specificationPolicy, image: safePolicy.image }), pictures));
});

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
