"""Who is measured: llama.cpp and the program here, the tab in tab.py. Each stays loaded and measures when it is asked.

`measure()` gives tokens per second as {"prefill": …, "decode": …}; no measurement finds its prompt in a cache, but for
the tokens of the setting's `after`.
"""

import dataclasses
import json
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/Parity"))

from oracle import Oracle  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Setting:
    """Tokens that are there before, that are read, and that are written."""

    after: int
    prompt: int
    reply: int

    @property
    def context(self):
        return self.after + self.prompt + self.reply + 8


class Peer:
    """llama.cpp."""

    def __init__(self, model, setting, threads):
        self.setting = setting
        self.oracle = Oracle(model, setting.context, threads)
        self.random = random.Random(1)
        self.before = self.tokens(setting.after)
        if self.before:
            self.oracle.post("/completion", prompt=self.before, n_predict=1, cache_prompt=True)

    def tokens(self, count):
        return [self.random.randrange(1000, 30000) for _ in range(count)]

    def measure(self):
        reply = self.oracle.post("/completion", prompt=self.before + self.tokens(self.setting.prompt),
                                 n_predict=self.setting.reply, temperature=0, ignore_eos=True,
                                 cache_prompt=bool(self.before))
        return {"prefill": reply["timings"]["prompt_per_second"], "decode": reply["timings"]["predicted_per_second"]}

    def close(self):
        self.oracle.close()


class Native:
    """`swiftlet bench`, with more of its options."""

    def __init__(self, program, model, setting, threads, *options):
        self.process = subprocess.Popen(
            [program, "bench", model, "--paced", "--after", str(setting.after), "--prompt-tokens", str(setting.prompt),
             "--generate-tokens", str(setting.reply), "--threads", str(threads), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"swiftlet bench ended with exit code {self.process.wait()}")
        output = json.loads(line)
        return {"prefill": output["prefill_tokens_per_second"]["median"],
                "decode": output["decode_tokens_per_second"]["median"], "peak_bytes": output["peak_rss_bytes"]}

    def close(self):
        self.process.stdin.close()
        self.process.wait()
