"""What was computed of a conversation is kept in the browser's file system, and read back after a restart."""

import os
import time

import pytest

from steps import ask, assert_quick, change_settings, generate, open_modules, open_page, wait_for

WORDS = "The lighthouse keeper wrote down the weather, the ships and the birds of every single day. "
# About 1,100 tokens; 325 make 6,000, for the figures of Documentation/Performance.md.
REPEATS = int(os.environ.get("SWIFTLET_KEPT_REPEATS", "60"))
GREEDY = {"temperature": 0, "maxTokens": 12}
FILES = """async () => {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle('conversations', { create: true });
  const sizes = [];
  for await (const handle of folder.values()) {
    // A listed file may be gone before it is opened: the worker deletes while this looks.
    const file = await handle.getFile().catch((error) => { if (error.name !== 'NotFoundError') throw error; });
    if (file) sizes.push(file.size);
  }
  return sizes;
}"""
NOTHING = f"({FILES})().then((sizes) => sizes.length === 0)"
# SmolLM2: 30 layers, 3 heads of keys and values, 64 F16 of each, 32 positions, and the block's header.
BLOCK = 32 * 30 * 3 * 64 * 2 * 2 + 16


def conversation(count):
    return [{"role": "user", "content": WORDS * count + "What did the keeper write down?"}]


def kept(page, blocks, seconds=60):
    """Waits until the one conversation's file has this many blocks."""
    deadline = time.monotonic() + seconds
    while (sizes := page.evaluate(FILES)) != [blocks * BLOCK]:
        assert time.monotonic() < deadline, f"{[size / BLOCK for size in sizes]} blocks instead of {blocks}"
        time.sleep(0.05)


def load(page):
    page.evaluate("manager.initialize('quick', undefined, { contextLength: 8192 })")


def blocks_of(reply):
    return (len(reply["promptTokens"]) + len(reply["tokens"]) - 1) // 32


@pytest.mark.alone
def test_a_conversation_is_picked_up_after_a_restart_of_the_browser(launch, site):
    context = launch()
    page = context.new_page()
    open_modules(page, site)
    load(page)
    first = generate(page, conversation(REPEATS), {**GREEDY, "conversation": "a"})
    assert first["timings"]["restoredCount"] == 0
    kept(page, blocks_of(first))
    context.close()

    page = launch().new_page()
    open_modules(page, site)
    load(page)
    again = generate(page, conversation(REPEATS), {**GREEDY, "conversation": "a"})
    assert again["tokens"] == first["tokens"] and again["text"] == first["text"]
    restored = again["timings"]["restoredCount"]
    assert restored == (len(first["promptTokens"]) - 1) // 32 * 32 == again["timings"]["cachedCount"]
    times = [reply["timings"]["firstTokenMilliseconds"] for reply in (again, first)]
    assert_quick(times[0] < times[1] / 2, times)
    print(f"\n{len(first['promptTokens'])} tokens, the first one after {first['timings']['firstTokenMilliseconds']:.0f} ms, "
          f"with kept keys and values after {again['timings']['firstTokenMilliseconds']:.0f} ms")
    # Without the name nothing is read back, and the reply is the same.
    page.evaluate("manager.unload()")
    load(page)
    fresh = generate(page, conversation(REPEATS), GREEDY)
    assert fresh["timings"]["restoredCount"] == 0 and fresh["tokens"] == first["tokens"]


def test_what_is_broken_or_forgotten_is_computed_again(page, site):
    open_modules(page, site)
    load(page)
    first = generate(page, conversation(12), {**GREEDY, "conversation": "a"})
    kept(page, blocks_of(first))
    page.evaluate("manager.unload()")
    page.evaluate("""async (offset) => {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle('conversations');
      for await (const handle of folder.values()) {
        const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
        bytes[offset] ^= 255;
        const stream = await handle.createWritable();
        await stream.write(bytes);
        await stream.close();
      }
    }""", 2 * BLOCK + 5000)
    load(page)
    again = generate(page, conversation(12), {**GREEDY, "conversation": "a"})
    assert again["timings"]["restoredCount"] == 64
    assert again["tokens"] == first["tokens"]
    kept(page, blocks_of(first))
    page.evaluate("manager.forget('a')")
    wait_for(page, NOTHING)
    page.evaluate("manager.unload()")
    load(page)
    assert generate(page, conversation(12), {**GREEDY, "conversation": "a"})["timings"]["restoredCount"] == 0
    # Also while no engine runs.
    kept(page, blocks_of(first))
    page.evaluate("manager.terminate()")
    page.evaluate("manager.forget()")
    wait_for(page, NOTHING)


def test_a_conversation_is_forgotten_though_the_model_before_still_has_it_open(page, site):
    open_modules(page, site)
    page.evaluate("""async () => {
      manager.terminate();
      const { Engines } = await import('/shared/engines.js');
      window.manager = new Engines({ hubURL: 'http://127.0.0.1:9' });
      await manager.load('quick', { contextLength: 8192 });
    }""")
    first = generate(page, conversation(20), {**GREEDY, "conversation": "a"})
    kept(page, blocks_of(first))
    # Something else takes the memory, so that the file is read, and stays open, when the conversation goes on.
    generate(page, [{"role": "user", "content": "Count: " + "1 2 3 4 5 6 7 8 9 " * 60}], GREEDY)
    page.evaluate("""async (messages) => {
      const options = { temperature: 0, maxTokens: 4000, ignoresEndOfGeneration: true, conversation: 'a' };
      window.reply = manager.generate(messages, options);
      while (!reply.tokens.length) await new Promise((resolve) => setTimeout(resolve, 20));
      const model = await (await fetch('models/SmolLM2-135M-Instruct.Q4_1.gguf')).blob();
      await manager.load(new File([model], 'other.gguf'), { keep: false });
      await manager.forget('a');
      reply.cancel();
      await reply.finished;
    }""", conversation(20))
    wait_for(page, NOTHING, seconds=10)


def test_the_page_keeps_its_conversations_and_deletes_what_is_deleted(page, site):
    open_page(page, site)
    ask(page, WORDS * 4)
    wait_for(page, f"({FILES})().then((sizes) => sizes.length === 1 && sizes[0] > 0)")
    page.hover(".conversation[data-current]")
    page.click(".conversation[data-current] .icon-button")
    page.click("#conversation-menu >> text=Delete")
    wait_for(page, NOTHING)
    # Nothing is kept where the settings say so.
    change_settings(page, maxTokens=8, keepsPrefixes=0)
    open_page(page, site)
    ask(page, WORDS * 4)
    assert page.evaluate(FILES) == []
