"""One engine for all tabs: one tab runs it, the others talk to it, and the next takes over when it is closed."""

import os
import signal
import time

import pytest

from steps import (
    READY, STATISTICS, change_settings, crash_largest_renderer, open_page, renderers, signal_largest_renderer,
    wait_for)

QUICK_SIZE = 98_362_432
PROMPT = "The capital of France is"
# Long enough that a tab is closed in the middle of it.
GREEDY = {"temperature": 0, "maxTokens": 220, "ignoresEndOfGeneration": True}
LONG = "Write a very long story about a mountain."
REPLY = ".message[data-role=assistant]"


@pytest.fixture
def tabs(context, site):
    """Opens empty tabs with `window.manager`, a SharedInferenceManager, that report the page's errors."""
    errors = []

    def start(count, options="{}"):
        opened = []
        for _ in range(count):
            tab = context.new_page()
            tab.on("pageerror", lambda error: errors.append(str(error)))
            tab.goto(site.url + "blank.html")
            tab.evaluate("""async (options) => {
              const { SharedInferenceManager } = await import('/shared-inference-manager.js');
              window.manager = new SharedInferenceManager({ hubURL: 'http://127.0.0.1:9', ...JSON.parse(options) });
            }""", options)
            opened.append(tab)
        return opened

    yield start
    assert errors == [], errors


def load(tab):
    tab.evaluate("async () => { await manager.initialize('quick', null, { unlessLoaded: true }); }")


def workers(*tabs):
    """How many engines run in these tabs."""
    return sum(worker.url.endswith("/worker.js") for tab in tabs for worker in tab.workers)


def begin(tab, prompt, options):
    """Begins a reply, as `window.reply`, without waiting for it."""
    tab.evaluate("""([prompt, options]) => {
      window.reply = manager.generate(prompt, options);
      window.places = [];
      reply.onWaiting = () => places.push(reply.place);
      window.outcome = reply.finished.then(({ text, tokens, reason, timings }) =>
        ({ text, tokens: tokens.map((token) => token.id), reason, timings, promptTokens: reply.promptTokens.length }),
        (error) => ({ error: [error.constructor.name, error.code, error.message] }));
    }""", [prompt, options])


def outcome(tab):
    return tab.evaluate("outcome")


def reply_of(tab, prompt, options=GREEDY):
    begin(tab, prompt, options)
    return outcome(tab)


def holder(tabs):
    """The tab that runs the engine."""
    [found] = [tab for tab in tabs if workers(tab)]
    return found


def wait_for_holder(tabs, seconds=30):
    """The one tab that runs an engine: of a worker that was ended the browser tells a little later."""
    deadline = time.monotonic() + seconds
    while workers(*tabs) != 1:
        assert time.monotonic() < deadline, f"{workers(*tabs)} engines run"
        tabs[0].wait_for_timeout(20)
    return holder(tabs)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_tabs_share_one_engine_with_the_memory_of_one(tabs, site, count):
    opened = tabs(count)
    before = renderers()
    for tab in opened:
        load(tab)
    prompts = [f"The number {index} is" for index in range(count)]
    for tab, prompt in zip(opened, prompts):
        begin(tab, prompt, {**GREEDY, "maxTokens": 24})
    replies = [outcome(tab) for tab in opened]
    assert workers(*opened) == 1 and site.sent == QUICK_SIZE
    grown = [size - before.get(pid, 0) for pid, size in renderers().items()]
    assert sum(growth > 70_000_000 for growth in grown) == 1, grown
    assert sum(grown) < 350_000_000 + 30_000_000 * count, grown
    # Each has its own.
    assert len({reply["text"] for reply in replies}) == count
    for prompt, reply in zip(prompts, replies):
        assert len(reply["tokens"]) == 24 and reply["timings"]["predictedCount"] == 24
        assert reply_of(opened[0], prompt, {**GREEDY, "maxTokens": 24})["text"] == reply["text"]


