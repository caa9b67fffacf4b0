// node header.mjs MODEL: what the page reads of a model's header.

import { closeSync, openSync, readSync } from 'node:fs';
import { readHeader } from '../../Web/gguf-header.js';

const bytes = new Uint8Array(32 << 20);
const file = openSync(process.argv[2], 'r');
const facts = readHeader(bytes.subarray(0, readSync(file, bytes)));
closeSync(file);
console.log(JSON.stringify(facts));
