"""`swiftlet perplexity` against the same figure computed from llama.cpp's log-probabilities, token by token.

On the dequantized weights of the real models: on the quantized ones the rounding of activations alone moves the figure of
so few tokens by about a percent, which test_accuracy.py looks at.
"""

import contextlib
import json
import math

import pytest

from dequantized import dequantized
from oracle import Oracle

CONTEXT = 64
TEXT = """The tides are the rise and fall of sea levels caused by the combined effects of the gravitational forces exerted
by the Moon and are also caused by the Earth and Moon orbiting one another. Tide tables can be used for any given locale to
find the predicted times and amplitude. The predictions are influenced by many factors including the alignment of the Sun
and Moon, the phase and amplitude of the tide, the amphidromic systems of the oceans, and the shape of the coastline and
near-shore bathymetry. They are however only predictions, the actual time and height of the tide is affected by wind and
atmospheric pressure. Many shorelines experience semi-diurnal tides: two nearly equal high and low tides each day."""


def expected(oracle, tokens, begin):
    """Perplexity as llama.cpp's tool defines it, for the first two chunks."""
    losses = []
    for start in range(0, 2 * CONTEXT, CONTEXT):
        chunk = list(tokens[start:start + CONTEXT])
        if begin is not None:
            chunk[0] = begin
        for position in range(CONTEXT // 2 + 1, CONTEXT):
            reply = oracle.post("/completion", prompt=chunk[:position], n_predict=1, temperature=0, n_probs=4000,
                                cache_prompt=True)
            scores = {each["id"]: each["logprob"] for each in reply["completion_probabilities"][0]["top_logprobs"]}
            losses.append(-scores[chunk[position]])
    return math.exp(sum(losses) / len(losses)), len(losses)


@pytest.mark.parametrize("name", ["smollm2", "gemma3"])
def test_perplexity_is_llama_cpps(swiftlet, real_model, tmp_path, name):
    # A server of its own, which lets go of the file: that takes up to a gigabyte.
    with dequantized(real_model(name)) as model, contextlib.closing(Oracle(model, 512, 1)) as peer:
        compare(swiftlet, peer, model, tmp_path / "text.txt", name)


def compare(swiftlet, peer, model, path, name):
    tokens = peer.post("/tokenize", content=TEXT, add_special=True)["tokens"]
    begin = tokens[0] if name == "gemma3" else None
    # Exactly two chunks: what follows them is not scored anyway.
    text = peer.post("/detokenize", tokens=tokens[0 if begin is None else 1:2 * CONTEXT + 8])["content"]
    path.write_text(text)
    assert peer.post("/tokenize", content=text, add_special=True)["tokens"][:2 * CONTEXT] == tokens[:2 * CONTEXT]

    result = swiftlet("perplexity", model, "--file", path, "--context", CONTEXT, "--json")
    assert result.returncode == 0, result.stderr.decode()
    output = json.loads(result.stdout)
    value, count = expected(peer, tokens, begin)
    assert output["scored_tokens"] == count == 2 * (CONTEXT // 2 - 1)
    assert output["perplexity"] == pytest.approx(value, rel=0.002)
