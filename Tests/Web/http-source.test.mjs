import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, it, mock } from 'node:test';
import { longestSilence, SilentError } from '../../Web/retry.js';
import { ChangedError, HttpSource, NotHereError } from '../../Web/worker/http-source.js';

const content = Buffer.from('0123456789');

describe('a file behind a URL', () => {
  let server;
  let source;
  /** What the next answer is, and what was asked. */
  let answer;
  let asked;

  before(async () => {
    server = createServer((request, response) => {
      asked = request.headers;
      const { status = 206, body = content.subarray(4), ...headers } = answer;
      response.writeHead(status, { 'content-length': body.length, ...headers });
      response.end(body);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    globalThis.self ??= {};
  });
  after(() => server.close());
  beforeEach(() => {
    const origin = `http://127.0.0.1:${server.address().port}`;
    self.origin = origin;
    source = new HttpSource(`${origin}/m.gguf`, 'the hub');
  });

  const range = { 'content-range': 'bytes 4-9/10' };
  const open = async (answered, version = '"1"', offset = 4) => {
    answer = answered;
    const takeBuffer = () => new ArrayBuffer(64);
    const { start, total, validator, chunks } = await source.open(offset, version, new AbortController().signal, takeBuffer);
    let text = '';
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
    return { start, total, validator, text };
  };
  const rest = (validator) => ({ start: 4, total: 10, validator, text: '456789' });
  const whole = (validator) => ({ start: 0, total: 10, validator, text: '0123456789' });

  it('is asked for a version from its middle on, and for none from its beginning', async () => {
    assert.deepEqual(await open({ etag: '"1"', ...range }), rest('"1"'));
    assert.deepEqual([asked.range, asked['if-range']], ['bytes=4-', '"1"']);
    const date = 'Mon, 05 Jan 2026 10:00:00 GMT';
    assert.deepEqual(await open({ etag: 'W/"1"', 'last-modified': date, ...range }, date), rest(date));
    assert.equal(asked['if-range'], date);
    assert.deepEqual(await open({ status: 200, body: content, etag: '"1"' }, null, 0), whole('"1"'));
    assert.deepEqual([asked.range, asked['if-range']], [undefined, undefined]);
    await open(range, null);
    assert.deepEqual([asked.range, asked['if-range']], ['bytes=4-', undefined]);
  });

  it('is given up when its server says nothing, before the answer or in the middle of it', { timeout: 20_000 }, async () => {
    const heard = [];
    const silent = createServer((request, response) => {
      heard.push(new Promise((resolve) => request.on('close', resolve)));
      if (request.url === '/begun') response.writeHead(200, { 'content-length': 1e6 }).write(Buffer.alloc(20_000));
    });
    await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve));
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      for (const path of ['/never', '/begun']) {
        let isBegun = path === '/never';
        const quiet = new HttpSource(`http://127.0.0.1:${silent.address().port}${path}`, 'the hub');
        const reading = (async () => {
          const takeBuffer = () => new ArrayBuffer(1024);
          const { chunks } = await quiet.open(0, null, new AbortController().signal, takeBuffer);
          for await (const chunk of chunks) isBegun = chunk.length > 0;
        })();
        const isOver = reading.then(
          () => null,
          (error) => error,
        );
        // The request has to be on its way, and the first bytes here, before time passes.
        while (!isBegun || heard.length < (path === '/never' ? 1 : 2)) await new Promise(setImmediate);
        await new Promise(setImmediate);
        mock.timers.tick(longestSilence);
        assert.ok((await isOver) instanceof SilentError, path);
      }
      // Nobody keeps a connection that nobody reads.
      await Promise.all(heard);
    } finally {
      mock.timers.reset();
      silent.closeAllConnections();
      silent.close();
    }
  });

  it('is let go of when what comes is not wanted', async () => {
    let isClosed;
    const large = createServer((request, response) => {
      isClosed = new Promise((resolve) => response.on('close', resolve));
      response.writeHead(200, { 'content-length': 1e9 }).write(Buffer.alloc(1e6));
    });
    await new Promise((resolve) => large.listen(0, '127.0.0.1', resolve));
    const unwanted = new HttpSource(`http://127.0.0.1:${large.address().port}/m.gguf`, 'the hub');
    const { close } = await unwanted.open(0, null, new AbortController().signal, () => new ArrayBuffer(64));
    close();
    await isClosed;
    large.close();
  });

  it('comes whole when it is another version, or when the server knows no ranges', async () => {
    assert.deepEqual(await open({ status: 200, body: content, etag: '"2"' }), whole('"2"'));
    assert.deepEqual(await open({ status: 200, body: content }), whole(null));
    assert.deepEqual(await open({ status: 200, body: content, etag: '"1"' }), rest('"1"'));
    // A hash will tell.
    assert.deepEqual(await open({ status: 200, body: content, etag: '"2"' }, null), rest('"2"'));
  });

  it('that is another version is no part of the one before', async () => {
    for (const answered of [{ etag: '"2"', ...range }, { etag: 'W/"1"', ...range }, { status: 412 }, { status: 416 }])
      await assert.rejects(open(answered), ChangedError);
    await assert.rejects(open({ 'last-modified': 'b', ...range }, 'a'), ChangedError);
    assert.deepEqual(await open(range), rest(null), 'a server that was asked for the version need not repeat it');
  });

  it('of another origin is held to its version without a header that needs consent', async () => {
    self.origin = 'https://me.example';
    assert.deepEqual(await open({ etag: '"1"', ...range }), rest('"1"'));
    assert.equal(asked['if-range'], undefined);
    await assert.rejects(open({ etag: '"2"', ...range }), ChangedError);
    await assert.rejects(open(range), ChangedError, 'nobody has said that it is the same');
  });

  it('is not what has another place in it', async () => {
    for (const shown of ['bytes 5-9/10', 'bytes */10', 'items 4-9/10'])
      await assert.rejects(open({ etag: '"1"', 'content-range': shown }), NotHereError);
    assert.equal((await open({ etag: '"1"', 'content-range': 'bytes 4-9/*' })).total, 10);
  });
});
