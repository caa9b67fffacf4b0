"""Which device computes, and what becomes of a model whose graphics card fails."""

import pytest

from steps import replace
from test_modules import grant
from tiny_gguf import Q, write

LOAD = """
  async ([model, device, prompt, lose, maxTokens]) => {
    const { InferenceManager } = await import('/inference-manager.js');
    if (!window.manager) {
      window.manager = new InferenceManager();
      window.notices = [];
      manager.addEventListener('notice', ({ detail }) => notices.push(detail));
    }
    const told = ({ code, message }) => ({ code, message });
    try {
      const info = await manager.initialize(model, undefined, { device, contextLength: 512 });
      const options = { temperature: 0, ignoresEndOfGeneration: true, maxTokens };
      const reply = manager.generate(prompt ?? 'Sea', options);
      if (lose === 'prompt') new BroadcastChannel('lose').postMessage('');
      let count = 0;
      for await (const piece of reply) if (lose === 'reply' && (count += 1) === 3) new BroadcastChannel('lose').postMessage('');
      const { text, tokens, reason } = await reply.finished.catch((error) => told(error));
      return { info, after: manager.info, text, tokens: tokens?.length, reason };
    } catch (error) {
      return told(error);
    }
  }"""


def trusted(site, remembers="gpu"):
    """As if the software adapter were a card, and as if this had been measured before; it can be lost."""
    replace(site, "worker/gpu/device.js", b"this.isSoftware =", b"""
      const lost = new BroadcastChannel('lose');
      lost.onmessage = () => device.destroy();
      this.isSoftware = false;
      this.really =""")
    if remembers:
        replace(site, "worker/gpu/choices.js", b"const choices = await readChoices();", b"return 'gpu';")


def load(page, site, device, prompt=None, lose=None, model="models/tiny.gguf", tokens=24):
    return page.evaluate(LOAD, [site.url + model if "/" in model else model, device, prompt, lose, tokens])


@pytest.fixture
def tiny(site, tmp_path):
    site.models["tiny.gguf"] = write(tmp_path / "tiny.gguf")


def test_without_a_card_the_processor_computes_or_the_page_is_told(page, site, tiny):
    page.goto(site.url + "blank.html")
    outcome = load(page, site, "gpu")
    assert outcome["code"] == "device-unavailable" and "no graphics card" in outcome["message"]
    assert not site.requests
    outcome = load(page, site, "auto")
    assert outcome["info"]["device"] == "cpu" and "no graphics card" in outcome["info"]["deviceNote"]
    assert outcome["tokens"] == 24
    assert load(page, site, "cpu")["info"]["deviceNote"] == ""


def test_a_program_that_plays_a_card_is_only_used_when_asked_for(tab, site, tiny):
    outcome = load(tab, site, "auto")
    assert outcome["info"]["device"] == "cpu" and "plays its part" in outcome["info"]["deviceNote"]
    on_card = load(tab, site, "gpu")
    assert on_card["info"]["device"] == "gpu" and "swiftshader" in on_card["info"]["deviceName"]
    assert on_card["text"] == outcome["text"] == load(tab, site, "cpu")["text"]


def test_what_was_measured_to_be_faster_is_remembered(tab, site, tiny):
    trusted(site, remembers=None)
    first = load(tab, site, "auto")
    assert first["info"]["device"] == "cpu" and "faster" in first["info"]["deviceNote"]
    assert len(site.requests) == 1
    tab.evaluate("manager.terminate()")
    # It goes to the processor at once: no kernel is compiled.
    replace(site, "worker/gpu/embed.wgsl", b"fn main", b"fn main that does not compile")
    again = load(tab, site, "auto")
    assert again["info"]["device"] == "cpu" and "faster" in again["info"]["deviceNote"]
    assert again["text"] == first["text"]


@pytest.mark.parametrize("moment", ["prompt", "reply"])
def test_the_processor_goes_on_where_the_card_is_lost(tab, site, tiny, moment):
    trusted(site)
    prompt = "It is a long way to the sea. " * 4
    expected = load(tab, site, "cpu", prompt)
    outcome = load(tab, site, "auto", prompt, moment)
    assert outcome["info"]["device"] == "gpu" and outcome["after"]["device"] == "cpu"
    assert (outcome["text"], outcome["tokens"], outcome["reason"]) == (expected["text"], 24, "length")
    assert [notice["code"] for notice in tab.evaluate("notices")] == ["device-changed"]
    assert "has stopped computing" in outcome["after"]["deviceNote"]


