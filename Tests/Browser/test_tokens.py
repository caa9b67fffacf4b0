"""The tab computes what the native program computes."""

import json
import os
import pathlib
import subprocess

import pytest

from steps import generate, initialize, open_modules

PROMPTS = [
    "The capital of France is",
    "def fibonacci(n):\n",
    "Once upon a time, in a small village by the sea,",
    "Grüße aus München! 今日は",
    "1, 2, 3, 4, 5,",
]
COUNT = 24


def native_tokens(model, prompt, count=COUNT):
    program = os.environ.get("SWIFTLET_BIN", "")
    if not pathlib.Path(program).is_file():
        pytest.skip("SWIFTLET_BIN names no program")
    command = [program, "run", str(model), "--raw", "--prompt", prompt, "--temperature", "0",
               "--max-tokens", str(count), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return json.loads(answer.stdout)


@pytest.mark.parametrize("threads,isolated,addressing", [
    (2, True, 32), (1, True, 32), (1, False, 32), (2, True, 64), (1, True, 64)])
def test_greedy_tokens_equal_the_native_ones(page, site, quick_model, threads, isolated, addressing):
    site.isolated = isolated
    open_modules(page, site, json.dumps({"threads": threads, "addressing": addressing}))
    initialize(page)
    assert page.evaluate("manager.addressing") == addressing
    assert page.evaluate("manager.info.threads") == threads
    for prompt in PROMPTS:
        expected = native_tokens(quick_model, prompt)
        found = generate(page, prompt, {"temperature": 0, "maxTokens": COUNT})
        assert found["promptTokens"] == expected["prompt_tokens"], prompt
        assert found["tokens"] == expected["tokens"], prompt


def test_same_seed_same_text(page, site):
    open_modules(page, site)
    initialize(page)
    messages = [{"role": "user", "content": "Invent a name for a boat."}]
    options = {"temperature": 1.2, "seed": 7, "maxTokens": 24}
    first, second = (generate(page, messages, options) for _ in range(2))
    other = generate(page, messages, {**options, "seed": 8})
    assert first["tokens"] == second["tokens"]
    assert first["tokens"] != other["tokens"]


def test_tokenize_and_back(page, site):
    open_modules(page, site)
    initialize(page)
    text = "Grüße 👋🏽 from the tab\n\n  twice"
    assert page.evaluate("async (text) => manager.detokenize(await manager.tokenize(text))", text) == text
