"""Log-probabilities of small made models against llama.cpp's, along greedy continuations.

The unquantized models show that the arithmetic is the same. On quantized ones both engines round activations to eight
bits, each in its own way: there `test_accuracy.py` asks which of them is nearer to the truth.
"""

import json

import pytest

GENERATED = 16


def generate(swiftlet, path, prompt, *flags):
    result = swiftlet("run", path, "--prompt", prompt, "--temperature", "0", "--max-tokens", GENERATED, "--json",
                      "--logprobs", "20", *flags)
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def ask(server, prompt, count=GENERATED):
    return server.post("/completion", prompt=prompt, n_predict=count, temperature=0, n_probs=20, return_tokens=True,
                       cache_prompt=False)


def first_difference(ours, theirs):
    pairs = zip(ours["tokens"], theirs["tokens"])
    return next((at for at, (a, b) in enumerate(pairs) if a != b), None)


def aligned(theirs):
    """For each token the likeliest twenty, or None: llama.cpp leaves out a token that ends within a character."""
    entries = iter(theirs["completion_probabilities"])
    entry = next(entries, None)
    result = []
    for token in theirs["tokens"]:
        found = entry is not None and entry["id"] == token
        result.append({item["id"]: item["logprob"] for item in entry["top_logprobs"]} if found else None)
        if found:
            entry = next(entries, None)
    return result


MADE = [
    ("llama", "llama-bpe", ["--rope-scaling"], "F32", 0.02),
    ("llama", "llama-spm", ["--tied"], "F32", 0.02),
    ("phi2", "gpt-2", [], "F32", 0.02),
    ("gemma3", "llama-spm", [], "F32", 0.02),
    ("qwen2", "qwen2", [], "F32", 0.02),
    ("llama", "llama-bpe", ["--rope-scaling"], "Q8_0", 0.35),
    ("llama", "llama-spm", [], "Q4_0", 0.35),
    ("phi2", "gpt-2", [], "Q5_1", 0.35),
    ("gemma3", "llama-spm", [], "Q5_0", 0.35),
    ("qwen3", "qwen2", [], "F16", 0.05),
]


@pytest.mark.parametrize("architecture,vocabulary,flags,type,tolerance", MADE,
                         ids=[f"{a}-{v}-{t}" for a, v, _, t, _ in MADE])
def test_log_probabilities_of_made_models(architecture, vocabulary, flags, type, tolerance, swiftlet, oracle,
                                          made_model):
    path = made_model("--arch", architecture, "--type", type, *flags, vocabulary=vocabulary)
    server = oracle(path)
    worst = 0
    for prompt in ["The capital of France is", "def add(a, b):\n    return a + b\n\n" * 8]:
        ours = generate(swiftlet, path, prompt, "--raw")
        theirs = ask(server, ours["prompt_tokens"])
        at = first_difference(ours, theirs)
        for step, (mine, expected) in enumerate(zip(ours["logprobs"], aligned(theirs))):
            if expected is not None:
                top = {item["token"]: item["logprob"] for item in mine["top"]}
                shared = [token for token in expected if token in top]
                assert len(shared) >= 17, "the likeliest twenty are others"
                worst = max(worst, max(abs(expected[token] - top[token]) for token in shared))
            if step == at:
                # They part only where the candidates are as close as the engines are.
                assert expected is None or expected[theirs["tokens"][at]] - expected[ours["tokens"][at]] < 2 * tolerance
                break
    print(f"{architecture} {type}: largest difference {worst:.4f}")
    assert worst < tolerance
