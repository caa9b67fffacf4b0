"""Made models of every architecture against llama.cpp: the likeliest tokens and their log-probabilities."""

import pathlib
import re
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "Browser"))
import vector_models
from oracle import Oracle
from test_generation import aligned, ask, first_difference, generate
from tiny_families import FAMILIES
from tiny_gguf import Q, write

# In F32 the arithmetic is the same; with eight bits each engine rounds in its own way.
CASES = [(name, kind, seed, tolerance) for name in FAMILIES for kind, seed, tolerance in [(Q.F32, 1, 0.02), (Q.Q8_0, 2, 0.35)]]
# Of one token, and long enough for windows, boundaries of scaling and pages.
PROMPTS = ["T", "def add(a, b):\n    return a + b\n\n" * 4]


@pytest.mark.parametrize("name,kind,seed,tolerance", CASES, ids=[f"{name}-{kind.name}" for name, kind, *_ in CASES])
def test_an_architecture_says_what_llama_cpp_says(name, kind, seed, tolerance, swiftlet, tmp_path):
    model = write(tmp_path / "model.gguf", name, kind, seed=seed)
    server = Oracle(model, context=1024)
    worst = 0
    try:
        for prompt in PROMPTS:
            ours = generate(swiftlet, model, prompt, "--raw")
            theirs = ask(server, ours["prompt_tokens"])
            at = first_difference(ours, theirs)
            for step, (mine, expected) in enumerate(zip(ours["logprobs"], aligned(theirs))):
                if expected is not None:
                    top = {item["token"]: item["logprob"] for item in mine["top"]}
                    shared = [token for token in expected if token in top]
                    assert len(shared) >= (15 if kind == Q.F32 else 10), "the likeliest twenty are others"
                    worst = max(worst, max(abs(expected[token] - top[token]) for token in shared))
                if step == at:
                    # They part only where the candidates are as close as the engines are.
                    assert expected is None or expected[theirs["tokens"][at]] - expected[ours["tokens"][at]] < 2 * tolerance
                    break
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


def test_every_architecture_of_the_engine_has_a_case(swiftlet, tmp_path):
    model = tmp_path / "model.gguf"
    write(model)
    model.write_bytes(model.read_bytes().replace(b"llama", b"lemur"))
    known = re.search(r"known here are (.*?)\.", swiftlet("show", model).stdout.decode())
    cases = [*FAMILIES.values(), *vector_models.FAMILIES.values()]
    assert known and set(known[1].split(", ")) == {family.architecture for family in cases}
