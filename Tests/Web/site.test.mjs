import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

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
    const needed = files.filter((file) => /\.(js|css|svg|webmanifest)$/.test(file) && file !== 'service-worker.js');
    assert.ok(needed.length > 30);
    assert.deepEqual(
      needed.filter((file) => !listed.includes(file)),
      [],
    );
  });

  it('lists no file that is not there', () => {
    const built = ['./', 'swiftlet.wasm', 'swiftlet-threads.wasm'];
    assert.deepEqual(
      listed.filter((file) => !files.includes(file) && !built.includes(file)),
      [],
    );
  });
});

describe('the sources', () => {
  const scripts = files.filter((file) => file.endsWith('.js'));

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
    for (const file of files.filter((name) => /\.(js|css|html|ts)$/.test(name))) {
      assert.ok(read(file).split('\n').length <= 400, file);
    }
    assert.ok(read('example.html').trim().split('\n').length <= 40);
  });

  it('name every icon that they use', () => {
    const sprite = [...read('icons/interface.svg').matchAll(/<symbol id="(\w+)"/g)].map((match) => match[1]);
    const used = [
      ...files
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
