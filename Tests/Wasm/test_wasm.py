"""The browser modules, run in Node."""

import json
import subprocess

import numpy as np
import pytest

import vector_models
from conftest import path_of
from tiny_families import FAMILIES
from tiny_gguf import Q, spoil, write

PROMPTS = ["The capital of France is", "Once upon a time", "def fibonacci(n):\n", "1, 2, 3, 4,", "Die Wörter 漢字 🙂"]
MADE = [("llama", "Q8_0", "ggml-vocab-llama-bpe"), ("phi2", "F32", "ggml-vocab-gpt-2"),
        ("gemma3", "Q4_0", "ggml-vocab-llama-spm")]


def requests(prompts, tokens):
    return [{"input": {"text": prompt}, "options": {"temperature": 0, "maxTokens": tokens}} for prompt in prompts]


def threads_of(module):
    """How many threads a module is tried with."""
    return [1, 3] if "threads" in module.name else [1]


def test_the_quick_model_says_what_it_says_natively(node, module, quick, native):
    expected = [native(quick, prompt, 24) for prompt in PROMPTS]
    for threads in threads_of(module):
        [answer] = node("generate.mjs", module, quick, threads, stdin=requests(PROMPTS, 24))
        assert answer["info"]["threads"] == threads
        for result, reference in zip(answer["results"], expected):
            assert result["promptTokens"] == reference["prompt_tokens"]
            assert visible(result["tokens"], result) == visible(reference["tokens"], reference)
            assert result["text"] == reference["text"]
        assert answer["steps"][0] == "downloading" and answer["steps"][-1] == "ready"


def test_a_compiler_that_computes_wrongly_is_noticed(node, quick, native, tmp_path):
    """As Node 20's fast compiler does with i32x4.relaxed_dot_i8x16_i7x16_add_s: without the check, tokens are wrong."""
    module = path_of("SWIFTLET_WEB", "swiftlet-threads.wasm")
    # The opcode i16x8.add where i16x8.relaxed_dot_i8x16_i7x16_s belongs.
    wrong = tmp_path / "wrong.wasm"
    wrong.write_bytes(module.read_bytes().replace(b"\xfd\x92\x02", b"\xfd\x8e\x01"))
    assert wrong.read_bytes() != module.read_bytes()
    expected = [native(quick, prompt, 24) for prompt in PROMPTS]
    for compiler in ["--no-liftoff", "--liftoff --no-wasm-tier-up", "--liftoff --wasm-tier-up"]:
        for path in [module, wrong]:
            [answer] = node("generate.mjs", path, quick, 2, stdin=requests(PROMPTS, 24), compiler=compiler)
            for result, reference in zip(answer["results"], expected):
                assert visible(result["tokens"], result) == visible(reference["tokens"], reference), compiler
            if path == wrong or compiler == "--no-liftoff":
                assert answer["kernelChanges"] == (1 if path == wrong else 0)


def visible(tokens, result):
    """Tokens without the one that ended the text, which one side may report and the other not."""
    return tokens[:-1] if result.get("reason", result.get("finish_reason")) == "stop" else tokens


