/** HTML of the trees that `Web/page/markdown/tree.js` makes, for comparison with the specifications' examples. */

import { element } from '../../Web/page/markdown/tree.js';

/** Shows everything as the specifications do. */
export const specificationPolicy = {
  link: (href, title, children) => element('a', { href, ...(title ? { title } : {}) }, children),
  image: (src, title, alt) => element('img', { src, alt, ...(title ? { title } : {}) }),
  html: (source) => ({ kind: 'html', source }),
  heading: (level) => `h${level}`,
  softBreak: () => '\n',
  table: (table) => table,
  task: (isDone) => element('input', { ...(isDone ? { checked: '' } : {}), disabled: '', type: 'checkbox' }),
};

const escapeText = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export function html(node) {
  if (typeof node === 'string') return escapeText(node);
  if (node.kind === 'html') return node.source;
  if (node.kind === 'code') {
    const name = node.language ? ` class="language-${escapeText(node.language)}"` : '';
    return `<pre><code${name}>${escapeText(node.text)}</code></pre>`;
  }
  if (node.kind === 'formula') return `<math>${escapeText(node.tex)}</math>`;
  const attributes = Object.entries(node.attributes).map(([name, value]) => ` ${name}="${escapeText(value)}"`);
  const open = `<${node.tag}${attributes.join('')}`;
  if (['br', 'hr', 'img', 'input'].includes(node.tag)) return `${open} />`;
  return `${open}>${node.children.map(html).join('')}</${node.tag}>`;
}

/** Without what does not matter: how empty elements end, and new lines around blocks. */
export function normalize(text) {
  const blocks = 'p|ul|ol|li|h[1-6]|hr|blockquote|pre|table|thead|tbody|tr|th|td|div|details|summary';
  return text
    .replace(/ \/>/g, '>')
    .replace(/<br>\n/g, '<br>')
    .replace(new RegExp(`\\n*(</?(?:${blocks})(?: [^>]*)?>)\\n*`, 'g'), '$1')
    .trim();
}
