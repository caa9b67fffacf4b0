import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { DownloadError } from '../../Web/errors.js';
import { BusyError, delayAfter, isPassing, pause, retrying } from '../../Web/retry.js';

const busy = (seconds) => new BusyError('busy', new Headers(seconds === undefined ? {} : { 'retry-after': seconds }));

describe('another try', () => {
  it('may help with overload and passing failures, as natively', () => {
    assert.deepEqual(
      [200, 400, 401, 403, 404, 408, 410, 412, 416, 425, 429, 500, 501, 502, 503, 504, 505, 599].filter(isPassing),
      [408, 425, 429, 500, 502, 503, 504, 599],
    );
  });

  it('comes after a wait that doubles, and as late as the server asks, within bounds', () => {
    for (let failures = 1; failures < 20; failures += 1) {
      const middle = 500 * 2 ** (failures - 1);
      const delay = delayAfter(failures);
      assert.ok(delay >= Math.min(0.75 * middle, 15_000) && delay <= Math.min(1.25 * middle, 15_000), `${delay}`);
    }
    assert.equal(delayAfter(1, busy('20').asks), 20_000);
    assert.equal(delayAfter(1, busy('3600').asks), 60_000);
    assert.ok(delayAfter(1, busy('0').asks) >= 375);
    for (const other of [undefined, '', 'soon', '-1', 'Mon, 05 Jan 2026 10:00:00 GMT'])
      assert.equal(busy(other).asks, null);
  });

  it('is the last one after five, and comes only where a server is busy', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const triesWith = async (error) => {
      let tries = 0;
      const work = async () => {
        tries += 1;
        throw error;
      };
      const onWait = () => setImmediate(() => mock.timers.tick(60_000));
      await assert.rejects(retrying(work, new AbortController().signal, onWait), error);
      return tries;
    };
    try {
      assert.equal(await triesWith(busy()), 5);
      assert.equal(await triesWith(new DownloadError({ code: 'offline', message: '' })), 1);
    } finally {
      mock.timers.reset();
    }
  });

  it('does not come when it is cancelled', async () => {
    const controller = new AbortController();
    const waiting = pause(60_000, controller.signal);
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    await assert.rejects(pause(60_000, controller.signal), { name: 'AbortError' });
    let tries = 0;
    const signal = AbortSignal.timeout(20);
    const work = async () => {
      tries += 1;
      throw busy('50');
    };
    await assert.rejects(retrying(work, signal, () => {}), { name: 'TimeoutError' });
    assert.equal(tries, 1);
  });
});
