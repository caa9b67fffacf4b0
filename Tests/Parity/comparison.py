"""A model's likeliest tokens and their log-probabilities, here and in llama.cpp, along a greedy continuation."""

import json

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


def largest_difference(swiftlet, server, path, prompts, tolerance, shared):
    """How far the log-probabilities are apart at most, of at least so many `shared` ones of the likeliest twenty.

    Where the engines part, the candidates must be as close as the engines are.
    """
    worst = 0
    for prompt in prompts:
        ours = generate(swiftlet, path, prompt, "--raw")
        theirs = ask(server, ours["prompt_tokens"])
        at = first_difference(ours, theirs)
        for step, (mine, expected) in enumerate(zip(ours["logprobs"], aligned(theirs))):
            if expected is not None:
                top = {item["token"]: item["logprob"] for item in mine["top"]}
                both = [token for token in expected if token in top]
                assert len(both) >= shared, "the likeliest twenty are others"
                worst = max(worst, max(abs(expected[token] - top[token]) for token in both))
            if step == at:
                assert expected is None or expected[theirs["tokens"][at]] - expected[ours["tokens"][at]] < 2 * tolerance
                break
    return worst
