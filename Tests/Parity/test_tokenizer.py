"""Token ids against llama.cpp's, over many texts and several vocabularies, with special tokens parsed or not."""

import json
import pathlib

import pytest

from oracle import Oracle
from pair_vocabulary import SEPARATOR, PairModel
from random_texts import random_texts
from texts import TEXTS

MODELS = ["smollm2", "gemma3"]
VOCABULARIES = ["gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2"]
PRE_TOKENIZERS = pathlib.Path(__file__).with_name("pre_tokenizers.txt").read_text().split()
MODES = [(add, parse) for add in (False, True) for parse in (False, True)]


def ours(swiftlet, model, text, add_special, parse_special):
    flags = ["--add-special"] * add_special + ["--parse-special"] * parse_special
    result = swiftlet("tokenize", model, "--json", *flags, input=text)
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)["tokens"]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("model", MODELS)
def test_ids_are_those_of_llama_cpp(model, name, swiftlet, oracle, real_model):
    path = real_model(model)
    text = TEXTS[name]
    for add_special, parse_special in MODES:
        expected = oracle(path).post("/tokenize", content=text, add_special=add_special, parse_special=parse_special)
        found = ours(swiftlet, path, text.encode(), add_special, parse_special)
        assert found == expected["tokens"], f"add_special={add_special} parse_special={parse_special}"


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_other_vocabularies_give_the_same_ids(vocabulary, swiftlet, oracle, made_model):
    path = made_model("--arch", "llama", "--type", "Q8_0", vocabulary=vocabulary)
    for name, text in TEXTS.items():
        for special in (False, True):
            expected = oracle(path).post("/tokenize", content=text, add_special=special, parse_special=special)
            assert ours(swiftlet, path, text.encode(), special, special) == expected["tokens"], (name, special)


@pytest.fixture(scope="session")
def pair_model():
    return PairModel()


def parts(ids, separator):
    """The ids between separators."""
    found = [[]]
    for token in ids:
        if token == separator:
            found.append([])
        else:
            found[-1].append(token)
    return found


@pytest.mark.parametrize("name", PRE_TOKENIZERS)
def test_every_pre_tokenizer_cuts_text_as_llama_cpp_does(name, swiftlet, pair_model, shared_file, tmp_path):
    path = tmp_path / "pairs.gguf"
    pair_model.write(path, name)
    inputs = [shared_file(f"vocab/ggml-vocab-{vocabulary}.gguf.inp") for vocabulary in VOCABULARIES]
    read = {text for file in inputs for text in file.read_text().split("\n__ggml_vocab_test__\n")}
    texts = random_texts() + sorted(read) + list(TEXTS.values())
    # One request for all of them: a control token between two texts keeps them apart.
    whole = SEPARATOR.join(texts)
    server = Oracle(path, context=64, threads=1)
    try:
        expected = server.post("/tokenize", content=whole, add_special=True, parse_special=True)["tokens"]
    finally:
        server.close()
    found = ours(swiftlet, path, whole.encode(), True, True)
    if found != expected:
        pairs = zip(texts, parts(found, pair_model.separator), parts(expected, pair_model.separator))
        assert not [text for text, own, other in pairs if own != other]
    assert found == expected
