import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, mock } from 'node:test';
import { DownloadError } from '../../Web/errors.js';
import { BusyError, delayAfter, inTime, isPassing, longestSilence, mostAttempts, pause, retrying } from '../../Web/retry.js';

// The native downloads are held to the same table, by `RetryRulesTests`.
const rules = JSON.parse(readFileSync(new URL('../Fixtures/retry-rules.json', import.meta.url), 'utf8'));
const busy = (seconds) => new BusyError('busy', new Headers(seconds === undefined ? {} : { 'retry-after': seconds }));
const milliseconds = (seconds) => (seconds === null ? null : seconds * 1000);

describe('another try', () => {
  it('may help with overload and passing failures', () => {
    assert.deepEqual(rules.statuses.passing.filter(isPassing), rules.statuses.passing);
    assert.deepEqual(rules.statuses.final.filter(isPassing), []);
  });

  it('comes after a wait that doubles, and as late as the server asks, within bounds', () => {
    for (const { failures, asks, least, most } of rules.delays) {
      for (let time = 0; time < 100; time += 1) {
        const delay = delayAfter(failures, milliseconds(asks));
        assert.ok(delay >= milliseconds(least) && delay <= milliseconds(most), `${failures}, ${asks}: ${delay}`);
      }
    }
    for (const { header, asks } of rules.retryAfter) assert.equal(busy(header).asks, milliseconds(asks), header);
    assert.equal(busy(undefined).asks, null);
  });

  it('is the last one after a few, and comes only where a server is busy', async () => {
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
      assert.equal(mostAttempts, rules.attempts);
      assert.equal(await triesWith(busy()), rules.attempts);
      assert.equal(await triesWith(new DownloadError({ code: 'offline', message: '' })), 1);
    } finally {
      mock.timers.reset();
    }
  });

  it('begins when a server has fallen silent', async () => {
    assert.equal(longestSilence, milliseconds(rules.longestSilence));
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const waiting = inTime(new Promise(() => {}));
      mock.timers.tick(longestSilence);
      await assert.rejects(waiting, TypeError);
      assert.equal(await inTime(Promise.resolve(7)), 7);
      await assert.rejects(inTime(Promise.reject(new RangeError('x'))), RangeError);
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
