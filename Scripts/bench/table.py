"""The table in Markdown, out of the raw figures."""

import statistics


def median(rounds, figure):
    return statistics.median(each[figure] for each in rounds)


def result(row, found, peer):
    """A row of one model: both medians, their ratio and all rounds; None when it was not measured."""
    if not found or not peer:
        return None
    ours, theirs = median(found, row.figure), median(peer, row.figure)
    return {"tokens_per_second": round(ours, 2), "peer_tokens_per_second": round(theirs, 2), "ratio": round(ours / theirs, 3),
            "rounds": [round(each[row.figure], 2) for each in found],
            "peer_rounds": [round(each[row.figure], 2) for each in peer],
            "peak_bytes": max((each["peak_bytes"] for each in found if "peak_bytes" in each), default=None)}


def share(row, figures, model, limits):
    """The part of the memory's bandwidth that a decode takes, of the 8-bit peak that a prefill does; None if unknown."""
    limit = limits.get("int8_operations_per_second" if row.figure == "prefill" else "read_bytes_per_second")
    work = model.prefill_operations if row.figure == "prefill" else model.decode_bytes
    # A long context is read beside the weights, and a core that is taken away is no limit of the machine.
    if not limit or row.scene in ("after", "busy"):
        return None
    return figures["tokens_per_second"] * work / limit


def cell(row, figures, model, limits):
    if figures is None:
        return ""
    rate = figures["tokens_per_second"]
    text = f"{figures['ratio']:.2f} ({rate:.0f}" if rate >= 100 else f"{figures['ratio']:.2f} ({rate:.1f}"
    part = share(row, figures, model, limits)
    return text + (f"; {part:.0%})" if part is not None else ")")


def markdown(rows, models, results, limits, threads):
    """`results[model.name][row.name]` as `result` gives it."""
    lines = [f"| {threads} threads: ratio to native llama.cpp (tokens/s; share of the limit) | "
             + " | ".join(model.name for model in models) + " |", "| --- |" + " --- |" * len(models)]
    for row in rows:
        cells = [cell(row, results[model.name].get(row.name), model, limits) for model in models]
        if any(cells):
            lines.append(f"| {row.title} | " + " | ".join(cells) + " |")
    if limits:
        known = [f"memory read {limits['read_bytes_per_second'] / 1e9:.1f} GB/s"]
        if "int8_operations_per_second" in limits:
            known.append(f"8-bit products {limits['int8_operations_per_second'] / 1e12:.2f} Tops/s")
        lines += ["", f"Limits of this machine, measured in the same run: {', '.join(known)}. Decode is held to the first,",
                  "prefill to the second."]
    if any(model.is_large for model in models):
        lines += ["", "Of models over 1 GB, 256 tokens are read and 24 written, by both sides."]
    return "\n".join(lines)
