// node hostile.mjs MODULE MODEL: bytes and frames that nobody should send. Prints what was answered, as JSON.

import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModuleHost } from './module-host.mjs';
import { encodeCommand } from '../../Web/wire.js';

const [modulePath, modelPath] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'swiftlet-'));
const model = readFileSync(modelPath);
const host = await ModuleHost.start(modulePath);
const answer = (events) => events.find(({ type }) => type === 'failed')?.error.code ?? events.at(-1)?.type;
const loadBytes = (bytes, options) => {
  const path = join(folder, 'model.gguf');
  writeFileSync(path, bytes);
  return answer(host.load(path, options));
};
const receive = (frame) => {
  const before = host.events.length;
  host.sendFrame(frame);
  host.settle();
  return answer(host.events.slice(before));
};

try {
  const command = encodeCommand({ type: 'tokenize', id: 7, text: 'Hello' });
  const otherVersion = command.slice();
  otherVersion[4] = 99;
  const absurd = command.slice();
  absurd.fill(255, 16, 20);
  const flipped = Buffer.from(model);
  for (let index = 0; index < 64; index += 1) flipped[8 + index * 3] ^= 0xff;

  console.log(JSON.stringify({
    noFrame: receive(new Uint8Array([1, 2, 3])),
    emptyFrame: receive(new Uint8Array(0)),
    otherVersion: receive(otherVersion),
    absurdLength: receive(absurd),
    cutFrame: receive(command.slice(0, -2)),
    withoutModel: receive(command),
    noModel: loadBytes(Buffer.from('<!doctype html>'.repeat(100))),
    cutHeader: loadBytes(model.subarray(0, 3000)),
    cutTensors: loadBytes(model.subarray(0, model.length - 1000)),
    flipped: loadBytes(flipped),
    afterwards: loadBytes(model),
    used: host.exports.swiftlet_memory_used(),
  }));
} finally {
  rmSync(folder, { recursive: true });
}

// The same model where memory is short: refused before it is fetched.
const small = await ModuleHost.start(modulePath, { maximumPages: 320 });
console.log(JSON.stringify({ memory: answer(small.load(modelPath)) }));
