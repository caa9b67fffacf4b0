"""Every format: its elements against the `gguf` package's, and made models in it against llama.cpp.

The elements are compared by way of digests, `Tests/Fixtures/format-digests.json`: this test holds them to the package, and
`FormatDigestTests.swift` the engine to them. `python Tests/Parity/test_formats.py` writes the file anew.
"""

import hashlib
import json
import pathlib
import sys

import gguf
import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "Browser"))
from oracle import Oracle
from comparison import aligned, ask, first_difference, generate
from tiny_gguf import FORMATS, SCALES, Q, elements, write

DIGESTS = pathlib.Path(__file__).parent.parent / "Fixtures" / "format-digests.json"
# What the package knows besides: formats of activations, integers, and doubles, which no model's matrices have.
OTHERS = {Q.Q8_1, Q.Q8_K, Q.I8, Q.I16, Q.I32, Q.I64, Q.F64}
# Enough that every point of a grid occurs.
BLOCKS = 4096


def split_mix(seed, count):
    """The engine's random words."""
    z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return z ^ z >> np.uint64(31)


def exponent_bytes(kind):
    """Of a block's floating-point numbers the bytes whose bit 6 is cleared, so that all are finite."""
    if kind in (Q.F32, Q.F16, Q.BF16):
        return [gguf.GGML_QUANT_SIZES[kind][1] - 1]
    return [55] if kind == Q.IQ1_M else [at + 1 for at in SCALES[kind]]


def digest(kind):
    """Of the elements of random blocks, as floats."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    data = split_mix(kind, BLOCKS * size // 8).view(np.uint8).reshape(BLOCKS, size).copy()
    for at in exponent_bytes(kind):
        data[:, at] &= 0xbf
    with np.errstate(over="ignore"):
        return {"exponents": exponent_bytes(kind), "sha256": hashlib.sha256(elements(data, kind).tobytes()).hexdigest()}


def digests():
    return {kind.name: digest(kind) for kind in Q if kind not in OTHERS}


def test_the_digests_are_those_of_the_package():
    assert json.loads(DIGESTS.read_text()) == digests()


def test_every_format_has_a_made_model():
    assert {*FORMATS, Q.F32} == {*Q} - OTHERS


# All formats in the matrices of a plain model, some in those of experts, too.
CASES = [*(("llama", kind) for kind in FORMATS), *(("olmoe", kind) for kind in [Q.MXFP4, Q.NVFP4, Q.IQ2_S, Q.TQ1_0])]
PROMPTS = ["T", "def add(a, b):\n    return a + b\n\n" * 4]


@pytest.mark.parametrize("family,kind", CASES, ids=[f"{family}-{kind.name}" for family, kind in CASES])
def test_a_model_in_a_format_says_what_llama_cpp_says(family, kind, swiftlet, tmp_path):
    """Each engine rounds activations in its own way, so this is as close as two ways are; a wrong element is seen at once."""
    model = write(tmp_path / "model.gguf", family, kind)
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
                    assert len(shared) >= 10, "the likeliest twenty are others"
                    worst = max(worst, max(abs(expected[token] - top[token]) for token in shared))
                if step == at:
                    break
    finally:
        server.close()
    print(f"{family} {kind.name}: largest difference {worst:.4f}")
    assert worst < 0.25


if __name__ == "__main__":
    DIGESTS.write_text(json.dumps(digests(), indent=1) + "\n")
