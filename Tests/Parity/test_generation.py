"""Log-probabilities of small made models against llama.cpp's, along greedy continuations.

The unquantized models show that the arithmetic is the same. On quantized ones both engines round activations to eight
bits, each in its own way: there `test_accuracy.py` asks which of them is nearer to the truth.
"""

import pytest

from comparison import largest_difference

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
    prompts = ["The capital of France is", "def add(a, b):\n    return a + b\n\n" * 8]
    worst = largest_difference(swiftlet, server, path, prompts, tolerance, shared=17)
    print(f"{architecture} {type}: largest difference {worst:.4f}")
    assert worst < tolerance
