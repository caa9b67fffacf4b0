"""Greedy continuations, log-probabilities and perplexity against llama.cpp's.

Both engines quantize activations to eight bits, each with roundings of its own, so on a quantized model their
log-probabilities differ by about a tenth, as llama.cpp's own do between its flash attention and its plain one.
The unquantized models show that the arithmetic is the same; the quantized ones, that nothing systematic is lost.
"""

import json
import math

import pytest

GENERATED = 16

PROMPTS = {
    "smollm2": [
        "What is the capital of France?",
        "Write the numbers from one to ten.",
        "What is photosynthesis?",
        "Who wrote Romeo and Juliet?",
        "Translate 'good morning' to Spanish.",
        "Name the planets of the solar system.",
        "What is 2 + 2?",
        "Give me a recipe for pancakes.",
        "Write a Python function that adds two numbers.",
        "Why is the sky blue?",
    ],
    "gemma3": [
        "The capital of France is Paris. The capital of Germany is",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,",
        "Monday, Tuesday, Wednesday,",
        "for (int i = 0; i < n; i++) {\n  for (int j = 0; j <",
        "January, February, March, April, May,",
        "The quick brown fox jumps over the lazy",
        "a b c d e f g h i j k",
        "import numpy as np\nimport matplotlib.pyplot as",
        "To be, or not to be, that is the",
        "2, 4, 6, 8, 10, 12, 14, 16,",
    ],
}

TEXT = """The lighthouse stood at the end of a long spit of sand, and for most of the year nobody visited it. In winter
the sea came over the path, and the keeper lived for weeks on what he had stored in autumn: flour, dried fish, apples
wrapped in paper, and a barrel of cider that he rationed with great care. He was not lonely. He had a radio, a shelf of
books about birds, and a notebook in which he wrote down every ship that passed. On the first of March the notebook had
four hundred and twelve entries. On the second a letter arrived which said that the light would be run by a machine
from then on, and that he should come home. He read it twice, made tea, and went up the stairs to clean the lamp, as he
had done every evening for thirty one years. The machine came in April. It was a grey box with a single green light,
and two men in yellow jackets carried it up the stairs and screwed it to the wall. They showed him how it worked. It
measured how dark it was, they said, and it would never forget. The keeper thanked them and gave them apples. When they
had gone he sat beside the box until the evening and watched it switch on the lamp, eleven minutes too late."""


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


def probabilities(theirs, at):
    return {entry["id"]: entry["logprob"] for entry in theirs["completion_probabilities"][at]["top_logprobs"]}


@pytest.mark.parametrize("model", PROMPTS)
def test_greedy_text_of_the_real_models(model, swiftlet, oracle, real_model):
    path = real_model(model)
    server = oracle(path)
    parted = []
    for prompt in PROMPTS[model]:
        ours = generate(swiftlet, path, prompt, *["--raw"] * (model == "gemma3"))
        theirs = ask(server, ours["prompt_tokens"])
        at = first_difference(ours, theirs)
        if at is not None:
            # What llama.cpp itself says of the two candidates.
            candidates = probabilities(theirs, at)
            gap = candidates[theirs["tokens"][at]] - candidates.get(ours["tokens"][at], -math.inf)
            parted.append((prompt, at, round(gap, 3)))
    print(f"{model}: {len(PROMPTS[model]) - len(parted)} of {len(PROMPTS[model])} agree; parted: {parted}")
    # They may part only between candidates that llama.cpp holds for about as likely.
    assert len(parted) <= 5, parted
    assert all(gap < 0.3 for _, _, gap in parted), parted


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
        for step, (mine, entry) in enumerate(zip(ours["logprobs"], theirs["completion_probabilities"])):
            top = {item["token"]: item["logprob"] for item in mine["top"]}
            shared = [item for item in entry["top_logprobs"] if item["id"] in top]
            assert len(shared) >= 17, "the likeliest twenty are others"
            worst = max(worst, max(abs(item["logprob"] - top[item["id"]]) for item in shared))
            if step == at:
                # They part only where the candidates are as close as the engines are.
                gap = probabilities(theirs, at)[theirs["tokens"][at]] - probabilities(theirs, at)[ours["tokens"][at]]
                assert gap < 2 * tolerance
                break
    print(f"{architecture} {type}: largest difference {worst:.4f}")
    assert worst < tolerance


@pytest.mark.parametrize("model", PROMPTS)
def test_perplexity_is_that_of_llama_cpp(model, swiftlet, oracle, real_model, tmp_path):
    """The chunks and the scored halves of llama.cpp's tool, asked of its server token by token."""
    path, context = real_model(model), 64
    file = tmp_path / "text.txt"
    file.write_text(TEXT)
    result = swiftlet("perplexity", path, "--file", file, "--context", context, "--json")
    assert result.returncode == 0, result.stderr.decode()
    ours = json.loads(result.stdout)["perplexity"]

    server = oracle(path)
    tokens = server.post("/tokenize", content=TEXT, add_special=True)["tokens"]
    starts = server.post("/tokenize", content="", add_special=True)["tokens"]
    total, scored = 0.0, 0
    for chunk in range(len(tokens) // context):
        part = tokens[chunk * context:(chunk + 1) * context]
        part = starts + part[len(starts):]
        for at in range(context // 2, context - 1):
            reply = server.post("/completion", prompt=part[:at + 1], n_predict=1, temperature=0, n_probs=5000,
                                cache_prompt=True)
            top = {item["id"]: item["logprob"] for item in reply["completion_probabilities"][0]["top_logprobs"]}
            total -= top[part[at + 1]]
            scored += 1
    theirs = math.exp(total / scored)
    print(f"{model}: perplexity {ours:.4f}, llama.cpp {theirs:.4f} over {scored} tokens")
    assert abs(ours / theirs - 1) < 0.03
