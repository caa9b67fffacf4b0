"""Made models of every architecture against llama.cpp: the likeliest tokens and their log-probabilities."""

import pathlib
import re
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "Browser"))
import vector_models
from comparison import largest_difference
from oracle import Oracle
from tiny_families import FAMILIES
from tiny_gguf import Q, spoil, write

# In F32 the arithmetic is the same; with eight bits each engine rounds in its own way.
CASES = [(name, kind, seed, tolerance) for name in FAMILIES for kind, seed, tolerance in [(Q.F32, 1, 0.02), (Q.Q8_0, 2, 0.35)]]
# Of one token, and long enough for windows, boundaries of scaling and pages.
PROMPTS = ["T", "def add(a, b):\n    return a + b\n\n" * 4]


@pytest.mark.parametrize("name,kind,seed,tolerance", CASES, ids=[f"{name}-{kind.name}" for name, kind, *_ in CASES])
def test_an_architecture_says_what_llama_cpp_says(name, kind, seed, tolerance, swiftlet, tmp_path):
    model = write(tmp_path / "model.gguf", name, kind, seed=seed)
    server = Oracle(model, context=1024)
    try:
        worst = largest_difference(swiftlet, server, model, PROMPTS, tolerance, shared=15 if kind == Q.F32 else 10)
    finally:
        server.close()
    print(f"{name} {kind.name}: largest difference {worst:.4f}")
    assert worst < tolerance


def test_a_router_of_no_numbers_chooses_different_experts(swiftlet, tmp_path):
    model = write(tmp_path / "model.gguf", "olmoe")
    router = np.eye(16, 256, dtype=np.float32)
    assert model.read_bytes().count(router.tobytes()) == 3
    model.write_bytes(model.read_bytes().replace(router.tobytes(), np.full_like(router, np.nan).tobytes()))
    result = swiftlet("run", model, "--raw", "--prompt", "It is a long way. " * 40, "--max-tokens", "4", timeout=60)
    assert result.returncode in (0, 1), result.stderr[-400:]


def test_numbers_that_are_not_finite_are_told(swiftlet, tmp_path):
    model = spoil(write(tmp_path / "model.gguf"), "output_norm.weight")
    (tmp_path / "text").write_text("It is a long way. " * 40)
    for command in [("run", model, "--raw", "--prompt", "A", "--logprobs", "3"),
                    ("perplexity", model, "--file", tmp_path / "text", "--context", "64")]:
        result = swiftlet(*command)
        assert result.returncode == 1 and b"not finite" in result.stderr, (result.stdout, result.stderr)


def test_every_architecture_of_the_engine_has_a_case(swiftlet, tmp_path):
    model = tmp_path / "model.gguf"
    write(model)
    model.write_bytes(model.read_bytes().replace(b"llama", b"lemur"))
    known = re.search(r"known here are (.*?)\.", swiftlet("show", model).stdout.decode())
    cases = [*FAMILIES.values(), *vector_models.FAMILIES.values()]
    assert known and set(known[1].split(", ")) == {family.architecture for family in cases}
