// node hash.mjs HASH.wasm: hashes bytes of many lengths and compares with Node's SHA-256.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {});
const { exports } = instance;
const capacity = exports.hash_capacity();

function hash(bytes) {
  exports.hash_reset(1);
  let fill = 0;
  for (let offset = 0; offset < bytes.length; ) {
    const piece = bytes.subarray(offset, offset + capacity - fill);
    new Uint8Array(exports.memory.buffer, exports.hash_buffer(), capacity).set(piece, fill);
    fill += piece.length;
    offset += piece.length;
    if (fill < capacity) continue;
    exports.hash_full();
    fill = 0;
  }
  const checksum = BigInt.asUintN(64, exports.hash_finish(fill)).toString(16).padStart(16, '0');
  return { checksum, sha256: Buffer.from(new Uint8Array(exports.memory.buffer, exports.hash_sha256(), 32)).toString('hex') };
}

const lengths = [0, 1, 3, 4, 7, 8, 31, 32, 33, 55, 56, 57, 63, 64, 65, 119, 120, 1000];
for (const full of [capacity, 3 * capacity]) lengths.push(full - 9, full - 8, full - 1, full, full + 1, full + 77);
const wrong = lengths.filter((length) => {
  const bytes = new Uint8Array(length).map((_, index) => index * 31 + (index >> 7));
  return hash(bytes).sha256 !== createHash('sha256').update(bytes).digest('hex');
});
const checksums = ['', 'abc'].map((text) => hash(Buffer.from(text)).checksum);
console.log(JSON.stringify({ checksums, lengths: lengths.length, wrong }));
