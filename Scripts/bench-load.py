#!/usr/bin/env python3
"""Measures how fast a model gets into the tab: fetched from a server on this machine, and already kept by the browser.

    .build-python/bin/python Scripts/bench-load.py Web/dist MODEL.gguf [MODEL.gguf …] [--rounds N] [--not-isolated]

Prints JSON: for every model and way the seconds from the call of `initialize` on a fresh page (the worker's start and the
module's compilation included) until the model is ready, MB/s (10^6 bytes) and the peak resident memory of the renderer,
each as the list of all rounds and its median. Rounds alternate between the ways.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/Browser"))

from playwright.sync_api import sync_playwright  # noqa: E402
from conftest import CHROMIUM  # noqa: E402
from site_server import SiteServer  # noqa: E402
from steps import open_modules, peak_renderer_memory  # noqa: E402


def load_once(playwright, site, profile, name):
    """Loads in a browser of its own; returns seconds until the bytes are there, until ready, and the peak in bytes."""
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path=CHROMIUM, args=["--no-sandbox"])
    try:
        page = context.new_page()
        page.set_default_timeout(0)
        open_modules(page, site)
        arrived, ready = page.evaluate("""async (model) => {
          const start = performance.now();
          let arrived = 0;
          await manager.initialize(model, ({ bytes, totalBytes }) => {
            if (bytes && bytes === totalBytes) arrived ||= performance.now() - start;
          });
          return [arrived / 1000, (performance.now() - start) / 1000];
        }""", f"{site.url}models/{name}")
        return arrived, ready, peak_renderer_memory()
    finally:
        context.close()


def summary(size, rounds):
    """Lists and medians of what `load_once` returned."""
    arrived, seconds, peaks = zip(*rounds)
    rates = [size / second / 1e6 for second in seconds]
    return {
        "megabytes_per_second": {"median": statistics.median(rates), "rounds": rates},
        "seconds": {"median": statistics.median(seconds), "rounds": seconds},
        "seconds_until_all_bytes": {"median": statistics.median(arrived), "rounds": arrived},
        "peak_renderer_bytes": {"median": statistics.median(peaks), "rounds": peaks},
    }


def measure(site_folder, models, rounds=5, isolated=True):
    """Downloads and kept loads of `models` (paths) with the built site; the result is what `main` prints."""
    names = {pathlib.Path(model).name: str(model) for model in models}
    site = SiteServer(site_folder, names)
    site.isolated = isolated
    site.replaced["blank.html"] = b"<!doctype html><title>blank</title>"
    results = {}
    with sync_playwright() as playwright:
        for name, path in names.items():
            size = pathlib.Path(path).stat().st_size
            ways = {"download": [], "kept": []}
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as profile:
                    for way in ways.values():
                        way.append(load_once(playwright, site, profile, name))
            results[name] = {"bytes": size, **{way: summary(size, found) for way, found in ways.items()}}
    site.close()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", help="the built page, Web/dist")
    parser.add_argument("models", nargs="+", metavar="MODEL.gguf")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--not-isolated", action="store_true", help="serve without the isolation headers: one thread")
    arguments = parser.parse_args()
    found = measure(arguments.site, arguments.models, arguments.rounds, not arguments.not_isolated)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
