"""The graphics card, by way of Chromium's software adapter: the same answers as the processor's.

The processor rounds activations to eight bits for quantized weights and the card does not. So the card on a quantized model
is held to the processor on the same numbers as F32, where nobody rounds.
"""

import json

import numpy as np
import pytest

from conftest import SITE
from closeness import furthest, ids
from kernel_cases import SCRIPT, check_products, floats
from tiny_gguf import Q, write

# Long enough for a prefill in tiles and for two pages of the cache; bytes are tokens.
PROMPT = ("It is a long way from here to the sea, and nobody who has gone it once goes it again without a reason. " * 2)[:150]
SHORT = "Sea"

ANSWER = """
  async ([model, device, requests, contextLength]) => {
    const { InferenceManager } = await import('/inference-manager.js');
    const manager = new InferenceManager({ device });
    try {
      await manager.initialize(model, undefined, { contextLength, sequences: requests.length });
      const options = { temperature: 0, logprobs: 20, ignoresEndOfGeneration: true, speculation: false };
      const replies = requests.map(([prompt, maxTokens]) => manager.generate(prompt, { ...options, maxTokens }));
      const finished = await Promise.all(replies.map((reply) => reply.finished));
      return finished.map(({ tokens }) =>
        tokens.map(({ id, top }) => ({ id, top: top.map(({ id, logprob }) => [id, logprob]) })));
    } finally {
      manager.terminate();
    }
  }"""


def answers(tab, site, path, device, requests=((PROMPT, 6), (SHORT, 6), ("Sails", 6)), context=512):
    site.models["tiny.gguf"] = path
    return tab.evaluate(ANSWER, [site.url + "models/tiny.gguf?" + path.name + device, device, requests, context])


# All of them, and all formats, are held to the processor in Deno: Tests/Deno.
@pytest.mark.parametrize("architecture", ["phi2", "gemma2", "lfm2"])
def test_architectures_of_each_kind_give_the_same_on_the_card(tab, site, tmp_path, architecture):
    model = write(tmp_path / f"{architecture}.gguf", architecture)
    card, processor = answers(tab, site, model, "gpu"), answers(tab, site, model, "cpu")
    assert furthest(card, processor) < 0.02
    assert ids(card) == ids(processor)


@pytest.mark.parametrize("kind", [Q.Q5_K], ids=lambda kind: kind.name)
def test_quantized_models_give_the_same_on_the_card(tab, site, tmp_path, kind):
    stored, numbers = (write(tmp_path / f"{kind.name}-{plain}.gguf", kind=kind, dequantized=plain) for plain in (False, True))
    assert furthest(answers(tab, site, stored, "gpu"), answers(tab, site, numbers, "cpu")) < 0.02


@pytest.mark.parametrize("arithmetic", ["floats", "bytes"])
def test_a_prefill_multiplies_with_what_the_card_has(tab, site, arithmetic):
    site.replaced["kernels.js"] = SCRIPT.read_bytes()

    def run(kernels, runs):
        code = "async ([site, what]) => (await import('/kernels.js')).runKernels(site, what)"
        return [floats(line) for line in tab.evaluate(code, [site.url, {"kernels": kernels, "runs": runs}])]
    check_products(run, arithmetic, [Q.Q4_1, Q.Q6_K])


TOP = """async ([rows, stride, count, bits]) => {
  const { GraphicsDevice } = await import('/worker/gpu/device.js');
  const { GraphicsSession } = await import('/worker/gpu/session.js');
  const card = await GraphicsDevice.open();
  const failed = new Promise((_, reject) => (card.onFailure = (message) => reject(new Error(message))));
  const device = new GraphicsSession(card);
  const words = (numbers) => new Uint8Array(new Uint32Array(numbers).buffer);
  // Of each dispatch what is read, and where its lists go.
  const steps = [];
  for (let [input, inputStride, left, each, out] = [0, stride, count, 1024, rows * stride]; ; each = 16) {
    const lists = Math.ceil(left / each);
    steps.push([input, inputStride, left, out, lists * 129, steps.length ? 1 : 0, lists]);
    [input, inputStride, left, out] = [out, lists * 129, lists, out + rows * lists * 129];
    if (lists === 1) break;
  }
  const [, , , place] = steps.at(-1);
  const size = (place + rows * 129) * 4;
  const [work, other, cache, parameters] = [size, 16, 16, steps.length * 256]
    .map((size, index) => device.makeBuffer(size, index === 3));
  device.write(work, 0, words(bits));
  let pipeline;
  await Promise.race([failed, new Promise((done) => { pipeline = device.makePipeline(['top'], '', done); })]);
  const commands = steps.flatMap((step, index) => {
    device.write(parameters, index * 256, words(step.slice(0, 6)));
    const small = { buffer: other, offset: 0, size: 16 };
    const binding = device.bind([small, small, small, { buffer: work, offset: 0, size }, { ...small, buffer: cache },
      { buffer: parameters, offset: index * 256, size: 256 }]);
    return [pipeline, binding, step[6], rows, 1, 0];
  });
  const began = performance.now();
  const read = await Promise.race([failed, device.submit(new Uint32Array(commands), { buffer: work, offset: place * 4, size: rows * 129 * 4 })]);
  console.log(`${rows} rows of ${count}: ${performance.now() - began} ms`);
  device.release();
  return [...new Uint32Array(read.buffer)];
}"""