@pytest.mark.parametrize("writer", ["an older tab", "a younger tab"])
def test_nothing_is_lost_when_the_holder_is_closed_in_the_middle_of_a_reply(tabs, site, writer):
    """Ten times each: twenty in all."""
    opened = tabs(3)
    for tab in opened:
        load(tab)
    undisturbed = reply_of(opened[0], PROMPT)
    site.forget()
    for round in range(10):
        first = wait_for_holder(opened)
        others = [tab for tab in opened if tab is not first]
        asking = others[0 if writer == "an older tab" else 1]
        begin(asking, PROMPT, GREEDY)
        count = 5 + 13 * round
        wait_for(asking, "(count) => reply.tokens.length >= count", count)
        assert asking.evaluate("reply.tokens.length") < GREEDY["maxTokens"]
        first.close()
        reply = outcome(asking)
        assert reply.get("text") == undisturbed["text"], (round, reply)
        assert reply["tokens"] == undisturbed["tokens"] and reply["reason"] == "length"
        assert reply["timings"]["predictedCount"] == GREEDY["maxTokens"]
        assert reply["timings"]["promptCount"] + reply["timings"]["cachedCount"] == reply["promptTokens"]
        opened = others + tabs(1)
        load(opened[-1])
    assert site.requests == [], "nobody loads the model twice"


def test_nothing_is_lost_when_the_holder_crashes(tabs, site):
    opened = tabs(2)
    for tab in opened:
        load(tab)
    undisturbed = reply_of(opened[1], PROMPT)
    begin(opened[1], PROMPT, GREEDY)
    wait_for(opened[1], "reply.tokens.length >= 20")
    crash_largest_renderer()
    assert outcome(opened[1])["text"] == undisturbed["text"]
    assert site.sent == QUICK_SIZE


def test_a_tab_that_sleeps_with_the_engine_keeps_nobody_waiting_and_takes_part_again(tabs):
    """As when a telephone stops the tabs that are not looked at."""
    first, second = tabs(2)
    for tab in [first, second]:
        load(tab)
    undisturbed = reply_of(second, PROMPT)
    begin(second, PROMPT, GREEDY)
    wait_for(second, "reply.tokens.length >= 20")
    asleep = signal_largest_renderer(signal.SIGSTOP)
    try:
        assert outcome(second)["text"] == undisturbed["text"]
    finally:
        os.kill(asleep, signal.SIGCONT)
    assert reply_of(first, PROMPT)["text"] == undisturbed["text"]
    assert wait_for_holder([first, second]) == second


def test_a_reload_of_the_holder_hands_the_engine_on_and_takes_part_again(tabs, site):
    first, second = tabs(2)
    for tab in [first, second]:
        load(tab)
    undisturbed = reply_of(second, PROMPT)
    begin(second, PROMPT, GREEDY)
    wait_for(second, "reply.tokens.length >= 20")
    first.reload()
    assert outcome(second)["text"] == undisturbed["text"]
    assert wait_for_holder([first, second]) == second


def test_replies_of_several_tabs_take_turns_and_know_their_place(tabs):
    """One tab asks for three replies, then two others for one each: theirs come after its first."""
    opened = tabs(3)
    for tab in opened:
        load(tab)
    first, second, third = opened
    options = {**GREEDY, "maxTokens": 60}
    first.evaluate("""([prompt, options]) => {
      window.ended = [];
      window.replies = [1, 2, 3].map((number) => manager.generate(`${prompt} ${number}`, options));
      for (const reply of replies) reply.finished.then(() => ended.push(Date.now()));
    }""", [PROMPT, options])
    wait_for(first, "replies[0].tokens.length > 0")
    for tab in [second, third]:
        begin(tab, PROMPT, options)
        tab.evaluate("void outcome.then(() => (window.ended = Date.now()))")
        wait_for(tab, "places.length > 0")
    assert second.evaluate("places[0]") == {"ahead": 2, "elsewhere": 2}
    # Its tab's second reply had its turn before this one was asked for; the third comes after.
    assert third.evaluate("places[0]") == {"ahead": 3, "elsewhere": 3}
    wait_for(first, "ended.length === 3")
    for tab in [second, third]:
        assert len(outcome(tab)["tokens"]) == 60
        assert tab.evaluate("places.at(-1)") == {"ahead": 0, "elsewhere": 0}
    ends = first.evaluate("ended")
    assert ends[0] < ends[1] < second.evaluate("ended") < third.evaluate("ended") < ends[2]


