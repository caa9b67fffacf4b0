// node sizes.mjs MODULE: headers of models that are larger than 32 bits can say. Prints what became of each, as JSON.

import { ModuleHost } from './module-host.mjs';

/** A GGUF header of a llama with these sizes. */
function header({ layers, heads, length, context, vocabulary }) {
  const parts = [];
  const number = (bytes, value) => {
    const buffer = Buffer.alloc(bytes);
    if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value));
    else buffer.writeUInt32LE(value);
    parts.push(buffer);
  };
  const text = (value) => {
    number(8, value.length);
    parts.push(Buffer.from(value));
  };
  const width = heads * length;
  const sizes = {
    context_length: context,
    embedding_length: width,
    block_count: layers,
    feed_forward_length: 1024,
    'attention.head_count': heads,
    'attention.head_count_kv': heads,
  };
  const tensors = [['token_embd', [width, vocabulary]], ['output_norm', [width]]];
  for (let layer = 0; layer < layers; layer += 1) {
    for (const name of ['attn_q', 'attn_k', 'attn_v', 'attn_output']) tensors.push([`blk.${layer}.${name}`, [width, width]]);
    for (const name of ['attn_norm', 'ffn_norm']) tensors.push([`blk.${layer}.${name}`, [width]]);
    for (const name of ['ffn_gate', 'ffn_up']) tensors.push([`blk.${layer}.${name}`, [width, 1024]]);
    tensors.push([`blk.${layer}.ffn_down`, [1024, width]]);
  }
  number(4, 0x46554747);
  number(4, 3);
  number(8, tensors.length);
  number(8, 1 + Object.keys(sizes).length);
  text('general.architecture');
  number(4, 8);
  text('llama');
  for (const [key, value] of Object.entries(sizes)) {
    text(`llama.${key}`);
    number(4, 4);
    number(4, value);
  }
  let offset = 0;
  for (const [name, shape] of tensors) {
    text(`${name}.weight`);
    number(4, shape.length);
    for (const size of shape) number(8, size);
    number(4, shape.length > 1 ? 1 : 0); // F16 and F32
    number(8, offset);
    const size = shape.reduce((product, each) => product * each, shape.length > 1 ? 2 : 4);
    offset += Math.ceil(size / 32) * 32;
  }
  const bytes = Buffer.concat(parts);
  const start = Math.ceil(bytes.length / 32) * 32;
  return { bytes, fileSize: start + offset };
}

const host = await ModuleHost.start(process.argv[2]);
const { exports } = host;
const results = [
  // A cache of 3.2 GB; of 70 TB; weights of 2.9 GB; of 35 TB.
  { layers: 24, heads: 16, length: 128, context: 16384, vocabulary: 1000 },
  { layers: 1024, heads: 4096, length: 256, context: 16384, vocabulary: 10 },
  { layers: 2, heads: 16, length: 128, context: 16384, vocabulary: 700_000 },
  { layers: 1, heads: 4096, length: 256, context: 16384, vocabulary: 2 ** 24 - 8 },
  // One head of a million elements; more tokens than a vocabulary has.
  { layers: 1, heads: 1, length: 2 ** 20, context: 2 ** 24, vocabulary: 10 },
  { layers: 1, heads: 1, length: 64, context: 2 ** 24, vocabulary: 2 ** 31 },
].map((model) => {
  const { bytes, fileSize } = header(model);
  const before = host.events.length;
  host.send({ type: 'load', model: 'large', contextLength: model.context, threads: 1 });
  exports.swiftlet_model_begin(host.events.slice(before).find(({ type }) => type === 'fetch').id);
  const address = exports.swiftlet_allocate(bytes.length);
  host.bytes(address, bytes.length).set(bytes);
  const need = exports.swiftlet_model_need(address, bytes.length, fileSize);
  const verdict = exports.swiftlet_model_inspect(address, bytes.length, 0, 1, fileSize, 0);
  exports.swiftlet_free(address);
  const error = host.events.slice(before).find(({ type }) => type === 'failed')?.error;
  if (!error) host.run({ type: 'cancelLoad' });
  return { fileSize, need, verdict, code: error?.code, message: error?.message };
});
console.log(JSON.stringify(results));
