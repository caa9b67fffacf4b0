"""The whole engine on Deno's graphics card: the same answers as the processor's in the same Deno.

The processor rounds activations to eight bits for quantized weights and the card does not, but in a prefill where that is faster.
So the card on a quantized model is held to the processor on the same numbers as F32, where nobody rounds.
"""

import contextlib
import math
import os
import pathlib

import pytest
from closeness import furthest, ids
from dequantized import dequantized
from tiny_families import FAMILIES
from tiny_gguf import FORMATS, write

# Long enough for a prefill in tiles and for two pages of the cache; bytes are tokens.
PROMPT = ("It is a long way from here to the sea, and nobody who has gone it once goes it again without a reason. " * 2)[:150]
# More tokens of a pass than a decode takes, so that a prefill's kernels write the replies.
MANY = [(prompt, {"maxTokens": 6, "logprobs": 20}) for prompt in (PROMPT, "Sea", "Sails", "A", "way", "the", "land", "1", "2.", "?")]
FEW = MANY[:3]
# How far log-probabilities of the small models may be apart where nobody rounds, which was up to 0.0005, and where activations are
# rounded: as far as the processor is from what nobody rounds.
SAME, ROUNDED = 0.003, 0.15
# Attention sinks, xIELU and latent vectors are not on the card.
PROCESSOR_ALONE = {"apertus", "deepseek2", "gpt-oss"}


def answers(deno, site, jobs, sequences=10, context=512):
    """What models say, of (path, device, batches of requests): of each batch the replies' tokens."""
    for path, *_ in jobs:
        site.models[path.name] = path
    stdin = [{"model": f"{site.url}models/{path.name}", "device": device, "batches": batches, "contextLength": context,
              "sequences": sequences} for path, device, batches in jobs]
    results = deno("answers.js", site.url, location=site.url, stdin=stdin)
    for (path, device, _), result in zip(jobs, results, strict=True):
        assert "code" not in result, (path.name, device, result)
        assert result["info"]["device"] == device
        times = [result["loadMilliseconds"], *(batch["milliseconds"] for batch in result["batches"])]
        print(f"{path.name} on {device}: seconds to load and of each batch:", *(f"{time / 1000:.1f}" for time in times))
    return [[[reply["tokens"] for reply in batch["replies"]] for batch in result["batches"]] for result in results]


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.architecture not in PROCESSOR_ALONE])
def test_every_architecture_gives_the_same_on_the_card(deno, site, tmp_path, family):
    model = write(tmp_path / "model.gguf", family)
    card, processor = (few + many for few, many in answers(deno, site, [(model, "gpu", [FEW, MANY]), (model, "cpu", [FEW, MANY])]))
    distance = furthest(card, processor)
    print(f"{family}: log-probabilities differ by at most {distance:.5f}")
    # Texts part only where two tokens are as close as the devices are.
    assert distance < SAME and all(gap <= 2 * distance for _, gap in partings(card, processor))


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_every_format_gives_the_same_on_the_card(deno, site, tmp_path, kind):
    """The first prompts are multiplied as floats; then the card tries halves and bytes, where it has them."""
    stored, numbers = (write(tmp_path / f"{kind.name}-{plain}.gguf", kind=kind, dequantized=plain) for plain in (False, True))
    prompts = [PROMPT[n:] + PROMPT[:n] for n in range(1, 9)]
    batches = [FEW, *([(prompt, {"maxTokens": 2, "logprobs": 20})] for prompt in prompts)]
    card, processor = answers(deno, site, [(stored, "gpu", batches), (numbers, "cpu", batches)])
    distances = [furthest(*pair) for pair in zip(card, processor, strict=True)]
    print(f"{kind.name}: log-probabilities differ by at most", *(f"{distance:.5f}" for distance in distances))
    assert distances[0] < SAME and max(distances) < ROUNDED


TEXTS = ["The capital of France is", "Once upon a time", "def fibonacci(n):\n", "1, 2, 3, 4,", "Water boils at",
         "My favourite food is", "The sea is", "She opened the door and", "Dear Sir or Madam,", "The three primary colours are"]
# Where texts part, what the card's token has over the processor's there and the other way round on the processor add up to what
# rounding to eight bits changes. With these texts that was up to 0.34, and the processor's part of it up to 0.1.
NEAR_TIE = 0.4


def partings(card, processor):
    """Of each text that parts from the processor's: where, and how much likelier the processor finds its own token there."""
    for ours, theirs in zip(card, processor, strict=True):
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if one["id"] != other["id"]:
                known = dict(other["top"])
                yield place, known[other["id"]] - known.get(one["id"], -math.inf)
                break


@pytest.mark.parametrize("name,has_truth", [("smollm2", True), ("gemma3", False)], ids=["smollm2", "gemma3"])
def test_real_models_say_the_same_up_to_near_ties(deno, site, name, has_truth):
    """And exactly what the processor says that has the same numbers as F32, which is told of one that is small enough."""
    folder = os.environ.get("SWIFTLET_TEST_MODELS")
    path = pathlib.Path(folder or "", f"{name}.gguf")
    if not folder or not path.is_file():
        pytest.skip(f"SWIFTLET_TEST_MODELS names no folder with {name}.gguf")
    requests = [(text, {"maxTokens": 24, "logprobs": 64}) for text in TEXTS]
    with dequantized(path) if has_truth else contextlib.nullcontext() as numbers:
        jobs = [(path, "gpu", [requests]), (path, "cpu", [requests]), *([(numbers, "cpu", [requests])] if has_truth else [])]
        [card], [processor], *truth = answers(deno, site, jobs, sequences=8, context=64)
    gaps = list(partings(card, processor))
    print(f"{name}: {len(gaps)} of {len(TEXTS)} texts part;", *(f"at {place} by {gap:.3f}" for place, gap in gaps))
    assert all(gap < NEAR_TIE for _, gap in gaps)
    for [exact] in truth:
        print(f"{name}: log-probabilities differ from those without rounding by at most {furthest(card, exact):.5f}")
        assert furthest(card, exact) < 0.02 and ids(card) == ids(exact)


def test_a_conversation_goes_on_when_the_device_changes(deno, site, tmp_path):
    site.models["tiny.gguf"] = write(tmp_path / "tiny.gguf")
    turns = [("gpu", "How far is it to the sea?"), ("cpu", "And back?"), ("gpu", "Why would I go?"), ("cpu", "When?")]
    lines = deno("conversation.js", site.url, location=site.url, stdin={"model": site.url + "models/tiny.gguf", "turns": turns})
    for (device, _), line in zip(turns, lines, strict=True):
        assert line["info"]["device"] == device and bool(line["info"]["deviceName"]) == (device == "gpu")
        assert len(line["tokens"]) == 24 and line["tokens"] == line["fresh"]
