"""Small GGUF models with random weights that turn texts into vectors or rank them: a table of the architectures, and the
vocabularies that they have."""

import dataclasses
import functools
import io
import pathlib

import gguf
import numpy as np

Q = gguf.GGMLQuantizationType
MEAN, CLS, LAST, RANK = 1, 2, 3, 4
CONTEXT = 512


@dataclasses.dataclass(frozen=True)
class VectorFamily:
    """The tensors and keys of an architecture's files."""

    architecture: str
    pooling: int
    vocabulary: str = "words"
    norm: str = "layer with bias"
    # Norms before the branches, behind them, and of their sums with the residual stream.
    norms: tuple = ("attn_output_norm", "layer_output_norm")
    has_embedding_norm: bool = True
    has_types: bool = True
    has_positions: bool = False
    has_output_norm: bool = False
    has_head_norms: bool = False
    is_fused: bool = False
    has_biases: bool = False
    gate: str = "gate"
    keys: tuple = ()
    layers: int = 3
    sharing: int = 1
    # Classifiers and projections behind the layers, by rows; 0 is the width.
    head: tuple = ()
    has_head_biases: bool = True


_PRE = ("attn_norm", "ffn_norm")
_WINDOW = ("attention.sliding_window", 24)
_BERT = {"has_positions": True, "has_biases": True, "gate": ""}

FAMILIES = {
    "bert": VectorFamily("bert", MEAN, **_BERT),
    "bert with its first token": VectorFamily("bert", CLS, **_BERT),
    "bert with unigrams": VectorFamily("bert", CLS, "unigrams", **_BERT),
    "bert that ranks": VectorFamily("bert", RANK, "unigrams", head=(("cls", 0), ("cls.output", 1)), **_BERT),
    "bert that ranks by one layer": VectorFamily("bert", RANK, head=(("cls.output", 1),), **_BERT),
    "nomic-bert": VectorFamily("nomic-bert", MEAN, is_fused=True, keys=(("rope.freq_base", 1000.0),)),
    "modern-bert": VectorFamily(
        "modern-bert", CLS, norm="layer", norms=_PRE, has_types=False, is_fused=True, gate="both", has_output_norm=True, layers=5,
        keys=(_WINDOW, ("rope.freq_base", 160000.0), ("rope.freq_base_swa", 10000.0))),
    "gemma-embedding": VectorFamily(
        "gemma-embedding", MEAN, norm="rms", norms=(*_PRE, "post_attention_norm", "post_ffw_norm"), has_embedding_norm=False,
        has_types=False, has_output_norm=True, has_head_norms=True, keys=(_WINDOW, ("rope.freq_base", 1000000.0)), layers=7,
        sharing=4, head=(("dense_2", 256), ("dense_3", 0)), has_head_biases=False),
    "qwen3": VectorFamily(
        "qwen3", LAST, norm="rms", norms=_PRE, has_embedding_norm=False, has_types=False, has_output_norm=True,
        has_head_norms=True, sharing=4),
    "qwen3 that ranks": VectorFamily(
        "qwen3", RANK, norm="rms", norms=_PRE, has_embedding_norm=False, has_types=False, has_output_norm=True,
        has_head_norms=True, sharing=4, head=(("cls.output", 2),), has_head_biases=False),
    "jina-bert-v2": VectorFamily("jina-bert-v2", MEAN, has_biases=True),
}


def words():
    """A WordPiece vocabulary: letters and a few endings, at a word's beginning and within it."""
    parts = [*"abcdefghijklmnopqrstuvwxyz0123456789", *"äéñßçøł", "ing", "er", "th", "ed", "on", "an", "re"]
    alone = [*".,:;!?'\"()-/&$%#@+=*<>[]_", "中", "文", "the", "of", "and", "model", "water", "é"]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = special + ["\u2581" + part for part in dict.fromkeys(parts + alone)] + parts
    return tokens, [3] * len(special) + [1] * (len(tokens) - len(special))


