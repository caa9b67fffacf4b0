#!/usr/bin/env python3
"""How far the log-probabilities of Swiftlet and of llama.cpp are from those of the same weights in F32.

    .build-python/bin/python Tests/Parity/accuracy.py PROGRAM MODEL.gguf... [--cache FOLDER] [--unquantized]

Every place of `passages.txt` that `swiftlet perplexity` scores is one measurement: the mean absolute difference of the
log-probabilities of the ten tokens that the reference holds likeliest. The reference is llama.cpp on the model's weights
dequantized to F32, with its own defaults otherwise. With --cache what llama.cpp says is kept for the next run, and with
--unquantized Swiftlet computes on the dequantized weights too, which leaves all but the rounding of activations.
"""

import argparse
import contextlib
import dataclasses
import json
import math
import pathlib
import statistics
import subprocess
import tempfile

from oracle import Oracle
from dequantized import dequantize

PASSAGES = pathlib.Path(__file__).with_name("passages.txt")
# Tokens of a chunk; the second half of each is scored.
CHUNK = 128
TOP = 10
# The likeliest tokens asked of the engines that are judged, so that the reference's are among them.
ASKED = 400


@dataclasses.dataclass
class Comparison:
    """Mean absolute errors, and the standard error of their difference, which is taken place by place."""

    ours: float
    peers: float
    standard_error: float
    places: int

    def __str__(self):
        return (f"error {self.ours:.4f}, llama.cpp's {self.peers:.4f}: ratio {self.ours / self.peers:.3f}, difference "
                f"{self.ours - self.peers:+.4f} ± {self.standard_error:.4f} over {self.places} places")


def ours(program, model):
    """The ids that the program read, chunk after chunk, and per scored place the likeliest tokens {id: logprob}."""
    result = subprocess.run([program, "perplexity", model, "--file", PASSAGES, "--context", str(CHUNK), "--json",
                             "--logprobs", str(ASKED)], check=True, capture_output=True)
    output = json.loads(result.stdout)
    places = [dict(zip(place["top_tokens"], place["top_logprobs"])) for place in output["places"]]
    return output["tokens"], places


def peers(model, tokens, count):
    """Per scored place the `count` likeliest tokens of llama.cpp; None where it shows none, within a character."""
    places = []
    # One thread: more wait for memory, and for one another where the machine is busy.
    with contextlib.closing(Oracle(model, CHUNK, threads=1)) as server:
        for start in range(0, len(tokens), CHUNK):
            for end in range(start + CHUNK // 2 + 1, start + CHUNK):
                reply = server.post("/completion", prompt=tokens[start:end], n_predict=1, temperature=0, n_probs=count,
                                    cache_prompt=True)
                shown = reply.get("completion_probabilities")
                places.append({item["id"]: item["logprob"] for item in shown[0]["top_logprobs"]} if shown else None)
    return places


def errors(found, reference):
    """The mean absolute error of each place, None where either side is missing."""
    result = []
    for place, expected in zip(found, reference, strict=True):
        if place is None or expected is None:
            result.append(None)
            continue
        # One that is not among the likeliest asked for is at most as likely as the last of them.
        least = min(place.values())
        result.append(statistics.fmean(abs(place.get(id, least) - value) for id, value in expected.items()))
    return result


def compare(ours, peers):
    """A Comparison of two lists of errors."""
    pairs = [(mine, theirs) for mine, theirs in zip(ours, peers, strict=True) if mine is not None and theirs is not None]
    differences = [mine - theirs for mine, theirs in pairs]
    return Comparison(statistics.fmean(mine for mine, _ in pairs), statistics.fmean(theirs for _, theirs in pairs),
                      statistics.stdev(differences) / math.sqrt(len(pairs)), len(pairs))


def reference(model, tokens, folder):
    """What llama.cpp says of the dequantized weights, which are written into the folder, and of the model itself."""
    unquantized = pathlib.Path(folder) / f"{pathlib.Path(model).stem}-f32.gguf"
    if not unquantized.exists():
        dequantize(model, unquantized)
    return peers(unquantized, tokens, TOP), peers(model, tokens, ASKED), unquantized


def measure(program, model):
    """The Comparison of a model."""
    tokens, found = ours(program, model)
    with tempfile.TemporaryDirectory() as folder:
        expected, theirs, _ = reference(model, tokens, folder)
    return compare(errors(found, expected), errors(theirs, expected))


def kept(model, tokens, folder):
    """As `reference`, from what an earlier run left in the folder."""
    path = folder / f"{pathlib.Path(model).stem}.json"
    if path.exists():
        saved = json.loads(path.read_text())
        if saved["tokens"] == tokens:
            read = [[None if place is None else {int(id): value for id, value in place.items()} for place in saved[side]]
                    for side in ("reference", "peers")]
            return *read, folder / saved["unquantized"]
    expected, theirs, unquantized = reference(model, tokens, folder)
    path.write_text(json.dumps({"tokens": tokens, "reference": expected, "peers": theirs,
                                "unquantized": unquantized.name}))
    return expected, theirs, unquantized


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--unquantized", action="store_true")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = arguments.cache or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for model in arguments.models:
            tokens, found = ours(arguments.program, model)
            expected, theirs, unquantized = kept(model, tokens, folder)
            peer = errors(theirs, expected)
            print(f"{pathlib.Path(model).name}: {compare(errors(found, expected), peer)}", flush=True)
            if arguments.unquantized:
                _, found = ours(arguments.program, unquantized)
                print(f"  on the dequantized weights: {compare(errors(found, expected), peer).ours:.5f}", flush=True)


if __name__ == "__main__":
    main()