@pytest.mark.parametrize("count", [1, 64, 1025, 16385, 151936])
def test_the_likeliest_tokens_are_chosen_on_the_card(tab, count):
    """With many that are equal, both zeros, and what is no number or impossible; behind a row is what is no token's."""
    generator = np.random.default_rng(count)
    rows, stride = (3, count + 7) if count < 20000 else (1, count)
    logits = generator.normal(0, 8, (rows, stride)).astype(np.float32)
    logits[0] = np.round(logits[0])
    logits[:, count:] = 1000
    if count > 60:
        for value in [np.nan, -np.nan, -np.inf, 0.0, -0.0, 1e-40, -1e-40]:
            logits[-1, generator.integers(0, count, count // 20)] = value
    found = np.array(tab.evaluate(TOP, [rows, stride, count, logits.view(np.uint32).ravel().tolist()]), np.uint32)
    for row, words in zip(logits[:, :count], found.reshape(rows, 129), strict=True):
        possible = np.flatnonzero(row > -np.inf)
        expected = possible[np.argsort(-row[possible], kind="stable")][:64]
        values = words[:64].view(np.float32)
        assert words[64:64 + len(expected)].tolist() == expected.tolist()
        assert (values[:len(expected)] == row[expected]).all() and (values[len(expected):] == -np.inf).all()
        weights = np.exp(row[possible].astype(np.float64) - row[expected[0]])
        assert abs(words[128:].view(np.float32)[0] / weights.sum() - 1) < 3e-6


# What the likeliest tokens decide always, and what they decide most of the time.
DECIDED = [
    {"temperature": 0}, {"temperature": 0, "logprobs": 20}, {"seed": 1}, {"seed": 2, "logprobs": 64},
    {"seed": 3, "temperature": 1.5, "topK": 64, "topP": 1, "minP": 0, "logprobs": 0},
    {"seed": 4, "topK": 20, "typicalP": 0.8},
]
OPEN = [
    {"seed": 5, "topK": 0, "topP": 0.3, "minP": 0}, {"seed": 6, "temperature": 1.3, "topK": 0, "topP": 1, "minP": 0.02},
    {"seed": 7, "topK": 0, "topP": 0.999, "minP": 0, "logprobs": 3},
]
CHOICES = """
  async ([model, requests, sequences, bias]) => {
    const { InferenceManager } = await import('/inference-manager.js');
    const sizes = [];
    new BroadcastChannel('read').onmessage = ({ data }) => sizes.push(data);
    // One for all, since its card keeps compiled kernels.
    window.manager ??= new InferenceManager({ device: 'gpu' });
    await manager.unload();
    await manager.initialize(model, undefined, { contextLength: 512, sequences });
    // What the card is tried with is read too.
    await new Promise((done) => setTimeout(done, 100));
    sizes.length = 0;
    const generate = (options) => manager.generate('See the sea. See the sea. See',
      { maxTokens: 6, ignoresEndOfGeneration: true, logitBias: bias ? [{ token: 260, bias: 0 }] : [], ...options });
    let finished;
    if (sequences > 1) finished = await Promise.all(requests.map((options) => generate(options).finished));
    else {
      finished = [];
      for (const options of requests) finished.push(await generate(options).finished);
    }
    const replies = finished.map(({ tokens, timings }) => ({ drafted: timings.draftCount, tokens: tokens.map(
      ({ id, logprob, top }) => ({ id, logprob: logprob?.logprob ?? null, top: top.map(({ id, logprob }) => [id, logprob]) })) }));
    await new Promise((done) => setTimeout(done, 100));
    return { replies, sizes };
  }"""


@pytest.fixture
def choices(tab, site, tmp_path):
    """What requests choose on the card, by turns or together, and the bytes of everything that was read from it."""
    source = (SITE / "worker/gpu/session.js").read_text()
    place = "await staging.mapAsync("
    assert source.count(place) == 1
    site.replaced["worker/gpu/session.js"] = source.replace(
        place, "new BroadcastChannel('read').postMessage(size);\n" + place).encode()
    site.models["tiny.gguf"] = write(tmp_path / "choices.gguf")

    def choose(requests, together=False, bias=False):
        return tab.evaluate(CHOICES, [site.url + "models/tiny.gguf", requests, len(requests) if together else 1, bias])
    return choose


def same_choices(replies, others):
    for reply, other in zip(replies, others, strict=True):
        for one, two in zip(reply["tokens"], other["tokens"], strict=True):
            assert one["id"] == two["id"]
            assert (one["logprob"] is None) == (two["logprob"] is None)
            assert [id for id, _ in one["top"]] == [id for id, _ in two["top"]]
            assert np.allclose([value for _, value in one["top"]] + [one["logprob"] or 0],
                               [value for _, value in two["top"]] + [two["logprob"] or 0], atol=1e-4)


def test_the_likeliest_tokens_are_enough_to_choose_by(choices):
    """A bias of nothing has all logits read, by which the same tokens are chosen."""
    requests = [{**options, "speculation": False} for options in DECIDED]
    few, all_logits = choices(requests), choices(requests, bias=True)
    same_choices(few["replies"], all_logits["replies"])
    assert few["sizes"] and max(few["sizes"]) <= 1024 < min(all_logits["sizes"])


def test_what_the_likeliest_tokens_do_not_tell_is_read_afterwards(choices):
    requests = [{**options, "speculation": False} for options in DECIDED[:2] + OPEN]
    some, all_logits = choices(requests), choices(requests, bias=True)
    same_choices(some["replies"], all_logits["replies"])
    assert min(some["sizes"]) <= 1024 < max(some["sizes"])
    # Beside each other whoever needs more has it read for all.
    same_choices(choices(requests, together=True)["replies"], all_logits["replies"])


def test_drafts_are_verified_by_the_likeliest_tokens(choices):
    requests = [{"temperature": 0, "maxTokens": 24}, {"seed": 3, "temperature": 0.2, "maxTokens": 24}]
    few, all_logits = choices(requests), choices(requests, bias=True)
    same_choices(few["replies"], all_logits["replies"])
    assert sum(reply["drafted"] for reply in few["replies"]) > 0
    assert max(few["sizes"]) <= 8 * 1024


@pytest.mark.parametrize("shape", [
    {"heads": 21, "shared": 21, "length": 16, "value": 260},
    {"width": 96, "inner": 160, "heads": 3, "shared": 1, "length": 6},
], ids=lambda shape: " ".join(f"{name}={size}" for name, size in shape.items()))
def test_odd_shapes_give_the_same_on_the_card(tab, site, tmp_path, shape):
    model = write(tmp_path / "odd.gguf", **shape)
    assert furthest(answers(tab, site, model, "gpu"), answers(tab, site, model, "cpu")) < 0.02


def lower(site, limits, **told):
    """A device with lower limits than the adapter's, and one that tells the engine less than it has."""
    text = (site.site / "worker/gpu/device.js").read_text()
    changes = [("lowered = {}", f"lowered = {json.dumps(limits)}")]
    names = {"binding": "maxStorageBufferBindingSize", "together": "this.#together"}
    changes += [(f"{name}: {names[name]},", f"{name}: {number},") for name, number in told.items()]
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    site.replaced["worker/gpu/device.js"] = text.encode()


# What every card with WebGPU has, in bytes.
LEAST = {"maxBufferSize": 256 << 20, "maxStorageBufferBindingSize": 128 << 20, "maxComputeWorkgroupStorageSize": 16 << 10,
         "halves": 0, "bytes": 0}


@pytest.mark.parametrize("architecture,kind,limits,told", [
    ("llama", Q.Q4_0, LEAST, {"together": 32}), ("gemma3", Q.F32, {"subgroups": 4}, {}),
])
def test_cards_of_other_kinds_give_the_same(tab, site, tmp_path, architecture, kind, limits, told):
    """The least limits and features, rows of products over many threads, and the software adapter's subgroups, which are small."""
    stored, numbers = (write(tmp_path / f"tiny-{plain}.gguf", architecture, kind, dequantized=plain) for plain in (False, True))
    processor = answers(tab, site, numbers, "cpu")
    lower(site, limits, **told)
    card = answers(tab, site, stored, "gpu")
    assert furthest(card, processor) < 0.02 and ids(card) == ids(processor)


@pytest.mark.parametrize("architecture,inner", [("llama", 1024), ("gemma2", 1024), ("phi2", 1024), ("granitemoe", 128)])
def test_matrices_in_pieces_give_the_same(tab, site, tmp_path, architecture, inner):
    """The embedding, the output and the feed-forward are larger than a binding, and queries, keys and values together. Of experts a
    binding has three."""
    model = write(tmp_path / "large.gguf", architecture, width=512, inner=inner, length=64, shared=2, words=2000)
    requests = [(PROMPT[:40], 6)]
    processor = answers(tab, site, model, "cpu", requests, 64)
    lower(site, {}, binding=1792 << 10)
    card = answers(tab, site, model, "gpu", requests, 64)
    assert furthest(card, processor) < 0.02 and ids(card) == ids(processor)


@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_a_few_rows_that_begin_a_page_see_each_other(tab, site, tmp_path, architecture):
    """The rest of a prompt whose beginning is kept: what a decode's attention does not find in the cache yet."""
    site.models["tiny.gguf"] = write(tmp_path / "tiny.gguf", architecture)
    texts = [tab.evaluate("""async ([url, device, prompts]) => {
      const { InferenceManager } = await import('/inference-manager.js');
      const manager = new InferenceManager({ device });
      await manager.initialize(url, undefined, { contextLength: 512 });
      let reply;
      for (const prompt of prompts) {
        reply = manager.generate(prompt, { temperature: 0, maxTokens: 6, ignoresEndOfGeneration: true, speculation: false });
        await reply.finished;
      }
      const { text } = await reply.finished;
      manager.terminate();
      return [text, reply.cachedCount];
    }""", [site.url + "models/tiny.gguf", device, prompts])
        for device, prompts in [("gpu", [PROMPT[:130], PROMPT[:137]]), ("cpu", [PROMPT[:137]])]]
    (card, cached), (processor, _) = texts
    assert card == processor and cached > 100


def test_a_conversation_is_picked_up_from_what_was_kept_of_the_card(tab, site, tmp_path):
    """The processor takes nothing of it, since it computes other bits, and reads the prompt anew."""
    site.models["tiny.gguf"] = write(tmp_path / "tiny.gguf", "gemma3")
    first, again, processor = tab.evaluate("""async ([url, prompt]) => {
      const { InferenceManager } = await import('/inference-manager.js');
      const size = async () => {
        const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('conversations', { create: true });
        let size = 0;
        for await (const file of folder.values()) size += (await file.getFile()).size;
        return size;
      };
      const replies = [];
      for (const device of ['gpu', 'gpu', 'cpu']) {
        const manager = new InferenceManager({ device });
        await manager.initialize(url, undefined, { contextLength: 512 });
        const { text, timings } = await manager.generate(prompt, {
          conversation: 'sea', temperature: 0, maxTokens: 6, ignoresEndOfGeneration: true, speculation: false,
        }).finished;
        replies.push([text, timings.restoredCount]);
        for (let last = -1; last !== await size(); await new Promise((done) => setTimeout(done, 1000))) last = await size();
        replies.at(-1).push(await size());
        manager.terminate();
      }
      return replies;
    }""", [site.url + "models/tiny.gguf", PROMPT * 2])
    assert first[1] == 0 and first[2] > 0
    # Two pages of the cache.
    assert again[1] == 256 and again[0] == first[0] == processor[0]
    assert processor[1] == 0


def test_models_come_and_go(tab, site, tmp_path):
    for name, kind in [("one.gguf", Q.F32), ("two.gguf", Q.Q4_0)]:
        site.models[name] = write(tmp_path / name, kind=kind)
    texts = tab.evaluate("""async (url) => {
      const { InferenceManager } = await import('/inference-manager.js');
      const manager = new InferenceManager({ device: 'gpu' });
      const texts = [];
      for (const name of ['one', 'two', 'one', 'two']) {
        await manager.initialize(`${url}models/${name}.gguf`, undefined, { contextLength: 128 });
        const { text } = await manager.generate('Sea', { temperature: 0, maxTokens: 5 }).finished;
        texts.push(text);
        if (name === 'two') await manager.unload();
      }
      manager.terminate();
      return texts;
    }""", site.url)
    assert texts[:2] == texts[2:] and texts[0] != texts[1]


def test_a_reply_on_the_card_can_be_stopped_and_another_follows(tab, site, tmp_path):
    site.models["tiny.gguf"] = write(tmp_path / "tiny.gguf")
    result = tab.evaluate("""async (url) => {
      const { InferenceManager } = await import('/inference-manager.js');
      const manager = new InferenceManager({ device: 'gpu' });
      await manager.initialize(`${url}models/tiny.gguf`);
      const options = { temperature: 0, ignoresEndOfGeneration: true };
      const stopped = manager.generate('A long one', { ...options, maxTokens: 500 });
      for await (const piece of stopped) break;
      stopped.cancel();
      const { reason } = await stopped.finished;
      const [first, second] = [manager.generate('Sea', { ...options, maxTokens: 4 }), manager.generate('Sea', { ...options, maxTokens: 4 })];
      const texts = [(await first.finished).text, (await second.finished).text];
      manager.terminate();
      return { reason, texts, cached: second.cachedCount };
    }""", site.url)
    assert result["reason"] == "aborted"
    assert result["texts"][0] == result["texts"][1] and result["cached"] == 2