@functools.cache
def unigrams():
    """A unigram vocabulary of SentencePiece's own making, with its rules of normalization: tokens, scores, types, rules."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    made = io.BytesIO()
    lines = pathlib.Path(__file__).with_name("passages.txt").read_text().splitlines()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=made, vocab_size=600, model_type="unigram", hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc", user_defined_symbols=["<mask>", "=>"], minloglevel=2)
    model = sentencepiece_model_pb2.ModelProto.FromString(made.getvalue())
    # SentencePiece's numbers for what a piece is are GGUF's.
    return ([piece.piece for piece in model.pieces], [piece.score for piece in model.pieces],
            [piece.type for piece in model.pieces], bytes(model.normalizer_spec.precompiled_charsmap))


def _add_vocabulary(writer, kind):
    if kind == "words":
        tokens, types = words()
        writer.add_tokenizer_model("bert")
        for add, name in [(writer.add_bos_token_id, "[CLS]"), (writer.add_eos_token_id, "[SEP]"), (writer.add_sep_token_id, "[SEP]"),
                          (writer.add_unk_token_id, "[UNK]"), (writer.add_pad_token_id, "[PAD]")]:
            add(tokens.index(name))
        # Between a query and a text there is one.
        writer.add_add_eos_token(True)
        writer.add_add_sep_token(False)
        scores = None
    else:
        tokens, scores, types, rules = unigrams()
        writer.add_tokenizer_model("t5")
        writer.add_add_space_prefix(True)
        writer.add_remove_extra_whitespaces(True)
        writer.add_precompiled_charsmap(rules)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_sep_token_id(2)
        writer.add_unk_token_id(0)
        writer.add_add_bos_token(True)
        writer.add_add_eos_token(True)
        writer.add_add_sep_token(True)
    writer.add_token_list(tokens)
    if scores:
        writer.add_token_scores(scores)
    writer.add_token_types(types)
    return len(tokens)


def write(path, name, kind=Q.F32, *, seed=1, width=64, inner=128, heads=4):
    """A model whose matrices are in the format `kind`."""
    random = np.random.default_rng(seed)
    family = FAMILIES[name]
    writer = gguf.GGUFWriter(path, family.architecture)
    writer.add_name(name)
    key_heads, length = heads // family.sharing, width // heads
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(family.layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_heads)
    if family.sharing > 1:
        writer.add_key_length(length)
        writer.add_value_length(length)
    (writer.add_layer_norm_rms_eps if family.norm == "rms" else writer.add_layer_norm_eps)(1e-5)
    if family.architecture != "qwen3":
        writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType(family.pooling))
    for key, setting in family.keys:
        (writer.add_float32 if isinstance(setting, float) else writer.add_uint32)(f"{family.architecture}.{key}", setting)
    if family.pooling == RANK:
        writer.add_array(f"{family.architecture}.classifier.output_labels", ["yes", "no"][:family.head[-1][1]])
    vocabulary = _add_vocabulary(writer, family.vocabulary)

    def matrix(name, rows, columns, stored=kind):
        numbers = (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)
        if stored == Q.F32:
            writer.add_tensor(name, numbers)
        else:
            writer.add_tensor(name, gguf.quants.quantize(numbers, stored), raw_dtype=stored)

    def vector(name, count, mean=0.0):
        writer.add_tensor(name, (mean + 0.1 * random.standard_normal(count)).astype(np.float32))

    def norm(name):
        vector(name + ".weight", width, 1)
        if family.norm == "layer with bias":
            vector(name + ".bias", width)

    def linear(name, rows, columns, has_bias):
        matrix(name + ".weight", rows, columns)
        if has_bias:
            vector(name + ".bias", rows)

    matrix("token_embd.weight", vocabulary, width)
    writer.add_token_type_count(2)
    if family.has_types:
        matrix("token_types.weight", 2, width, Q.F32)
    if family.has_positions:
        matrix("position_embd.weight", CONTEXT, width, Q.F32)
    if family.has_embedding_norm:
        norm("token_embd_norm")
    rows = {"q": heads * length, "k": key_heads * length, "v": key_heads * length}
    for index in range(family.layers):
        layer = f"blk.{index}."
        for part in family.norms:
            # ModernBERT's first layer reads embeddings that are normalized.
            if not (part == "attn_norm" and index == 0 and family.has_embedding_norm):
                norm(layer + part)
        if family.is_fused:
            linear(layer + "attn_qkv", sum(rows.values()), width, family.has_biases)
        else:
            for part, count in rows.items():
                linear(f"{layer}attn_{part}", count, width, family.has_biases)
        if family.has_head_norms:
            vector(layer + "attn_q_norm.weight", length, 1)
            vector(layer + "attn_k_norm.weight", length, 1)
        linear(layer + "attn_output", width, width, family.has_biases)
        if family.gate == "gate":
            linear(layer + "ffn_gate", inner, width, False)
        linear(layer + "ffn_up", 2 * inner if family.gate == "both" else inner, width, family.has_biases and not family.gate)
        linear(layer + "ffn_down", width, inner, family.has_biases)
    if family.has_output_norm:
        norm("output_norm")
    columns = width
    for part, count in family.head:
        linear(part, count or width, columns, family.has_head_biases)
        columns = count or width
    if any(part == "dense_2" for part, _ in family.head):
        writer.add_uint32("gemma-embedding.dense_2_feat_out", 256)
        writer.add_uint32("gemma-embedding.dense_3_feat_in", 256)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def quantized(source, kind, path):
    """A model of F16 and F32 with its F16 matrices in the format `kind`."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(path, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            element = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(name, field.contents(), field.types[0], element)
    for tensor in reader.tensors:
        if tensor.tensor_type == Q.F16:
            writer.add_tensor(tensor.name, gguf.quants.quantize(tensor.data.astype(np.float32), kind), raw_dtype=kind)
        else:
            writer.add_tensor(tensor.name, tensor.data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
