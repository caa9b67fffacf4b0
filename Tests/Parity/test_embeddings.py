"""Vectors and ranks of texts, and the vocabularies of the models that make them, against llama.cpp; MiniLM against what its
documentation says."""

import json
import pathlib
import re

import numpy as np
import pytest

from oracle import Oracle
from random_texts import random_texts
from vector_models import CONTEXT, FAMILIES, RANK, Q, quantized, write

# Of random weights in eight bits each engine rounds in its own way.
KINDS = [(Q.F32, 1), (Q.Q8_0, 2)]
LEAST_COSINE = {Q.F32: 0.9999, Q.Q8_0: 0.999}
CASES = [(name, kind, seed) for name in FAMILIES for kind, seed in KINDS]
IDS = [f"{name}-{kind.name}" for name, kind, _ in CASES]


def sentences():
    """Fifty texts: of one word and of several lines, longer than windows and pages."""
    words = pathlib.Path(__file__).with_name("passages.txt").read_text().split()
    lengths = [1, 2, 3, 5, 8, 13, 21, 34, 55, 80]
    texts, at = [], 0
    for number in range(50):
        length = lengths[number % len(lengths)]
        texts.append(" ".join(words[at:at + length]))
        at = (at + length) % (len(words) - 100)
    return texts


def lines_of(swiftlet, *arguments, texts):
    result = swiftlet("embed", *arguments, input="".join(text + "\n" for text in texts).encode())
    assert result.returncode == 0, result.stderr.decode()
    return [json.loads(line) for line in result.stdout.splitlines()]


def vectors(swiftlet, model, texts, *arguments):
    return np.array([line["embedding"] for line in lines_of(swiftlet, model, *arguments, texts=texts)])


def expected_vectors(server, texts):
    return np.array([item["embedding"] for item in server.post("/v1/embeddings", model="x", input=texts)["data"]])


@pytest.mark.parametrize("name,kind,seed", CASES, ids=IDS)
def test_an_architecture_gives_what_llama_cpp_gives(name, kind, seed, swiftlet, tmp_path):
    ranks = FAMILIES[name].pooling == RANK
    model = write(tmp_path / "model.gguf", name, kind, seed=seed)
    texts = sentences()
    server = Oracle(model, context=CONTEXT, gives="ranks" if ranks else "vectors")
    try:
        if ranks:
            query = "What is the way to the station?"
            reply = server.post("/v1/rerank", model="x", query=query, documents=texts)
            expected = np.array([item["relevance_score"] for item in sorted(reply["results"], key=lambda item: item["index"])])
            found = np.array([line["score"] for line in lines_of(swiftlet, model, "--query", query, texts=texts)])
            difference = abs(found - expected).max()
            print(f"{name} {kind.name}: largest difference {difference:.5f}, spread {expected.std():.3f}")
            assert expected.std() > 0.01 and difference < (0.005 if kind == Q.F32 else 0.05)
        else:
            expected, found = expected_vectors(server, texts), vectors(swiftlet, model, texts)
            cosines = (expected * found).sum(1)
            others = (expected[0] * expected[1:]).sum(1)
            print(f"{name} {kind.name}: smallest cosine {cosines.min():.7f}; of two texts up to {others.max():.5f}")
            assert cosines.min() > LEAST_COSINE[kind] and abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5
    finally:
        server.close()


@pytest.mark.parametrize("name", ["bert", "bert with unigrams", "minilm"])
def test_texts_become_the_tokens_of_llama_cpp(name, swiftlet, tmp_path, real_model):
    model = real_model(name) if name == "minilm" else write(tmp_path / "model.gguf", name)
    server = Oracle(model, context=CONTEXT, gives="vectors")
    try:
        different = []
        for text in random_texts() + sentences() + ["", " ", "  two  spaces ", "=> <mask> [MASK]<mask>", "\u2581a", "ﬁ①Å½"]:
            expected = server.post("/tokenize", content=text, add_special=True)["tokens"]
            found = swiftlet("tokenize", model, "--json", "--add-special", "--parse-special", input=text.encode())
            assert found.returncode == 0, found.stderr.decode()
            if json.loads(found.stdout)["tokens"] != expected:
                different.append((text, json.loads(found.stdout)["tokens"], expected))
        assert not different, f"{len(different)} differ, such as {different[0]}"
    finally:
        server.close()


@pytest.mark.parametrize("kind", [None, Q.Q8_0], ids=["as it is", "Q8_0"])
def test_minilm_gives_what_llama_cpp_gives(kind, swiftlet, real_model, tmp_path):
    model = quantized(real_model("minilm"), kind, tmp_path / "model.gguf") if kind else real_model("minilm")
    server = Oracle(model, context=CONTEXT, gives="vectors")
    try:
        cosines = (expected_vectors(server, sentences()) * vectors(swiftlet, model, sentences())).sum(1)
    finally:
        server.close()
    print(f"smallest cosine {cosines.min():.7f}")
    assert cosines.min() > LEAST_COSINE[kind or Q.F32]


def test_minilm_finds_texts_as_near_as_its_documentation_says(swiftlet, real_model):
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    found = vectors(swiftlet, real_model("minilm"), texts)
    assert (found[1:] @ found[0]) == pytest.approx([0.695, 0.943, 0.257], abs=0.001)


def test_what_cannot_be_done_is_said(swiftlet, real_model, tmp_path):
    bert, rank = (write(tmp_path / f"{name}.gguf", name) for name in ("bert", "bert that ranks"))
    chat = real_model("smollm2")
    long = "a " * (CONTEXT + 1)
    for arguments, text, message in [
        (("embed", bert), long, rf"{CONTEXT + 3} tokens, 3 more than the context of {CONTEXT}"),
        (("embed", bert, "--context", "64"), long, rf"longer context \(up to {CONTEXT}\)"),
        (("embed", chat), "hello", "Say which pooling"),
        (("embed", chat, "--pooling", "rank"), "hello", "no classifier"),
        (("embed", bert, "--query", "x"), "hello", "takes a query"),
        (("embed", rank), "hello", "give a query"),
        (("run", bert), "hello", "bert .*turns texts into vectors and cannot write"),
        (("run", rank), "hello", "ranks texts and cannot write"),
    ]:
        result = swiftlet(*arguments, input=text.encode())
        assert result.returncode == 1 and re.search(message, result.stderr.decode()), (arguments, result.stderr)
    cut, whole = lines_of(swiftlet, bert, "--truncate", texts=[long, "a " * (CONTEXT - 2)])
    assert cut == {**whole, "index": 0}


def test_a_model_for_chat_gives_vectors_with_a_pooling(swiftlet, real_model):
    texts = ["The cat sat on the mat.", "A cat is on a rug.", "Interest rates rose again in March."]
    for pooling in ("mean", "last"):
        found = vectors(swiftlet, real_model("smollm2"), texts, "--pooling", pooling)
        assert found[0] @ found[1] > found[0] @ found[2]
    long = ["The cat sat on the mat. " * 100]
    whole, parts = (vectors(swiftlet, real_model("smollm2"), long, "--pooling", "mean", "--raw") for _ in range(2))
    assert (whole == parts).all() and abs(np.linalg.norm(whole) - 1) > 0.1
