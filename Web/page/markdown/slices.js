/** Work in small pieces, so that typing and scrolling never wait for formulas and colours. */

/** A slice ends after this many milliseconds; one piece of work is always done. */
const sliceTime = 8;
const pause = 8;

/** @type {(() => void)[]} */
const queue = [];
let isScheduled = false;

/** @param {() => void} work Done soon, after what was queued before. */
export function later(work) {
  queue.push(work);
  if (isScheduled) return;
  isScheduled = true;
  setTimeout(run, 0);
}

function run() {
  const end = performance.now() + sliceTime;
  do queue.shift()?.();
  while (queue.length && performance.now() < end);
  isScheduled = queue.length > 0;
  if (isScheduled) setTimeout(run, pause);
}
