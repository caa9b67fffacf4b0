"""The rows of the table: what is measured, how, and of which models."""

import dataclasses

from contenders import Setting


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: one contender's figure, beside llama.cpp's of the same rounds."""

    name: str
    title: str
    # Rows of one scene are measured together, taking turns: its contenders and llama.cpp.
    scene: str
    contender: str
    figure: str = "decode"
    # Files beyond this many bytes are left out.
    largest: float = float("inf")


ROWS = [
    Row("prefill", "prefill 512", "plain", "native", "prefill"),
    Row("decode", "decode 64", "plain", "native"),
    Row("after", "decode after 4,096 tokens", "after", "native", largest=3e9),
    Row("busy", "decode, one core kept busy by another program", "busy", "native", largest=3e9),
    Row("tab-prefill", "tab: prefill 512", "plain", "tab", "prefill"),
    Row("tab-decode", "tab: decode 64", "plain", "tab"),
    Row("tab-one", "tab: one thread (page not isolated), decode", "plain", "tab-one", largest=1e9),
    Row("repeat", "greedy repetition of a 400-token text with one word changed, speculation on", "repeat", "repeat"),
    Row("forced-repeat", "the same with the text's tokens in place of the model's choices", "repeat", "forced-repeat"),
    Row("avx2-prefill", "AVX2 only: prefill 512", "plain", "avx2", "prefill", largest=1e9),
    Row("avx2-decode", "AVX2 only: decode 64", "plain", "avx2", largest=1e9),
    Row("sse2-prefill", "SSE2 only: prefill 512", "plain", "sse2", "prefill", largest=1e9),
    Row("sse2-decode", "SSE2 only: decode 64", "plain", "sse2", largest=1e9),
]


def setting(scene, large):
    """What is read and written; less of it with a large model, for both sides."""
    reply = 24 if large else 64
    return {"plain": Setting(0, 256 if large else 512, reply), "after": Setting(4096, 16, reply),
            "busy": Setting(0, 16, reply), "repeat": Setting(0, 500, 64 if large else 256)}[scene]
