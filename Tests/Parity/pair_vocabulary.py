"""A tiny model whose vocabulary shows where text is cut: a token for each byte and one for each two bytes in a row, which
all merge, in an order without regularity. Whether two bytes belong to one word then decides what becomes of them. For the
rules that merge characters, there are U+2581, two line feeds and the names of the bytes."""

import pathlib
import random
import tempfile

import gguf
import numpy

SEPARATOR = "<|cut|>"
WIDTH = 32


def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x144))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


class PairModel:
    """Writes the model for any value of `tokenizer.ggml.pre`."""

    def __init__(self):
        letters = byte_alphabet()
        pairs = [(left, right) for left in letters for right in letters]
        random.Random(1).shuffle(pairs)
        tokens = letters + [left + right for left, right in pairs]
        tokens += ["▁", "▁a", "\n\n"] + [f"<0x{byte:02X}>" for byte in range(256)] + ["<s>", SEPARATOR]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "pairs.gguf"
            self._write(path, tokens, [f"{left} {right}" for left, right in pairs] + ["▁ a"])
            reader = gguf.GGUFReader(path)
            last = reader.tensors[-1].field
            end = last.offset + sum(int(part.nbytes) for part in last.parts)
            whole = path.read_bytes()
            name = reader.fields["tokenizer.ggml.pre"]
            start = name.offset + sum(int(part.nbytes) for part in name.parts[:3])
            self.before, self.after = whole[:start], whole[start + 8 + len("default"):end]
            self.tensors = whole[reader.data_offset:]
            self.alignment = reader.alignment
        self.separator = len(tokens) - 1

    def _write(self, path, tokens, merges):
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(tokens)
        writer.add_token_types([1] * (len(tokens) - 258) + [6] * 256 + [3, 3])
        writer.add_token_merges(merges)
        writer.add_bos_token_id(len(tokens) - 2)
        writer.add_eos_token_id(len(tokens) - 2)
        writer.add_vocab_size(len(tokens))
        writer.add_block_count(1)
        writer.add_context_length(64)
        writer.add_embedding_length(WIDTH)
        writer.add_feed_forward_length(WIDTH)
        writer.add_head_count(1)
        writer.add_head_count_kv(1)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_dimension_count(WIDTH)
        embedding = gguf.quants.quantize(numpy.zeros((len(tokens), WIDTH), numpy.float32), gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor("token_embd.weight", embedding, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.0.{name}.weight", numpy.zeros(WIDTH, numpy.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
            writer.add_tensor(f"blk.0.{name}.weight", numpy.zeros((WIDTH, WIDTH), numpy.float32))
        writer.add_tensor("output_norm.weight", numpy.zeros(WIDTH, numpy.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def write(self, path, name):
        """Writes the model with `name` as its pre-tokenizer."""
        text = name.encode()
        head = self.before + len(text).to_bytes(8, "little") + text + self.after
        path.write_bytes(head + bytes(-len(head) % self.alignment) + self.tensors)