def test_a_reply_that_waits_can_be_cancelled_and_one_of_a_closed_tab_is_forgotten(tabs):
    opened = tabs(4)
    for tab in opened:
        load(tab)
    writing, cancelled, closed, last = opened
    begin(writing, PROMPT, {**GREEDY, "maxTokens": 2000})
    wait_for(writing, "reply.tokens.length > 0")
    for tab in [cancelled, closed, last]:
        begin(tab, PROMPT, GREEDY)
        wait_for(tab, "places.length > 0")
    assert last.evaluate("reply.place.ahead") == 3
    cancelled.evaluate("reply.cancel()")
    assert outcome(cancelled)["reason"] == "aborted"
    wait_for(last, "reply.place.ahead === 2")
    closed.close()
    wait_for(last, "reply.place.ahead === 1")
    # A tab that is closed while its reply is written, which then ends.
    begin(cancelled, PROMPT, GREEDY)
    wait_for(cancelled, "places.length > 0")
    writing.evaluate("reply.cancel()")
    assert outcome(writing)["reason"] == "aborted"
    wait_for(last, "reply.tokens.length > 2")
    assert workers(last) == 0
    last.close()
    assert len(outcome(cancelled)["tokens"]) == GREEDY["maxTokens"]


def test_terminate_ends_the_part_of_one_tab(tabs):
    opened = tabs(2)
    for tab in opened:
        load(tab)
    first, second = opened
    begin(second, PROMPT, GREEDY)
    wait_for(second, "reply.tokens.length > 10")
    first.evaluate("manager.terminate()")
    assert first.evaluate("manager.state.getState().loadingStep") == "idle"
    assert len(outcome(second)["tokens"]) == GREEDY["maxTokens"]
    assert wait_for_holder(opened) == second
    begin(first, PROMPT, GREEDY)
    wait_for(first, "reply.tokens.length > 10")
    first.evaluate("manager.terminate()")
    assert outcome(first)["error"][:2] == ["EngineError", "terminated"]
    # It can take part again.
    assert reply_of(first, PROMPT, {**GREEDY, "maxTokens": 4})["reason"] == "length"
    assert workers(first) == 0


def test_another_model_is_loaded_for_all_and_what_is_written_goes_on(tabs, site, quick_model):
    site.models["other.gguf"] = quick_model
    opened = tabs(3)
    for tab in opened:
        load(tab)
    undisturbed = reply_of(opened[2], PROMPT)
    begin(opened[2], PROMPT, GREEDY)
    wait_for(opened[2], "reply.tokens.length > 10")
    name = site.url + "models/other.gguf"
    opened[1].evaluate("(name) => manager.initialize(name).then(() => {})", name)
    for tab in opened:
        wait_for(tab, "(name) => manager.info?.model === name && manager.state.getState().loadingStep === 'ready'", name)
    assert outcome(opened[2])["text"] == undisturbed["text"]
    # The one before gives its memory back, and the new one is what the next tab takes over.
    wait_for_holder(opened)
    opened[0].close()
    assert reply_of(opened[2], PROMPT)["text"] == undisturbed["text"]
    assert opened[2].evaluate("manager.info.model") == name


def test_a_change_in_place_waits_for_the_reply_under_way_and_can_be_taken_back(tabs):
    opened = tabs(2)
    for tab in opened:
        load(tab)
    undisturbed = reply_of(opened[0], PROMPT)
    change = """void (window.change = manager.initialize(manager.info.model, null, { contextLength: 1024 })
      .then((info) => info.contextLength, (error) => error.code))"""
    begin(opened[0], PROMPT, GREEDY)
    wait_for(opened[0], "reply.tokens.length > 10")
    opened[1].evaluate(change)
    wait_for(opened[0], "manager.state.getState().isLoading")
    opened[0].evaluate("manager.cancelLoad()")
    assert opened[1].evaluate("change") == "cancelled"
    assert opened[1].evaluate("manager.state.getState().loadingStep") == "ready"
    opened[1].evaluate(change)
    # What is asked for meanwhile comes after the change.
    begin(opened[1], PROMPT, {**GREEDY, "maxTokens": 4})
    assert outcome(opened[0])["text"] == undisturbed["text"]
    assert opened[1].evaluate("change") == 1024
    assert len(outcome(opened[1])["tokens"]) == 4