@pytest.mark.parametrize("architecture, kind, vocabulary", MADE)
def test_real_vocabularies_say_what_they_say_natively(node, module, made_model, native, architecture, kind, vocabulary):
    model = made_model(architecture, kind, vocabulary)
    expected = [native(model, prompt, 16) for prompt in PROMPTS[:3]]
    [answer] = node("generate.mjs", module, model, 1, stdin=requests(PROMPTS[:3], 16))
    for result, reference in zip(answer["results"], expected):
        assert result["promptTokens"] == reference["prompt_tokens"]
        assert result["tokens"] == reference["tokens"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_says_what_it_says_natively(node, native, tmp_path, family):
    module = path_of("SWIFTLET_WEB", "swiftlet-threads.wasm")
    model = write(tmp_path / "model.gguf", family, Q.Q8_0, seed=3)
    prompts = ["It is a long way to the sea. " * 5, "T"]
    expected = [native(model, prompt, 16)["tokens"] for prompt in prompts]
    [answer] = node("generate.mjs", module, model, 2, stdin=requests(prompts, 16))
    assert [result["tokens"] for result in answer["results"]] == expected


@pytest.mark.parametrize("family", [*vector_models.FAMILIES, "minilm"])
def test_vectors_have_the_bits_that_they_have_natively(node, tmp_path, family):
    module, program = path_of("SWIFTLET_WEB", "swiftlet-threads.wasm"), path_of("SWIFTLET_BIN")
    if family == "minilm":
        model, query = path_of("SWIFTLET_TEST_MODELS", "minilm.gguf"), ""
    else:
        model = vector_models.write(tmp_path / "model.gguf", family, Q.Q8_0, seed=3)
        query = "why" if vector_models.FAMILIES[family].pooling == vector_models.RANK else ""
    texts = ["It is a long way to the sea. " * 12, "T", "Wörter 漢字 🙂"]
    shown = subprocess.run([program, "embed", model, *(["--query", query] if query else [])], check=True, capture_output=True,
                           timeout=60, input="".join(text + "\n" for text in texts).encode())
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    expected = np.array([[line["score"]] if query else line["embedding"] for line in lines], np.float32)
    for threads in [1, 3]:
        [answer] = node("embed.mjs", module, model, threads, stdin={"texts": texts, "query": query})
        found = np.array([vector[:1] if query else vector for vector in answer["vectors"]], np.float32)
        assert (found == expected).all()


def test_the_page_computes_the_memory_of_a_context_as_the_engine_does(node, quick, made_model):
    """Before the engine is there, the page tells whether a model of the hub fits, from its header alone."""
    program = path_of("SWIFTLET_BIN")
    for model in [quick, *(made_model(*kind) for kind in MADE)]:
        [facts] = node("header.mjs", model)
        for context in [1024, 8192]:
            shown = subprocess.run([program, "show", model, "--json", "--context", str(context)], check=True,
                                   capture_output=True, text=True, timeout=60)
            memory = json.loads(shown.stdout)["memory"]
            assert facts["cacheBytesPerToken"] * context == memory["cache"]


def test_a_conversation_is_read_back_to_the_same_bits(node, module, made_model):
    for architecture in MADE:
        for threads in threads_of(module):
            [visits] = node("kept.mjs", module, made_model(*architecture), threads)
            first, second, broken, fresh = visits
            assert first["restored"] == 0 and fresh["restored"] == 0
            assert second["restored"] == (second["prompt"] - 1) // 32 * 32 > 100
            assert broken["restored"] == 32
            for visit in [second, broken, fresh]:
                assert visit["tokens"] == first["tokens"] and visit["logprobs"] == first["logprobs"]


def test_requests_say_together_what_they_say_alone(node, module, made_model):
    for architecture in MADE:
        for threads in threads_of(module):
            [ways] = node("together.mjs", module, made_model(*architecture), threads)
            assert [way["together"] for way in ways] == [1, 2, 4]
            assert [len(reply) for reply in ways[0]["replies"]] == [24, 12, 30, 8]
            for way in ways[1:]:
                assert way["replies"] == ways[0]["replies"]


def test_memory_is_allocated_freed_and_used_again(node, module):
    [answer] = node("allocator.mjs", module)
    assert answer["reserved"] < 2 ** 32


def test_loading_again_and_again_takes_no_more_memory(node, module, made_model):
    [rounds] = node("cycles.mjs", module, made_model(*MADE[0]))
    assert rounds[-1]["used"] <= rounds[1]["used"]
    assert rounds[-1]["reserved"] == rounds[1]["reserved"]


def test_hostile_bytes_are_answered_with_errors(node, module, made_model):
    answer, short = node("hostile.mjs", module, made_model(*MADE[0]))
    for name in ["noFrame", "emptyFrame", "otherVersion", "absurdLength", "cutFrame"]:
        assert answer[name] == "bad-frame", name
    assert answer["withoutModel"] == "no-model"
    for name in ["noModel", "cutHeader", "cutTensors", "flipped"]:
        assert answer[name] == "invalid-model", name
    assert answer["afterwards"] == "loaded", "the module goes on after bad models"
    assert short["memory"] == "not-enough-memory"


def test_numbers_that_are_not_finite_are_told(node, module, tmp_path):
    model = spoil(write(tmp_path / "model.gguf"), "output_norm.weight")
    [answer] = node("generate.mjs", module, model, 1, stdin=requests(["A", "B"], 4))
    for result in answer["results"]:
        assert result["error"]["code"] == "invalid-model" and "not finite" in result["error"]["message"]
        assert not result["tokens"]


def test_models_beyond_32_bits_are_told_to_be_too_large(node, module):
    [results] = node("sizes.mjs", module)
    cache, large_cache, weights, large_weights, head, vocabulary = results
    for result in [head, vocabulary]:
        assert result["verdict"] == 2 and result["code"] == "invalid-model", result
    for result in [cache, large_cache, large_weights]:
        assert result["verdict"] == 2 and result["code"] == "not-enough-memory", result
    # The page has another module for files that 32 bits do not count.
    assert weights["verdict"] == 0, weights
    assert cache["need"] > 2 * 24 * 16 * 128 * 16384 * 2
    assert large_cache["need"] > 2 * 1024 * 4096 * 256 * 16384 * 2
    assert weights["need"] > weights["fileSize"] > 2 ** 31
    assert large_weights["need"] > large_weights["fileSize"] > 2 ** 42


def test_speed_beside_the_native_build(node, module, quick, native):
    """Prints the ratio; only an absurd one fails, since the machine may be busy."""
    for threads in threads_of(module)[:1] + ([2] if "threads" in module.name else []):
        reference = native(quick, PROMPTS[1], 48, threads)["timings"]
        [answer] = node("generate.mjs", module, quick, threads, stdin=requests([PROMPTS[0], PROMPTS[1]], 48))
        timings = answer["results"][1]["timings"]
        there = 1000 * reference["predicted_n"] / reference["predicted_ms"]
        here = 1000 * timings["predictedCount"] / timings["predictedMilliseconds"]
        print(f"\n{module.name}, {threads} thread(s): {here:.1f} tokens/s, native {there:.1f}, ratio {here / there:.2f}")
        assert here > 0.01 * there


def test_the_hash_module_computes_sha_256_and_xxh64_at_every_length(node):
    # XXH64 of no bytes, and of "abc", as published with the algorithm; SHA-256 is held to Node's own.
    [answer] = node("hash.mjs", path_of("SWIFTLET_WEB", "hash.wasm"))
    assert answer["checksums"] == ["ef46db3751d8e999", "44bc2cf5ad770999"]
    assert answer["lengths"] > 20 and answer["wrong"] == []


def test_a_model_in_several_files_says_what_it_says_in_one(node, module, tmp_path):
    whole = write(tmp_path / "whole.gguf", "llama", Q.Q8_0)
    parts = write(tmp_path / "tiny.gguf", "llama", Q.Q8_0, split=5)
    assert len(parts) > 2
    say = lambda paths: node("generate.mjs", module, ",".join(map(str, paths)), 1, stdin=requests(PROMPTS[:2], 16))[0]
    expected, found = say([whole]), say(parts)
    assert [result["tokens"] for result in found["results"]] == [result["tokens"] for result in expected["results"]]
    wrong = say([parts[0], parts[2], *parts[2:]])["error"]
    assert wrong["code"] == "invalid-model"
    assert f"Expected part 2 of {len(parts)}, found part 3 of {len(parts)}" in wrong["message"]
    assert f"Expected a model in one file, found part 1 of {len(parts)}" in say(parts[:1])["error"]["message"]
