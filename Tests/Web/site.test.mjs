import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const web = new URL('../../Web/', import.meta.url);
const read = (file) => readFileSync(new URL(file, web), 'utf8');
const files = readdirSync(web, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.split('/Web/').at(-1).replace(/^\/+/, ''))
  .filter((file) => !file.startsWith('dist/'));

describe('the service worker', () => {
  const listed = [
    ...read('service-worker.js')
      .match(/const page = \[([^\]]*)\]/)[1]
      .matchAll(/'([^']+)'/g),
  ].map((match) => match[1]);

  it('keeps every file that the page needs offline', () => {
    const needed = files.filter(
      (file) => /\.(js|css|svg|webmanifest|woff2)$/.test(file) && file !== 'service-worker.js',
    );
    assert.ok(needed.length > 30);
    assert.deepEqual(
      needed.filter((file) => !listed.includes(file)),
      [],
    );
  });

  it('lists no file that is not there', () => {
    const built = ['./', 'hash.wasm', 'swiftlet.wasm', 'swiftlet-64.wasm', 'swiftlet-threads.wasm'];
    assert.deepEqual(
      listed.filter((file) => !files.includes(file) && !built.includes(file)),
      [],
    );
  });
});

describe('the sources', () => {
  const own = files.filter((file) => !file.startsWith('vendor/'));
  const scripts = own.filter((file) => file.endsWith('.js'));

  it('never make markup of text', () => {
    for (const file of scripts) {
      assert.doesNotMatch(
        read(file),
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/,
        file,
      );
    }
  });

  it('import only files that are there', () => {
    for (const file of scripts) {
      for (const [, target] of read(file).matchAll(/^(?:import|export) .*?from '([^']+)';$/gm)) {
        const resolved = new URL(target, new URL(file, web)).pathname.split('/Web/').at(-1);
        assert.ok(files.includes(resolved), `${file} imports ${target}`);
      }
    }
  });

  it('stay short', () => {
    for (const file of own.filter((name) => /\.(js|css|html|ts)$/.test(name))) {
      assert.ok(read(file).split('\n').length <= 400, file);
    }
    assert.ok(read('example.html').trim().split('\n').length <= 40);
  });

  it('stay under 120 KB with gzip before what is loaded on demand', () => {
    // What the page and its worker name themselves; what they import when it is asked for is not among it.
    const first = new Set(['index.html']);
    for (const [, file] of read('index.html').matchAll(/(?:href|src)="([^"#]+\.(?:css|js))"/g)) first.add(file);
    for (const file of first.add('worker.js').add('worker/helper.js').add('worker/hash-worker.js')) {
      if (!file.endsWith('.js')) continue;
      for (const [, target] of read(file).matchAll(/^(?:import|export|\})[^;]*?'(\.{1,2}\/[^']+)';$/gm))
        first.add(new URL(target, new URL(file, web)).pathname.split('/Web/').at(-1));
    }
    assert.ok(first.has('page/chat.js') && first.has('worker/engine.js') && !first.has('page/model-dialog.js'));
    // As `Scripts/build-site.sh` serves them.
    const strip = fileURLToPath(new URL('../Scripts/strip-comments.pl', web));
    const served = (file) =>
      file.endsWith('.js') && !file.startsWith('vendor/')
        ? execFileSync('perl', ['-0p', strip, fileURLToPath(new URL(file, web))])
        : read(file);
    const sizes = [...first].map((file) => gzipSync(served(file), { level: 9 }).length);
    const sum = sizes.reduce((total, size) => total + size, 0);
    assert.ok(sum < 120 * 1024, `${sum} bytes`);
  });

  it('name every icon that they use', () => {
    const sprite = [...read('icons/interface.svg').matchAll(/<symbol id="(\w+)"/g)].map((match) => match[1]);
    const used = [
      ...own
        .filter((file) => /\.(js|html)$/.test(file))
        .map(read)
        .join('\n')
        .matchAll(/interface\.svg#(\w+)|icon(?:Button)?\('(\w+)'/g),
    ].map((match) => match[1] ?? match[2]);
    assert.deepEqual(
      used.filter((name) => !sprite.includes(name)),
      [],
    );
  });
});