def test_errors_keep_their_type_and_a_model_that_cannot_load_leaves_the_one_that_works(tabs):
    opened = tabs(2)
    for tab in opened:
        load(tab)
    tell = "(error) => [error.constructor.name, error.code]"
    assert opened[1].evaluate(f"manager.initialize('no-such-model').catch({tell})") == ["ModelError", "model-not-found"]
    assert opened[0].evaluate("manager.state.getState().next.error.code") == "model-not-found"
    opened[0].evaluate("manager.dismiss()")
    wait_for(opened[1], "manager.state.getState().next === null")
    overflow = f"manager.generate('word '.repeat(9000)).finished.catch({tell})"
    assert opened[1].evaluate(overflow) == ["ContextOverflowError", "context-overflow"]
    unclonable = f"manager.generate([{{ role: 'user', content: () => 1 }}]).finished.catch({tell})"
    assert opened[1].evaluate(unclonable) == ["RequestError", "invalid-request"]
    assert len(reply_of(opened[1], PROMPT, {**GREEDY, "maxTokens": 4})["tokens"]) == 4


def test_a_load_in_one_tab_is_seen_in_the_others(tabs, site):
    site.rate = 30e6
    opened = tabs(2)
    opened[0].evaluate("void (window.loading = manager.initialize('quick'))")
    opened[1].evaluate("""() => {
      window.shares = [];
      manager.progress.subscribe((progress) => progress && shares.push(progress.progress));
      window.loading = manager.initialize('quick', null, { unlessLoaded: true }).then((info) => info.name);
    }""")
    assert opened[1].evaluate("loading")
    shares = opened[1].evaluate("shares")
    assert len(shares) > 5 and shares == sorted(shares)
    assert len(site.requests) == 1


# Without Web Locks


def test_without_locks_each_tab_has_its_own(context, tabs, site):
    context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    opened = tabs(2)
    for tab in opened:
        load(tab)
        assert len(reply_of(tab, PROMPT, {**GREEDY, "maxTokens": 4})["tokens"]) == 4
    assert workers(*opened) == 2


# The chat page


def write(page, text):
    page.fill("#message-input", text)
    page.press("#message-input", "Enter")


def chat_tabs(context, site, count, **settings):
    pages = []
    for _ in range(count):
        page = context.new_page()
        page.goto(site.url + "blank.html")
        change_settings(page, **settings)
        open_page(page, site)
        pages.append(page)
    return pages


def test_a_conversation_says_that_another_tab_comes_first(context, site):
    first, second = chat_tabs(context, site, 2, maxTokens=2000)
    write(first, LONG)
    wait_for(first, "document.querySelector('[data-live] .prose:not(:has(.thinking))')?.innerText.length > 40")
    write(second, "Say hello.")
    second.wait_for_selector(".thinking >> text=Waiting for the reply in another tab")
    first.press("#message-input", "Escape")
    wait_for(second, "document.querySelector('[data-role=assistant] .prose:not(:has(.thinking))')?.innerText.length > 2")


def test_a_reply_on_the_page_goes_on_when_the_tab_with_the_engine_is_closed(context, site):
    first, second = chat_tabs(context, site, 2, maxTokens=200, temperature=0)
    assert workers(first) == 1 and workers(second) == 0
    write(second, LONG)
    second.wait_for_selector(STATISTICS, timeout=120_000)
    undisturbed = second.inner_text(f"{REPLY} .prose")
    second.click("#new-conversation")
    write(second, LONG)
    wait_for(second, "document.querySelector('[data-live] .prose:not(:has(.thinking))')?.innerText.length > 100")
    first.close()
    second.wait_for_selector(STATISTICS, timeout=120_000)
    assert second.inner_text(f"{REPLY} .prose") == undisturbed
    assert workers(second) == 1


def test_a_model_chosen_in_one_tab_is_shown_in_the_other(context, site, quick_model, tmp_path):
    path = tmp_path / "other.gguf"
    path.symlink_to(quick_model)
    first, second = chat_tabs(context, site, 2, maxTokens=16)
    second.click("#model-button")
    second.wait_for_selector("#model-dialog[open]")
    second.set_input_files("#model-file", path)
    for page in [first, second]:
        page.wait_for_selector("#model-name >> text=other")
        page.wait_for_selector(READY, state="attached")
    # The picked file is handed on, too.
    first.close()
    write(second, "Say hello.")
    second.wait_for_selector(STATISTICS)
    assert second.inner_text("#model-name") == "other"
