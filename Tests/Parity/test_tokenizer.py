"""Token ids against llama.cpp's, over many texts and several vocabularies, with special tokens parsed or not."""

import json

import pytest

from texts import TEXTS

MODELS = ["smollm2", "gemma3"]
VOCABULARIES = ["gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2"]
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
