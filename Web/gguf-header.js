/**
 * The first facts of a GGUF file's header, enough to say whether the engine runs it and how much memory it takes.
 *
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @typedef {object} GGUFFacts
 * @property {string | null} architecture
 * @property {string | null} name
 * @property {string | null} license
 * @property {number | null} contextLength Tokens that it was trained for.
 * @property {number | null} cacheBytesPerToken Of keys and values, all layers together.
 * @property {string | null} foreign What it is, and what to do instead, when it is no language model.
 * @property {number} parts Files that the model is in.
 * @property {boolean | null} hasTemplate Whether it has a chat template; null when the header goes on.
 */

/** Those of them that turn texts into vectors and write none. */
export const vectorArchitectures = ['bert', 'gemma-embedding', 'jina-bert-v2', 'modern-bert', 'nomic-bert'];

/** The architectures that the engine runs; a test compares them with its own table. */
export const architectures = [
  'llama',
  'apertus',
  'arcee',
  'bert',
  'chatglm',
  'cohere2',
  'command-r',
  'deepseek2',
  'ernie4_5',
  'exaone4',
  'falcon',
  'gemma',
  'gemma2',
  'gemma3',
  'gemma-embedding',
  'glm4',
  'gpt-oss',
  'gpt2',
  'gptneox',
  'granite',
  'granitemoe',
  'hunyuan-dense',
  'internlm2',
  'jina-bert-v2',
  'lfm2',
  'minicpm',
  'mistral3',
  'modern-bert',
  'nemotron',
  'nomic-bert',
  'olmo2',
  'olmoe',
  'phi2',
  'phi3',
  'qwen2',
  'qwen2moe',
  'qwen3',
  'qwen3moe',
  'seed_oss',
  'smollm3',
  'stablelm',
  'starcoder2',
];

const projector =
  'It is a projector for pictures, which goes with a language model. Load that model’s own file: it answers to text ' +
  'without the projector.';
/** GGUF files that are no language models; the engine has the same table (`ForeignFile`). @type {[string, string, string][]} */
const foreign = [
  ['general.type', 'mmproj', projector],
  ['general.architecture', 'clip', projector],
  [
    'general.type',
    'adapter',
    'It is an adapter (LoRA), which changes a model and is none. Merge it into its model with llama-export-lora, and load ' +
      'what that writes.',
  ],
  [
    'general.type',
    'imatrix',
    'It is an importance matrix, by which models are quantized. Load a model that was quantized with it.',
  ],
  [
    'general.architecture',
    'controlvector',
    'It is a control vector, which steers a model and is none. Load the model itself.',
  ],
];

const magic = 0x46554747;
const [stringType, arrayType] = [8, 9];
/** Bytes of the other types, by number. */
const sizes = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);
/** Longer keys and texts are of no interest, nor are lists of more than a number for each layer. */
const longest = 4096;
const mostLayers = 1024;

/** The bytes at hand end. */
class EndError extends Error {}

class Reader {
  #view;
  #offset = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @param {number} count @returns {number} The offset before. */
  skip(count) {
    const start = this.#offset;
    if (!(count <= this.#view.byteLength - start)) throw new EndError();
    this.#offset += count;
    return start;
  }

  word() {
    return this.#view.getUint32(this.skip(4), true);
  }

  /** Larger numbers than a file can have are all alike. */
  length() {
    return Number(this.#view.getBigUint64(this.skip(8), true));
  }

  text() {
    const length = this.length();
    const start = this.skip(length) + this.#view.byteOffset;
    return new TextDecoder().decode(new Uint8Array(this.#view.buffer, start, Math.min(length, longest)));
  }

  /** @param {number} type @returns {string | number | number[] | null} Null for what is skipped. */
  value(type) {
    if (type === stringType) return this.text();
    if (type === arrayType) {
      const [kind, count] = [this.word(), this.length()];
      if (kind === arrayType) throw new EndError();
      const size = sizes.get(kind);
      if ((kind === 4 || kind === 5) && count <= mostLayers) return Array.from({ length: count }, () => this.word());
      if (size) this.skip(count * size);
      // Each takes at least its length, so hostile counts end with the bytes.
      else for (let index = 0; index < count; index += 1) this.skip(this.length());
      return null;
    }
    const size = sizes.get(type);
    if (!size) throw new EndError();
    const start = this.skip(size);
    if (type === 4) return this.#view.getUint32(start, true);
    if (type === 10) return Number(this.#view.getBigUint64(start, true));
    if (type === 2) return this.#view.getUint16(start, true);
    return null;
  }
}

/**
 * @param {Uint8Array} bytes A file's beginning, as much as there is.
 * @returns {GGUFFacts | null} Null when this is no GGUF file.
 */
export function readHeader(bytes) {
  const reader = new Reader(bytes);
  /** @type {Map<string, string | number | number[] | null>} */
  const values = new Map();
  let isWhole = false;
  try {
    if (reader.word() !== magic || ![2, 3].includes(reader.word())) return null;
    reader.length();
    const count = reader.length();
    for (let index = 0; index < count; index += 1) values.set(reader.text(), reader.value(reader.word()));
    isWhole = true;
  } catch (error) {
    if (!(error instanceof EndError)) throw error;
  }
  return facts(values, isWhole);
}

/** @param {Map<string, string | number | number[] | null>} values @param {boolean} isWhole @returns {GGUFFacts} */
function facts(values, isWhole) {
  const text = (/** @type {string} */ key) => {
    const value = values.get(key);
    return typeof value === 'string' && value ? value : null;
  };
  const architecture = text('general.architecture');
  const number = (/** @type {string} */ key) => {
    const value = values.get(`${architecture}.${key}`);
    return typeof value === 'number' && value > 0 && value < 2 ** 24 ? value : null;
  };
  const heads = number('attention.head_count');
  const layers = number('block_count');
  const width = number('embedding_length');
  const each = values.get(`${architecture}.attention.head_count_kv`);
  const shared = number('attention.head_count_kv') ?? heads;
  // Of all layers: a list has a number for each, and 0 for those that keep no keys.
  const all = Array.isArray(each) ? each.reduce((sum, count) => sum + count, 0) : layers && shared && layers * shared;
  const usual = width && heads && width / heads;
  const [key, value] = [number('attention.key_length') ?? usual, number('attention.value_length') ?? usual];
  const parts = values.get('split.count');
  return {
    architecture,
    name: text('general.name'),
    license: text('general.license'),
    contextLength: number('context_length'),
    // 16-bit floats.
    cacheBytesPerToken: all && key && value && all * (key + value) * 2,
    foreign: foreign.find(([key, value]) => text(key) === value)?.[2] ?? null,
    parts: typeof parts === 'number' ? Math.max(1, parts) : 1,
    hasTemplate: values.has('tokenizer.chat_template') ? true : isWhole ? false : null,
  };
}