def test_a_lost_card_fails_replies_where_only_it_may_compute(tab, site, tiny):
    trusted(site)
    outcome = load(tab, site, "gpu", lose="reply")
    assert outcome["code"] == "device-lost" if "code" in outcome else outcome["after"] is None
    assert tab.evaluate("manager.info") is None
    # Another one is opened.
    assert load(tab, site, "gpu")["tokens"] == 24


@pytest.mark.parametrize("file, right, wrong, word", [
    ("heads.wgsl", b"* sine", b"* (sine + 0.5)", "wrongly"), ("product.wgsl", b"fn main", b"fn main that", "compile"),
], ids=["wrong", "no WGSL"])
def test_kernels_that_fail_are_not_used(tab, site, tmp_path, file, right, wrong, word):
    site.models["tiny.gguf"] = write(tmp_path / "tiny.gguf", kind=Q.Q4_0)
    trusted(site)
    replace(site, f"worker/gpu/{file}", right, wrong)
    outcome = load(tab, site, "gpu")
    assert outcome["code"] in ["device-unavailable", "device-lost"] and word in outcome["message"]
    outcome = load(tab, site, "auto")
    assert outcome["info"]["device"] == "cpu" and word in outcome["info"]["deviceNote"] and outcome["tokens"] == 24


def test_a_model_goes_to_the_card_through_less_memory_than_it_has(tab, site):
    # 75 MB, of which the code has its part; the file has 98 MB.
    grant(site, 1200)
    outcome = load(tab, site, "gpu", model="quick", tokens=3)
    assert outcome["info"]["device"] == "gpu" and outcome["tokens"] == 3


def test_loads_leave_nothing_on_the_card(tab, site, tmp_path):
    for name, kind in [("one.gguf", Q.F32), ("two.gguf", Q.Q4_0)]:
        site.models[name] = write(tmp_path / name, kind=kind)
    replace(site, "worker/gpu/device.js", b"this.isSoftware =", b"""
      const channel = new BroadcastChannel('live');
      const create = device.createBuffer.bind(device);
      let live = 0;
      channel.onmessage = ({ data }) => data === 'ask' && channel.postMessage(live);
      device.createBuffer = (options) => {
        const buffer = create(options);
        const destroy = buffer.destroy.bind(buffer);
        live += options.size;
        buffer.destroy = () => { live -= options.size; destroy(); };
        return buffer;
      };
      this.isSoftware = """)
    bytes = tab.evaluate("""async (url) => {
      const { InferenceManager } = await import('/inference-manager.js');
      const manager = new InferenceManager({ device: 'gpu' });
      const channel = new BroadcastChannel('live');
      const live = () => new Promise((resolve) => {
        channel.onmessage = ({ data }) => resolve(data);
        channel.postMessage('ask');
      });
      const found = [];
      for (let turn = 0; turn < 20; turn += 1) {
        await manager.initialize(`${url}models/${turn % 2 ? 'one' : 'two'}.gguf`, undefined, { contextLength: 128 });
        await manager.generate('Sea', { temperature: 0, maxTokens: 2 }).finished;
        found.push(await live());
        if (turn % 4 === 3) {
          await manager.unload();
          found.push(await live());
        }
      }
      manager.terminate();
      return found;
    }""", site.url)
    assert set(bytes[4::5]) == {0} and len(set(bytes[:4])) == 2 and bytes[:4] == bytes[5:9]


def test_what_no_card_computes_is_left_to_the_processor(tab, site, tmp_path):
    site.models["tiny.gguf"] = write(tmp_path / "tiny.gguf", "llama with experts", inner=32, layers=1, experts=(66, 65))
    trusted(site)
    outcome = load(tab, site, "gpu")
    assert outcome["code"] == "device-unavailable" and "experts" in outcome["message"]
    outcome = load(tab, site, "auto")
    assert outcome["info"]["device"] == "cpu" and "experts" in outcome["info"]["deviceNote"] and outcome["tokens"] == 24
