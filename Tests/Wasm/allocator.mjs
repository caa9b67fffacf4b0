// node allocator.mjs MODULE: allocates and frees at random, and checks that blocks never overlap, keep their bytes, and that
// freed memory is used again. Prints what linear memory came to, as JSON; fails with an exception.

import assert from 'node:assert/strict';
import { ModuleHost } from './module-host.mjs';

const { exports, bytes, memory } = await ModuleHost.start(process.argv[2]).then((host) => ({
  exports: host.exports, bytes: host.bytes.bind(host), memory: host.memory,
}));

let state = 1;
/** A generator with a seed, so that a failure happens again. */
function random(limit) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

const before = exports.swiftlet_memory_used();
const blocks = [];
for (let round = 0; round < 60_000; round += 1) {
  if (blocks.length < 400 && random(2) === 0) {
    const size = random(100) === 0 ? random(3_000_000) : random(50) === 0 ? random(70_000) : random(400);
    const pointer = exports.swiftlet_allocate(size);
    assert.notEqual(pointer, 0);
    assert.equal(pointer % 16, 0);
    const mark = round & 255;
    bytes(pointer, size).fill(mark);
    blocks.push({ pointer, size, mark });
  } else if (blocks.length) {
    const index = random(blocks.length);
    const { pointer, size, mark } = blocks[index];
    assert.ok(bytes(pointer, size).every((byte) => byte === mark), 'another block wrote into this one');
    exports.swiftlet_free(pointer);
    blocks[index] = blocks.at(-1);
    blocks.pop();
  }
}
for (const { pointer } of blocks) exports.swiftlet_free(pointer);
assert.equal(exports.swiftlet_memory_used(), before, 'what is freed is free');

// A huge block is found again, also when small ones lie around it.
const huge = 700_000_000;
const first = exports.swiftlet_allocate(huge);
assert.notEqual(first, 0);
const size = memory.buffer.byteLength;
for (let round = 0; round < 5; round += 1) {
  exports.swiftlet_free(first);
  const small = exports.swiftlet_allocate(100);
  const again = exports.swiftlet_allocate(huge - 4096);
  assert.notEqual(again, 0);
  exports.swiftlet_free(small);
  exports.swiftlet_free(again);
  assert.equal(exports.swiftlet_allocate(huge), first);
}
assert.ok(memory.buffer.byteLength - size <= 1 << 20, 'memory grew although what was freed would do');

// What cannot be had is 0, and does no harm; addresses above 2 GB are like others.
assert.equal(exports.swiftlet_allocate(0xFFFFFFFF), 0);
const large = exports.swiftlet_allocate(2_000_000_000);
assert.notEqual(large, 0);
assert.equal(exports.swiftlet_allocate(2_000_000_000), 0);
const high = exports.swiftlet_allocate(900_000_000);
assert.ok(high > 2 ** 31);
bytes(high, 900_000_000).fill(7, 0, 1000);
exports.swiftlet_free(high);
exports.swiftlet_free(large);
assert.throws(() => exports.swiftlet_free(large), /internal/);
console.log(JSON.stringify({ reserved: exports.swiftlet_memory_reserved() }));
