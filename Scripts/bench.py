#!/usr/bin/env python3
"""Measures Swiftlet beside llama.cpp (the Python package xllamacpp) on the same files with the same threads.

    python3 Scripts/bench.py PROGRAM MODEL.gguf... [--threads N] [--rounds 3] [--json]

The two take turns, so that a busy machine slows both. Reported are the medians and Swiftlet's ratio to the peer.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import urllib.request


def swiftlet(program, model, threads, prompt, generate):
    """Tokens per second of one measurement of `swiftlet bench`."""
    result = subprocess.run(
        [program, "bench", model, "--prompt-tokens", str(prompt), "--generate-tokens", str(generate), "--threads",
         str(threads), "--repeat", "1", "--json"], check=True, capture_output=True, text=True)
    output = json.loads(result.stdout)
    return {"prefill": output["prefill_tokens_per_second"]["median"],
            "decode": output["decode_tokens_per_second"]["median"], "peak": output["peak_rss_bytes"]}


class Peer:
    """llama.cpp's server in a process of its own, asked over loopback."""

    def __init__(self, model, threads, context):
        code = ("import sys, xllamacpp\n"
                "p = xllamacpp.CommonParams()\n"
                "p.model.path = sys.argv[1]\n"
                "p.cpuparams.n_threads = p.cpuparams_batch.n_threads = int(sys.argv[2])\n"
                "p.n_ctx = int(sys.argv[3])\n"
                "p.n_parallel = 1\n"
                "server = xllamacpp.Server(p)\n"
                "print('@' + server.listening_address, flush=True)\n"
                "sys.stdin.read()\n")
        self.process = subprocess.Popen([sys.executable, "-c", code, model, str(threads), str(context)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = ""
        while not line.startswith("@"):
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"{model}: llama.cpp did not start")
        self.address = line[1:].strip()

    def measure(self, prompt, generate, seed):
        """Tokens per second of one completion after random tokens; nothing comes from the cache."""
        tokens = [random.Random(seed).randrange(1000, 30000) for _ in range(prompt)]
        body = {"prompt": tokens, "n_predict": generate, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
        request = urllib.request.Request(self.address + "/completion", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        timings = json.loads(urllib.request.urlopen(request).read())["timings"]
        return {"prefill": timings["prompt_per_second"], "decode": timings["predicted_per_second"]}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--generate-tokens", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    prompt, generate = arguments.prompt_tokens, arguments.generate_tokens

    rows = []
    for model in arguments.models:
        peer = Peer(model, arguments.threads, prompt + generate + 8)
        ours, theirs = [], []
        for seed in range(arguments.rounds):
            ours.append(swiftlet(arguments.program, model, arguments.threads, prompt, generate))
            theirs.append(peer.measure(prompt, generate, seed))
        peer.close()
        row = {"model": os.path.basename(model), "threads": arguments.threads,
               "peak_rss_bytes": max(each["peak"] for each in ours)}
        for kind in ["prefill", "decode"]:
            mine = statistics.median(each[kind] for each in ours)
            other = statistics.median(each[kind] for each in theirs)
            row[kind] = {"swiftlet": round(mine, 1), "llama.cpp": round(other, 1), "ratio": round(mine / other, 2)}
        rows.append(row)
        if not arguments.json:
            print(f"{row['model']}, {arguments.threads} threads, {row['peak_rss_bytes'] / 1e6:.0f} MB at most")
            for kind in ["prefill", "decode"]:
                figures = row[kind]
                print(f"  {kind:8} {figures['swiftlet']:8.1f} tokens/s, llama.cpp {figures['llama.cpp']:8.1f}: "
                      f"ratio {figures['ratio']:.2f}", flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
