"""Vectors of texts in the tab: those of the program, of one tab and of two that share an engine."""

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

from conftest import MODELS
from steps import open_modules

TEXTS = ["That is a happy person", "That is a very happy person", "Today is a sunny day. " * 40]

EMBED = """async ([texts, options]) => {
  try {
    const made = await manager.embed(texts, options);
    return made.map(({ vector, tokens }) => ({ vector: [...vector], tokens, isFloats: vector instanceof Float32Array }));
  } catch (error) {
    return { name: error.constructor.name, code: error.code, message: error.message };
  }
}"""


@pytest.fixture
def minilm(site):
    """Where the page finds MiniLM."""
    path = pathlib.Path(MODELS) / "minilm.gguf"
    if not path.is_file():
        pytest.skip("SWIFTLET_TEST_MODELS has no minilm.gguf")
    site.models["minilm.gguf"] = path
    return path, site.url + "models/minilm.gguf"


def native_vectors(model):
    """What the program says of the texts."""
    shown = subprocess.run([os.environ["SWIFTLET_BIN"], "embed", model], check=True, capture_output=True, timeout=60,
                           input="".join(text + "\n" for text in TEXTS).encode())
    return np.array([json.loads(line)["embedding"] for line in shown.stdout.splitlines()], np.float32)


def test_a_tab_makes_the_programs_vectors(page, site, minilm):
    path, url = minilm
    open_modules(page, site, json.dumps({"threads": 2}))
    info = page.evaluate("(model) => manager.initialize(model)", url)
    assert (info["generates"], info["pooling"], info["embeddingLength"]) == (False, "mean", 384)
    made = page.evaluate(EMBED, [TEXTS, {}])
    assert (np.array([one["vector"] for one in made], np.float32) == native_vectors(path)).all()
    assert all(one["isFloats"] for one in made) and [one["tokens"] for one in made[:2]] == [7, 8]
    refused = page.evaluate(EMBED, [["x " * 600], {}])
    assert refused["code"] == "context-overflow" and "602 tokens" in refused["message"]
    assert len(page.evaluate(EMBED, [["x " * 600], {"truncate": True}])) == 1
    wrong = page.evaluate(EMBED, [["x"], {"pooling": "max"}])
    assert wrong["name"] == "RequestError" and "mean, cls, last or rank" in wrong["message"]
    chat = page.evaluate("manager.generate([{ role: 'user', content: 'Hi' }]).finished.catch(({ code, message }) => [code, message])")
    assert chat[0] == "unsupported-model" and "all-MiniLM-L6-v2 (bert) turns texts into vectors" in chat[1]


def test_an_aborted_signal_ends_a_request(page, site, minilm):
    open_modules(page, site, json.dumps({"threads": 1}))
    page.evaluate("(model) => manager.initialize(model)", minilm[1])
    outcome = page.evaluate("""async () => {
      const giveUp = new AbortController();
      const many = manager.embed(Array(500).fill('It is a long way. '.repeat(60)), { signal: giveUp.signal });
      const next = manager.embed(['a']);
      setTimeout(() => giveUp.abort(), 300);
      const error = await many.catch((error) => error);
      return [error.constructor.name, (await next).length];
    }""")
    assert outcome == ["CancelledError", 1]


def test_two_tabs_share_an_engine_of_vectors(context, site, minilm):
    path, url = minilm
    tabs = [context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(site.url + "blank.html")
        tab.evaluate("""async () => {
          const { SharedInferenceManager } = await import('/shared-inference-manager.js');
          window.manager = new SharedInferenceManager({ hubURL: 'http://127.0.0.1:9', threads: 1 });
        }""")
    tabs[0].evaluate("(model) => manager.initialize(model)", url)
    for tab in tabs:
        made = tab.evaluate(EMBED, [TEXTS, {}])
        assert (np.array([one["vector"] for one in made], np.float32) == native_vectors(path)).all()
    outcome = tabs[1].evaluate("""async () => {
      const giveUp = new AbortController();
      const many = manager.embed(Array(500).fill('It is a long way. '.repeat(60)), { signal: giveUp.signal });
      setTimeout(() => giveUp.abort(), 300);
      const error = await many.catch((error) => error);
      return [error.constructor.name, (await manager.embed(['a'])).length];
    }""")
    assert outcome == ["CancelledError", 1]
