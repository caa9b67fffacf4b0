"""Which of the engine's modules computes, and that it computes rightly."""

import json
import os
import pathlib

import pytest

from conftest import MODELS
from steps import generate, initialize, open_modules, open_page, renderer_memory, replace, wait_for_memory
from test_tokens import native_tokens

PROMPT = "The capital of France is"
GREEDY = {"temperature": 0, "maxTokens": 24}
# The opcodes i16x8.relaxed_dot_i8x16_i7x16_s and i16x8.add: what a browser that confuses them computes is wrong.
RELAXED_DOT, ADD = b"\xfd\x92\x02", b"\xfd\x8e\x01"


def load_and_tell(page, model):
    """Loads a model and tells what the state went through, or the error."""
    return page.evaluate("""async (model) => {
      const steps = [];
      const stop = manager.state.subscribe((state) => state.loadingStep, (step) => steps.push(step));
      try {
        await manager.initialize(model);
        return { steps, addressing: manager.addressing };
      } catch (error) {
        const { code, message, need, limit } = error;
        return { steps, name: error.constructor.name, code, message, need, limit };
      } finally {
        stop();
      }
    }""", model)


def test_no_worker_starts_another_one(page, site):
    # In Firefox one such start in fifty never returns.
    site.replaced["worker.js"] = b"delete self.Worker;\n" + (site.site / "worker.js").read_bytes()
    open_modules(page, site, json.dumps({"threads": 2}))
    initialize(page)
    assert page.evaluate("manager.threads") == 2
    assert generate(page, PROMPT, GREEDY)["tokens"]


def test_the_module_follows_the_model(page, site, quick_model):
    large = pathlib.Path(MODELS) / "gemma3.gguf"
    if not large.is_file():
        pytest.skip("SWIFTLET_TEST_MODELS has no gemma3.gguf")
    site.models["gemma3.gguf"] = large
    # As if 32 bits held no file of 150 MB.
    replace(site, "placement.js", b"const narrowFile = 2 ** 31", b"const narrowFile = 150e6")
    open_modules(page, site, json.dumps({"threads": 2}))
    names = [("quick", quick_model, 32), (site.url + "models/gemma3.gguf", large, 64)]
    for index, (model, file, addressing) in enumerate(names + names):
        if index == 2:
            site.forget()
        outcome = load_and_tell(page, model)
        assert outcome["addressing"] == addressing, outcome
        assert outcome["steps"][-3:] == ["downloading", "compiling", "ready"] and "idle" not in outcome["steps"]
        assert generate(page, PROMPT, GREEDY)["tokens"] == native_tokens(file, PROMPT)["tokens"]
    assert site.requests == [], "both were kept, whichever module read them"


def test_a_browser_without_64_bit_memory_says_so_before_anything_is_fetched(page, site, tmp_path):
    huge = tmp_path / "huge.gguf"
    with huge.open("wb") as file:
        file.truncate(5_000_000_000)
    site.models["huge.gguf"] = huge
    replace(site, "placement.js", b"memory64: () => runs(memory64Probe)", b"memory64: () => false")
    open_modules(page, site)
    outcome = load_and_tell(page, site.url + "models/huge.gguf")
    assert outcome["name"] == "MemoryError" and outcome["code"] == "not-enough-memory"
    assert "Memory64" in outcome["message"] and outcome["need"] == 5_000_000_000 and outcome["limit"] < 2 ** 32
    assert site.sent < 20_000_000
    open_page(page, site)
    page.click("#model-button")
    genius = page.locator("[data-model='mistral-7b-instruct-v0.3']")
    assert "Does not fit this device. It needs 4.95 GB" in genius.inner_text() and "Memory64" in genius.inner_text()
    assert genius.locator("button").count() == 0


def grant(site, pages):
    """As if the browser gave shared memory no more than so many pages."""
    replace(site, "worker/capabilities.js", b"16384]", f"{pages}]".encode())
    code = """
      const { Memory } = WebAssembly;
      WebAssembly.Memory = class extends Memory {
        constructor(options) {
          if (Number(options.maximum) > PAGES) throw new RangeError('no address space');
          super(options);
        }
      };\n""".replace("PAGES", str(pages))
    site.replaced["worker.js"] = code.encode() + (site.site / "worker.js").read_bytes()


