"""GGUF models of some hundred kilobytes with random weights, for each architecture and format: what a test compares.

Their vocabulary is the bytes, three special tokens and two pairs of letters.
"""

import gguf
import numpy as np

ARCHITECTURES = ["llama", "qwen2", "qwen3", "phi2", "gemma2", "gemma3", "lfm2"]
Q = gguf.GGMLQuantizationType
FORMATS = [Q.F16, Q.BF16, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q8_0, Q.IQ4_NL, Q.Q2_K, Q.Q3_K, Q.Q4_K, Q.Q5_K, Q.Q6_K, Q.IQ4_XS]
# Where a block has its half-precision numbers.
SCALES = {Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0], Q.IQ4_NL: [0], Q.Q2_K: [80, 82],
          Q.Q3_K: [108], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208], Q.IQ4_XS: [0]}
VOCABULARY = 261


def _alphabet():
    """GPT-2's characters for the 256 bytes."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in kept else next(others)) for byte in range(256)]


def blocks(random, rows, columns, kind):
    """Random blocks, whose elements are of the size of one divided by the root of a row's length."""
    size, count = gguf.GGML_QUANT_SIZES[kind]
    data = random.integers(0, 256, (rows * columns // size, count), dtype=np.uint8)
    half = np.frombuffer(np.float16(0.01).tobytes(), np.uint8)
    for at in SCALES[kind]:
        data[:, at:at + 2] = half
    data = data.reshape(rows, columns // size * count)
    spread = gguf.quants.dequantize(data, kind).std() * np.sqrt(columns)
    half = np.frombuffer(np.float16(0.01 / spread).tobytes(), np.uint8)
    data = data.reshape(-1, count)
    for at in SCALES[kind]:
        data[:, at:at + 2] = half
    return data.reshape(rows, columns // size * count)


def write(path, architecture="llama", kind=Q.F32, *, dequantized=False, width=256, inner=512, heads=8, shared=4, length=32,
          value=None, layers=3, window=24, words=0, seed=1):
    """A model whose matrices are in the format `kind`, or the same numbers as F32; with some words in its vocabulary that no
    text has."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, architecture)
    is_layer_norm = architecture == "phi2"
    convolutions = [index for index in range(layers) if architecture == "lfm2" and index != 1]
    key_heads = heads // shared
    writer.add_context_length(1024)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv([0 if index in convolutions else key_heads for index in range(layers)]
                             if convolutions else key_heads)
    writer.add_key_length(length)
    writer.add_value_length(value or length)
    writer.add_rope_dimension_count(length // 2 if is_layer_norm else length)
    (writer.add_layer_norm_eps if is_layer_norm else writer.add_layer_norm_rms_eps)(1e-5)
    if architecture.startswith("gemma"):
        writer.add_sliding_window(window)
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(5.0)
        writer.add_final_logit_softcapping(4.0)
    if convolutions:
        writer.add_uint32("lfm2.shortconv.l_cache", 3)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*_alphabet(), "<|end|>", "<|a|>", "<|b|>", "th", "he", *(f"word{n}" for n in range(words))])
    writer.add_token_types([1] * 256 + [3] * 3 + [1] * (2 + words))
    writer.add_token_merges(["t h", "h e"])
    writer.add_eos_token_id(256)

    def matrix(name, rows, columns, gain=1.0):
        if kind in SCALES:
            stored = blocks(random, rows, columns, kind)
            if not dequantized:
                return writer.add_tensor(name, stored, raw_dtype=kind)
            return writer.add_tensor(name, gguf.quants.dequantize(stored, kind).astype(np.float32))
        numbers = (random.standard_normal((rows, columns)) * gain / np.sqrt(columns)).astype(np.float32)
        if kind == Q.F32:
            return writer.add_tensor(name, numbers)
        stored = gguf.quants.quantize(numbers, kind)
        if not dequantized:
            return writer.add_tensor(name, stored, raw_dtype=kind)
        return writer.add_tensor(name, gguf.quants.dequantize(stored, kind).astype(np.float32))

    def vector(name, count, mean=1.0):
        writer.add_tensor(name, (mean + 0.1 * random.standard_normal(count)).astype(np.float32))

    has_biases = architecture in ("qwen2", "phi2")
    vocabulary = VOCABULARY + words
    matrix("token_embd.weight", vocabulary, width)
    for index in range(layers):
        name = f"blk.{index}."
        vector(name + "attn_norm.weight", width)
        if index in convolutions:
            matrix(name + "shortconv.in_proj.weight", 3 * width, width)
            writer.add_tensor(name + "shortconv.conv.weight", random.standard_normal((width, 3)).astype(np.float32))
            matrix(name + "shortconv.out_proj.weight", width, width)
        else:
            for part, rows in [("q", heads * length), ("k", key_heads * length), ("v", key_heads * (value or length))]:
                matrix(f"{name}attn_{part}.weight", rows, width)
                if has_biases:
                    vector(f"{name}attn_{part}.bias", rows, 0)
            if architecture in ("qwen3", "gemma3", "lfm2"):
                vector(name + "attn_q_norm.weight", length)
                vector(name + "attn_k_norm.weight", length)
            matrix(name + "attn_output.weight", width, heads * (value or length))
        if is_layer_norm:
            vector(name + "attn_norm.bias", width, 0)
            vector(name + "attn_output.bias", width, 0)
            vector(name + "ffn_up.bias", inner, 0)
            vector(name + "ffn_down.bias", width, 0)
        else:
            vector(name + "ffn_norm.weight", width)
            matrix(name + "ffn_gate.weight", inner, width)
        if architecture.startswith("gemma"):
            vector(name + "post_attention_norm.weight", width)
            vector(name + "post_ffw_norm.weight", width)
        matrix(name + "ffn_up.weight", inner, width)
        matrix(name + "ffn_down.weight", width, inner)
    vector("token_embd_norm.weight" if architecture == "lfm2" else "output_norm.weight", width)
    if is_layer_norm:
        vector("output_norm.bias", width, 0)
        matrix("output.weight", vocabulary, width)
        vector("output.bias", vocabulary, 0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
