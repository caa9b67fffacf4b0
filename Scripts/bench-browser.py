#!/usr/bin/env python3
"""Measures the engine in the tab beside the native program on the same file, alternating, and the way to a first reply.

    .build-python/bin/python Scripts/bench-browser.py Web/dist .build/release/swiftlet .build-models/smollm2.gguf

Prints the seconds from navigation to the first token of a reply, with an empty profile and with the model already kept;
then prefill (512 tokens) and decode (64 tokens) in tokens per second with 1 and 2 threads, each the median of the rounds,
with the ratio of the tab to the native program.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/Browser"))

from playwright.sync_api import sync_playwright  # noqa: E402
from conftest import CHROMIUM, QUICK_FILE  # noqa: E402
from site_server import SiteServer  # noqa: E402
from steps import READY, initialize, open_modules  # noqa: E402

ROUNDS = 3
PROMPT, REPLY = 512, 64


def native(program, model, threads):
    command = [program, "bench", model, "--prompt-tokens", str(PROMPT), "--generate-tokens", str(REPLY),
               "--threads", str(threads), "--repeat", "1", "--json"]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return answer["prefill_tokens_per_second"]["median"], answer["decode_tokens_per_second"]["median"]


def in_tab(page):
    return page.evaluate("""async ([prompt, reply]) => {
      // Another first token each time, so that nothing of the prompt is kept from the last round.
      const first = 1000 + Math.floor(Math.random() * 20000);
      const tokens = Array.from({ length: prompt }, (_, index) => first + index);
      const options = { temperature: 0, maxTokens: reply, ignoresEndOfGeneration: true };
      const { timings } = await manager.generate({ tokens }, options).finished;
      return [timings.promptCount * 1000 / timings.promptMilliseconds,
        timings.predictedCount * 1000 / timings.predictedMilliseconds];
    }""", [PROMPT, REPLY])


def first_token(context, site):
    """Seconds from navigation to the first text of a reply."""
    page = context.new_page()
    start = time.monotonic()
    page.goto(site.url)
    page.fill("#message-input", "Why is the sky blue?")
    page.press("#message-input", "Enter")
    page.wait_for_selector("[data-live] .prose > :not(.thinking)")
    elapsed = time.monotonic() - start
    page.wait_for_selector(READY, state="attached")
    page.close()
    return elapsed


def main(site_folder, program, model):
    site = SiteServer(site_folder, {QUICK_FILE: model})
    site.replaced["blank.html"] = b"<!doctype html><title>blank</title>"
    launch = dict(executable_path=CHROMIUM, args=["--no-sandbox"])
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(profile, **launch)
        print(f"first token, nothing kept: {first_token(context, site):.1f} s")
        print(f"first token, model kept:   {first_token(context, site):.1f} s")
        for threads in (1, 2):
            page = context.new_page()
            page.set_default_timeout(0)
            open_modules(page, site, json.dumps({"threads": threads}))
            initialize(page)
            in_tab(page)
            rounds = [(in_tab(page), native(program, model, threads)) for _ in range(ROUNDS)]
            page.close()
            for index, what in enumerate(["prefill", "decode"]):
                tab, program_rate = (statistics.median(pair[side][index] for pair in rounds) for side in (0, 1))
                figures = f"tab {tab:.1f}, native {program_rate:.1f}, ratio {tab / program_rate:.2f}"
                print(f"{what}, {threads} thread(s): {figures}")
        context.close()
    site.close()


if __name__ == "__main__":
    main(*sys.argv[1:4])