def test_what_the_browser_does_not_give_is_told_before_a_model_is_fetched(page, site, quick_model):
    # 210 MB: enough for the Quick model with a short context only.
    grant(site, 3200)
    site.models["m.gguf"] = quick_model
    site.rate = 30e6
    open_modules(page, site, json.dumps({"threads": 2}))
    load = """([model, contextLength]) => manager.initialize(model, null, { contextLength }).then(() => 'done',
      ({ code, message, need, limit }) => ({ code, message, need, limit }))"""
    for model, requests in [("quick", 0), (site.url + "models/m.gguf", 1)]:
        error = page.evaluate(load, [model, 8192])
        assert error["code"] == "not-enough-memory", error
        assert "this browser gave this tab only 176 MB" in error["message"]
        assert error["need"] > error["limit"] == 3200 * 65536 - 32 * 2 ** 20
        assert len(site.requests) == requests and site.sent < 20e6
    site.rate = None
    for model in ["quick", site.url + "models/m.gguf"]:
        assert page.evaluate(load, [model, 512]) == "done"
        assert len(generate(page, PROMPT, {"maxTokens": 4, "ignoresEndOfGeneration": True})["tokens"]) == 4
        # What is kept is looked at, too.
        assert page.evaluate(load, [model, 8192])["code"] == "not-enough-memory"
    assert page.evaluate("manager.addressing") == 32


def test_a_page_that_is_not_isolated_says_so(page, site, tmp_path):
    huge = tmp_path / "huge.gguf"
    with huge.open("wb") as file:
        file.truncate(5_000_000_000)
    site.models["huge.gguf"] = huge
    site.isolated = False
    open_modules(page, site)
    outcome = load_and_tell(page, site.url + "models/huge.gguf")
    assert outcome["name"] == "MemoryError" and "cross-origin isolated" in outcome["message"]


def test_the_selector_offers_what_fits_this_device(page, site):
    page.add_init_script("""
      Object.defineProperty(Navigator.prototype, 'deviceMemory', { get: () => Number(localStorage.memory ?? 16) });""")
    open_page(page, site)
    page.click("#model-button")
    genius = page.locator("[data-model='mistral-7b-instruct-v0.3']")
    assert genius.locator("button").inner_text().startswith("Download"), genius.inner_text()
    page.evaluate("localStorage.memory = 4")
    open_page(page, site)
    page.click("#model-button")
    assert "It needs 4.95 GB of memory; this device has about 3.22 GB to give." in genius.inner_text()
    assert genius.locator("button").count() == 0


@pytest.mark.parametrize("module,addressing", [("swiftlet-threads.wasm", 32), ("swiftlet-64.wasm", 64)])
def test_wrong_instructions_are_noticed_and_done_without(page, site, quick_model, module, addressing):
    replace(site, module, RELAXED_DOT, ADD)
    open_modules(page, site, json.dumps({"threads": 2, "addressing": addressing}))
    page.evaluate("""() => {
      window.notices = [];
      manager.addEventListener('notice', ({ detail }) => notices.push(detail.code));
    }""")
    initialize(page)
    for prompt in [PROMPT, "1, 2, 3, 4, 5,"]:
        assert generate(page, prompt, GREEDY)["tokens"] == native_tokens(quick_model, prompt)["tokens"]
    assert page.evaluate("notices") == ["kernels-replaced"]


@pytest.mark.alone
def test_a_large_model_says_what_it_says_natively_and_gives_its_memory_back(page, site):
    name = os.environ.get("SWIFTLET_TEST_LARGE_MODEL")
    if not name or not pathlib.Path(name).is_file():
        pytest.skip("SWIFTLET_TEST_LARGE_MODEL names no model of some gigabytes")
    model = pathlib.Path(name)
    site.models["large.gguf"] = model
    page.set_default_timeout(600_000)
    open_modules(page, site)
    before = renderer_memory()
    outcome = load_and_tell(page, site.url + "models/large.gguf")
    size = model.stat().st_size
    assert outcome.get("addressing") == (64 if size >= 2 ** 31 else 32), outcome
    loaded = renderer_memory() - before
    assert size < loaded < size * 1.1 + 400e6, "the weights are in memory once"
    options = {"temperature": 0, "maxTokens": 12, "ignoresEndOfGeneration": True}
    expected = native_tokens(model, PROMPT, 12)
    found = generate(page, PROMPT, options)
    assert found["promptTokens"] == expected["prompt_tokens"]
    assert found["tokens"][:len(expected["tokens"])] == expected["tokens"]
    page.evaluate("manager.terminate()")
    wait_for_memory(before + 100e6)
    # The next model is in the module with 32-bit addresses, and nothing of the large one is left.
    initialize(page)
    assert page.evaluate("manager.addressing") == 32
    assert len(generate(page, PROMPT, {"maxTokens": 4, "ignoresEndOfGeneration": True})["tokens"]) == 4
    wait_for_memory(before + 400e6)
