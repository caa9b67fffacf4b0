"""How close two devices come: of each reply the tokens, with the likeliest ones beside each."""


def ids(replies):
    return [[token["id"] for token in reply] for reply in replies]


def furthest(card, processor):
    """The largest difference of log-probabilities of tokens that both list, up to where the texts part."""
    largest = 0.0
    for ours, theirs in zip(card, processor, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            known = dict(other["top"])
            common = [abs(logprob - known[id]) for id, logprob in one["top"] if id in known]
            assert len(common) >= 15
            largest = max(largest, *common)
            if one["id"] != other["id"]:
                break
    return largest
