"""GGUF models of some hundred kilobytes with random weights, for each family of models and each format: what a test compares.

Their vocabulary is the bytes, three special tokens and two pairs of letters.
"""

import dataclasses

import gguf
import numpy as np

from tiny_families import FAMILIES

Q = gguf.GGMLQuantizationType
# Where a block has its half-precision numbers. MXFP4 has an exponent, NVFP4 numbers of eight bits, and IQ1_M one in
# four parts.
SCALES = {Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0], Q.IQ4_NL: [0], Q.Q2_K: [80, 82],
          Q.Q3_K: [108], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208], Q.IQ4_XS: [0], Q.IQ1_S: [0], Q.IQ1_M: [],
          Q.IQ2_XXS: [0], Q.IQ2_XS: [0], Q.IQ2_S: [0], Q.IQ3_XXS: [0], Q.IQ3_S: [0], Q.TQ1_0: [52], Q.TQ2_0: [64],
          Q.MXFP4: [], Q.NVFP4: [], Q.Q1_0: [0]}
FORMATS = [Q.F16, Q.BF16, *SCALES]
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
    if kind == Q.TQ1_0:
        # Five digits of base 3 in a byte.
        data[:, :52] = (data[:, :52] % np.uint8(243) * np.uint16(256) + 242) // 243
    if kind == Q.TQ2_0:
        # Two bits write three numbers.
        data[:, :64] -= (data[:, :64] & data[:, :64] >> 1 & 0x55) << 1
    set_scales(data, kind, 0.01)
    spread = elements(data, kind).std() * np.sqrt(columns)
    set_scales(data, kind, 0.01 / spread)
    return data.reshape(rows, columns // size * count)


def spoil(path, name):
    """Makes every number of a tensor of floats NaN."""
    [tensor] = [tensor for tensor in gguf.GGUFReader(path).tensors if tensor.name == name]
    with open(path, "r+b") as file:
        file.seek(tensor.data_offset)
        file.write(np.full(tensor.n_elements, np.nan, np.float32).tobytes())
    return path


def set_scales(data, kind, value):
    half = np.frombuffer(np.float16(value).tobytes(), np.uint8)
    for at in SCALES[kind]:
        data[:, at:at + 2] = half
    if kind == Q.MXFP4:
        data[:, 0] = 128 + np.round(np.log2(value)) + data[:, 1] % 2
    if kind == Q.NVFP4:
        data[:, :4] = gguf.quants.NVFP4.fp32_to_ue4m3(np.float32(2 * value)) + data[:, 4:8] % 3
    if kind == Q.IQ1_M:
        for index, part in enumerate([half[0] & 15, half[0] >> 4, half[1] & 15, half[1] >> 4]):
            data[:, 49 + 2 * index] = data[:, 49 + 2 * index] & 15 | part << 4


def elements(data, kind):
    """What blocks hold."""
    if kind != Q.Q1_0:
        return gguf.quants.dequantize(data, kind).astype(np.float32)
    # The package only knows its size.
    blocks = data.reshape(-1, 18)
    bits = np.unpackbits(blocks[:, 2:], axis=1, bitorder="little").astype(np.float32)
    return (blocks[:, :2].copy().view(np.float16).astype(np.float32) * (2 * bits - 1)).reshape(*data.shape[:-1], -1)


def write(path, family="llama", kind=Q.F32, *, dequantized=False, width=256, inner=512, heads=8, shared=None, length=32,
          value=None, layers=None, experts=None, words=0, seed=1, split=0,
          template=None):
    """A model whose matrices are in the format `kind`, or the same numbers as F32; with some words in its vocabulary that no
    text has. With `split`, in files of at most so many tensors, whose paths are returned."""
    random = np.random.default_rng(seed)
    family = FAMILIES[family]
    if experts:
        family = dataclasses.replace(family, experts=experts)
    writer = gguf.GGUFWriter(path, family.architecture, split_max_tensors=split)
    key_heads = heads // (shared or family.sharing)
    length, value = family.lengths or (length, value or length)
    layers, turned = layers or family.layers, int(length * family.turned)
    if family.latent:
        key_heads = 1 if family.latent[2] else heads
    convolutions = [index for index in family.convolutions if index < layers]
    writer.add_context_length(1024)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv([0 if index in convolutions else key_heads for index in range(layers)]
                             if convolutions else key_heads)
    # With matrices of their own, the lengths are those of what all heads share.
    is_apart = family.latent and family.latent[2]
    writer.add_key_length(family.latent[0] + turned if is_apart else length)
    writer.add_value_length(family.latent[0] if is_apart else value)
    if is_apart:
        writer.add_uint32(f"{family.architecture}.attention.key_length_mla", length)
        writer.add_uint32(f"{family.architecture}.attention.value_length_mla", value)
    writer.add_rope_dimension_count(turned)
    (writer.add_layer_norm_eps if family.is_layer_norm else writer.add_layer_norm_rms_eps)(1e-5)
    if family.experts:
        writer.add_expert_count(family.experts[0])
        writer.add_expert_used_count(family.experts[1])
    for key, setting in family.keys:
        add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string,
               tuple: writer.add_array}[type(setting)]
        add(key if key.startswith("xielu.") else f"{family.architecture}.{key}", setting)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*_alphabet(), "<|end|>", "<|a|>", "<|b|>", "th", "he", *(f"word{n}" for n in range(words))])
    writer.add_token_types([1] * 256 + [3] * 3 + [1] * (2 + words))
    writer.add_token_merges(["t h", "h e"])
    writer.add_eos_token_id(256)
    writer.add_add_bos_token(False)
    if template:
        writer.add_chat_template(template)

    def matrix(name, rows, columns, gain=1.0):
        # What begins a character of several bytes is never likely, so that all of a reply is text.
        silent = slice(128, 256 if name in ("token_embd.weight", "output.weight") else 128)
        # Routers read a few elements alone, which nothing but a token's embedding writes: no rounding chooses another expert.
        routed = family.experts[0] if family.experts else 0
        if routed and name == "token_embd.weight":
            numbers = (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)
            numbers[silent] = 0
            ranks = random.permuted(np.tile(np.arange(routed), (rows, 1)), axis=1)
            numbers[:, :routed] = 0.5 * (ranks / routed - 0.5)
            stored = kind if kind in (Q.F32, Q.F16) else Q.Q8_0
            return writer.add_tensor(name, gguf.quants.quantize(numbers, stored), raw_dtype=stored)
        if name.endswith(("attn_output.weight", "ffn_down_shexp.weight", "ffn_down.weight")):
            silent = slice(0, routed)
        if kind in SCALES:
            stored = blocks(random, rows, columns, kind)
            stored[silent] = 0
            if not dequantized:
                return writer.add_tensor(name, stored, raw_dtype=kind)
            return writer.add_tensor(name, elements(stored, kind))
        numbers = (random.standard_normal((rows, columns)) * gain / np.sqrt(columns)).astype(np.float32)
        numbers[silent] = 0
        if kind == Q.F32:
            return writer.add_tensor(name, numbers)
        stored = gguf.quants.quantize(numbers, kind)
        if not dequantized:
            return writer.add_tensor(name, stored, raw_dtype=kind)
        return writer.add_tensor(name, elements(stored, kind))

    def experts(name, count, rows, columns):
        if kind in SCALES:
            stored = blocks(random, count * rows, columns, kind).reshape(count, rows, -1)
        else:
            numbers = (random.standard_normal((count, rows, columns)) / np.sqrt(columns)).astype(np.float32)
            stored = gguf.quants.quantize(numbers, kind) if kind != Q.F32 else numbers
        if name.endswith("ffn_down_exps.weight"):
            stored[:, :count] = 0
        writer.add_tensor(name, stored, raw_dtype=kind)

    def vector(name, *shape, mean=1.0, spread=0.1):
        numbers = (mean + spread * random.standard_normal(shape)).astype(np.float32)
        if name.endswith(("attn_output.bias", "ffn_down_exps.bias")):
            numbers[..., :family.experts[0] if family.experts else 0] = 0
        writer.add_tensor(name, numbers)

    def linear(name, rows, columns, part):
        matrix(name + ".weight", rows, columns)
        if part in family.biases.split():
            vector(name + ".bias", rows, mean=0)

    def norm(name):
        vector(name + ".weight", width)
        if family.norm == "layer with bias":
            vector(name + ".bias", width, mean=0)

    vocabulary = VOCABULARY + words
    matrix("token_embd.weight", vocabulary, width)
    if family.has_positions:
        writer.add_tensor("position_embd.weight", random.standard_normal((1024, width)).astype(np.float32))
    for name in family.factors:
        writer.add_tensor(name + ".weight", (1 + 2 * random.random(turned // 2)).astype(np.float32))
    rows = {"q": heads * length, "k": key_heads * length, "v": key_heads * value}
    for index in range(layers):
        name = f"blk.{index}."
        for part in family.before:
            norm(name + part)
        if index in convolutions:
            matrix(name + "shortconv.in_proj.weight", 3 * width, width)
            writer.add_tensor(name + "shortconv.conv.weight", random.standard_normal((width, 3)).astype(np.float32))
            matrix(name + "shortconv.out_proj.weight", width, width)
        elif family.latent:
            rank, lowered, _ = family.latent
            if lowered:
                matrix(name + "attn_q_a.weight", lowered, width)
                vector(name + "attn_q_a_norm.weight", lowered)
            matrix(name + ("attn_q_b.weight" if lowered else "attn_q.weight"), heads * length, lowered or width)
            matrix(name + "attn_kv_a_mqa.weight", rank + turned, width)
            vector(name + "attn_kv_a_norm.weight", rank)
            if is_apart:
                experts(name + "attn_k_b.weight", heads, rank, length - turned)
                experts(name + "attn_v_b.weight", heads, value, rank)
            else:
                matrix(name + "attn_kv_b.weight", heads * (length - turned + value), rank)
            matrix(name + "attn_output.weight", width, heads * value)
        else:
            if family.is_fused:
                linear(name + "attn_qkv", sum(rows.values()), width, "qkv")
            else:
                for part, count in rows.items():
                    linear(f"{name}attn_{part}", count, width, "qkv")
            for part, count in [("q", heads), ("k", key_heads)] if family.head_norms else []:
                shape = {"heads": [length], "separate": [count, length], "vector": [count * length]}[family.head_norms]
                vector(f"{name}attn_{part}_norm.weight", *shape)
            linear(name + "attn_output", width, heads * value, "output")
            if family.has_sinks:
                vector(name + "attn_sinks.weight", heads)
        if family.experts and index >= family.dense:
            if family.has_choice_bias:
                vector(name + "exp_probs_b.bias", family.experts[0], mean=0)
            number, long = family.experts[0], family.expert_length or inner
            writer.add_tensor(name + "ffn_gate_inp.weight", np.eye(number, width, dtype=np.float32))
            if "router" in family.biases.split():
                vector(name + "ffn_gate_inp.bias", number, mean=0)
            for part, shape in [("gate", (long, width)), ("up", (long, width)), ("down", (width, long))]:
                experts(f"{name}ffn_{part}_exps.weight", number, *shape)
                if "experts" in family.biases.split():
                    # Some beyond the bounds that a gate may have.
                    vector(f"{name}ffn_{part}_exps.bias", number, shape[0], mean=0, spread=0.1 if part == "down" else 2.0)
                if family.shared_length:
                    shape = (width, family.shared_length) if part == "down" else (family.shared_length, width)
                    matrix(f"{name}ffn_{part}_shexp.weight", *shape)
            if family.has_shared_factor:
                vector(name + "ffn_gate_inp_shexp.weight", width, mean=0)
        else:
            if family.gate == "gate":
                linear(name + "ffn_gate", inner, width, "feed")
            linear(name + "ffn_up", 2 * inner if family.gate == "both" else inner, width, "feed")
            linear(name + "ffn_down", width, inner, "feed")
        for part in family.behind:
            norm(name + part)
    norm(family.output_norm)
    if family.has_output:
        linear("output", vocabulary, width, "logits")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(path.parent.glob(f"{path.stem}-*-of-*.gguf")) if split else path
