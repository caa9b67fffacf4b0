"""Measures Swiftlet, in the terminal and in the tab, beside native llama.cpp (the Python package xllamacpp).

    .build-python/bin/python Scripts/bench MODEL.gguf... [--only decode,tab-decode] [--rounds 5] [--json FILE]

Every row is the median of the rounds, and its ratio to llama.cpp on the same file with the same number of threads; all
take turns within a round. Prints a table in Markdown, and writes the raw figures as JSON.
"""

import argparse
import json
import pathlib
import sys

import machine
import model as models
import table
from measure import PEER, scene
from rows import ROWS

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = [row.name for row in ROWS]


def names(text):
    chosen = text.split(",")
    if unknown := [name for name in chosen if name not in NAMES]:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(NAMES)}; found {', '.join(unknown)}")
    return chosen


def parse():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL.gguf")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/swiftlet")
    parser.add_argument("--site", type=pathlib.Path, default=ROOT / "Web/dist", help="the built page, for the tab")
    parser.add_argument("--only", type=names, default=NAMES, help=f"rows, with commas: {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(machine.cores()))
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu", help="what computes in the tab")
    parser.add_argument("--chromium", action="append", default=[], metavar="FLAG",
                        help="a flag of Chromium's, as --chromium=--enable-unsafe-webgpu where it hides the graphics card")
    parser.add_argument("--json", type=pathlib.Path, help="file for the raw figures")
    return parser.parse_args()


def report(text):
    print(text, file=sys.stderr, flush=True)


def present(paths):
    """The Models of the files that are there; says aloud which are not."""
    for path in paths:
        if pathlib.Path(path).is_file():
            yield models.read(path)
        else:
            report(f"SKIPPED: {path} is not there")


def measured(model, rows, arguments, playwright):
    """The results of one model by row."""
    found = {}
    rows = [row for row in rows if model.file_bytes <= row.largest]
    for name in dict.fromkeys(row.scene for row in rows):
        shown = [row for row in rows if row.scene == name]
        rounds = scene(name, list(dict.fromkeys(row.contender for row in shown)), model, arguments, playwright, report)
        for row in shown:
            figures = table.result(row, rounds.get(row.contender), rounds.get(PEER))
            if figures:
                found[row.name] = figures
                report(f"{model.name}: {row.title}: {figures['tokens_per_second']} tokens/s, llama.cpp "
                       f"{figures['peer_tokens_per_second']}: ratio {figures['ratio']}")
    return found


def main():
    arguments = parse()
    rows = [row for row in ROWS if row.name in arguments.only]
    chosen = list(present(arguments.models))
    limits = machine.limits(arguments.threads)
    results = {}
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        for model in chosen:
            results[model.name] = measured(model, rows, arguments, playwright)
    print(table.markdown(rows, chosen, results, limits, arguments.threads))
    if arguments.json:
        arguments.json.write_text(json.dumps(
            {"processor": machine.processor(), "threads": arguments.threads, "rounds": arguments.rounds, "limits": limits,
             "models": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
