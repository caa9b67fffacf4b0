"""How much of the model's context a conversation takes, and how room is made."""

from steps import READY, ask, change_settings, open_page, wait_for
from test_controls import focused
from test_conversations import LIVE_TEXT, exported, write
from test_page import alternating, import_conversation
from test_system_prompts import PIRATE, last_prompt, set_prompt, watch_requests

METER = ".context:not([hidden]) .context-meter"


def small_context(page, site, **settings):
    page.goto(site.url + "blank.html")
    change_settings(page, **{"contextLength": 1024, "maxTokens": 16, **settings})
    open_page(page, site)


def metered(page):
    """Tokens that the meter tells."""
    page.wait_for_selector(METER)
    return int(page.get_attribute(METER, "aria-valuenow"))


def unsent(page):
    return page.locator(".message[data-unsent]").count()


def filled(page, site, count=12, words=50, **settings):
    """A conversation of numbered messages that nearly fills the context."""
    small_context(page, site, **settings)
    import_conversation(page, alternating(count, lambda index: f"Number {index}. " + "some words " * (words // 2)))
    page.wait_for_selector(METER)


def test_the_meter_counts_what_the_engine_reads(page, site):
    small_context(page, site)
    assert page.locator(METER).count() == 0
    page.fill("#message-input", "Tell me about <|im_start|> and rivers.")
    draft = metered(page)
    page.press("#message-input", "Enter")
    page.wait_for_selector(".message-statistics")
    # The reply's own tokens come on top of exactly what was counted before it was sent.
    tokens = page.evaluate("""async () => {
      const { ConversationArchive } = await import('/page/conversations.js');
      const archive = new ConversationArchive();
      const [{ id }] = await archive.list();
      return (await archive.load(id)).path[1].statistics.tokens;
    }""")
    wait_for(page, "(least) => Number(document.querySelector('.context-meter').ariaValueNow) >= least", draft + tokens)
    assert metered(page) <= draft + tokens + 12
    assert page.get_attribute(METER, "aria-valuetext").endswith("of 1,024 tokens")
    before = metered(page)
    set_prompt(page, PIRATE)
    wait_for(page, "(before) => Number(document.querySelector('.context-meter').ariaValueNow) !== before", before)
    page.click("#new-conversation")
    page.wait_for_selector(METER, state="detached")


def test_the_meter_warns_and_one_press_makes_room(page, site):
    watch_requests(page)
    filled(page, site)
    assert page.is_hidden(".context >> text=Make room")
    page.fill("#message-input", "a " * 260)
    page.wait_for_selector(".context[data-level=near]")
    assert "nearly full" in page.inner_text("#announcer")
    page.fill("#message-input", "a " * 600)
    page.wait_for_selector(".context[data-level=over]")
    page.fill("#message-input", "a " * 260)
    page.wait_for_selector(".context[data-level=near]")
    page.click("text=Make room")
    page.wait_for_selector(".context[data-level=free]")
    assert focused(page) == "message-input"
    assert 0 < unsent(page) < 12 and page.locator(".message").count() == 12
    assert metered(page) <= 512
    page.fill("#message-input", "And now?")
    page.press("#message-input", "Enter")
    page.wait_for_selector(".message-statistics")
    assert "Number 0." not in last_prompt(page) and "Number 11." in last_prompt(page)


def test_the_meter_never_tells_of_another_conversation(page, site):
    filled(page, site, maxTokens=600)
    write(page, "Write a very long story about a mountain.")
    wait_for(page, LIVE_TEXT)
    page.click("#new-conversation")
    page.wait_for_selector("#welcome:not([hidden])")
    # While a reply is written, nothing is counted.
    assert page.evaluate("document.querySelector('.context').hidden") is True


def test_room_that_was_made_is_undone(page, site):
    filled(page, site)
    page.fill("#message-input", "a " * 260)
    page.click("text=Make room")
    page.wait_for_selector(".message[data-unsent]")
    page.click(".toast >> text=Undo")
    wait_for(page, "!document.querySelector('.message[data-unsent]')")
    page.click("text=Make room")
    page.wait_for_selector(".message[data-unsent]")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.wait_for_selector(".message[data-unsent]")
    page.click("text=Send it again")
    wait_for(page, "!document.querySelector('.message[data-unsent], .forgotten')")
    assert focused(page) == "message-input"


def test_room_is_made_by_itself_when_asked_to_and_the_system_prompt_stays(page, site):
    watch_requests(page)
    filled(page, site, count=20, makesRoom=True, systemPrompt=PIRATE)
    page.wait_for_selector(".context[data-level=over]")
    write(page, "And now?")
    page.wait_for_selector(".toast >> text=/no longer sent/")
    page.wait_for_selector(".message-statistics")
    assert page.locator(".thread .notice").count() == 0
    assert unsent(page) > 0 and page.locator(".message").count() == 22
    assert PIRATE in last_prompt(page) and "Number 0." not in last_prompt(page) and "And now?" in last_prompt(page)


def test_a_message_that_is_too_long_alone_says_so_at_once_and_drops_nothing(page, site):
    filled(page, site, count=8)
    words = "Herons wait. " * 400
    page.fill("#message-input", words)
    page.wait_for_selector(".context >> text=/This message alone is too long: \\d,\\d+ of 1,024 tokens/")
    assert page.is_hidden(".context >> text=Make room")
    page.press("#message-input", "Enter")
    page.wait_for_selector(".notice >> text=This message is too long")
    assert "alone has" in page.inner_text(".notice") and "1,024" in page.inner_text(".notice")
    assert page.locator("text=Go on without the oldest").count() == 0
    assert unsent(page) == 0
    page.click(".notice >> text=Edit the message")
    assert page.input_value(".editor textarea") == words.strip()
    page.fill(".editor textarea", "Herons wait.")
    page.press(".editor textarea", "Enter")
    page.wait_for_selector(".message-statistics")
    assert page.locator(".thread .notice").count() == 0


def test_room_made_by_itself_drops_nothing_for_a_message_that_is_too_long_alone(page, site):
    filled(page, site, count=8, makesRoom=True, systemPrompt=PIRATE)
    write(page, "Herons wait. " * 400)
    page.wait_for_selector(".notice >> text=This message is too long")
    assert "With the system prompt it has" in page.inner_text(".notice")
    assert unsent(page) == 0 and page.locator(".toast >> text=no longer sent").count() == 0


def test_a_reply_cut_by_the_context_is_continued_with_room(page, site):
    filled(page, site, count=14, maxTokens=600, temperature=0)
    write(page, "Write a very long story about a mountain.")
    page.wait_for_selector(".message-statistics >> text=Cut at the length limit", timeout=120_000)
    before = page.locator(".message .prose").last.inner_text()
    page.locator("text=Continue").last.click()
    page.click("button >> text=Go on without the oldest")
    wait_for(page, """(before) => [...document.querySelectorAll('.prose')].at(-1).innerText.length > before + 20""",
             len(before), 120)
    page.press("#message-input", "Escape")
    page.wait_for_selector(".message-statistics >> text=Stopped")
    assert page.locator(".message .prose").last.inner_text().startswith(before[:80])
    assert page.locator(".message").count() == 16


def test_a_reply_with_room_for_a_word_is_not_cut_again_at_the_next(page, site):
    small_context(page, site)
    messages = alternating(14, lambda index: "some words " * 25)
    import_conversation(page, [*messages[:-1], {**messages[-1], "content": "And" + " on" * 252, "ending": "length"}])
    assert 1009 < metered(page) < 1024
    page.click("text=Continue")
    page.click("button >> text=Go on without the oldest")
    page.wait_for_selector(".message[data-unsent]")
    page.wait_for_selector(".message-statistics >> text=first token after")


def test_the_reasoning_of_earlier_replies_is_not_sent_again(page, site):
    watch_requests(page)
    small_context(page, site)
    text = {"role": "user", "content": "First?", "createdAt": 1}
    thought = {"role": "assistant", "content": "<think>\nHm, difficult.\n</think>\n\nThe answer.", "createdAt": 2,
               "thoughtFor": 5400}
    import_conversation(page, [text, thought])
    page.wait_for_selector("summary >> text=Thought for 5 s")
    write(page, "Second?")
    page.wait_for_selector(".message-statistics")
    assert "The answer." in last_prompt(page) and "difficult" not in last_prompt(page)
    [conversation] = exported(page)
    assert conversation["messages"][1]["thoughtFor"] == 5400


def say_hello(page, site):
    """A short conversation, whose tokens are told."""
    page.goto(site.url + "blank.html")
    change_settings(page, maxTokens=4)
    open_page(page, site)
    ask(page, "Hello.")
    page.wait_for_selector(".context:visible")


def test_the_meter_tells_of_the_conversation_that_is_shown(page, site):
    say_hello(page, site)
    page.evaluate("() => localStorage.setItem('swiftlet-settings', '{\"maxTokens\": 2000}')")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.click("#new-conversation")
    page.fill("#message-input", "Write a very long story about a mountain. " * 20)
    page.press("#message-input", "Enter")
    wait_for(page, "() => /^[23]\\d\\d of/.test(document.querySelector('.context-meter')?.innerText ?? '')")
    page.click(".conversation-title:has-text('Hello.')")
    page.wait_for_selector(".bubble >> text=Hello.")
    # Nothing is counted while a reply is written.
    assert not page.locator(".context").is_visible()
    page.click(".conversation[data-writing] .conversation-title")
    page.wait_for_selector("#stop:visible")
    page.keyboard.press("Escape")
    page.click(".conversation-title:has-text('Hello.')")
    page.wait_for_selector(".bubble >> text=Hello.")
    page.wait_for_selector(".context:visible")
    assert int(page.inner_text(".context-meter").split(" of")[0]) < 100


def test_a_count_that_comes_late_is_not_told_of_another_conversation(page, site):
    page.add_init_script("""
      // Commands to the engine leave late once `delay` is set.
      Object.assign(window, { delay: 0 });
      for (const kind of [Worker, MessagePort]) {
        const send = kind.prototype.postMessage;
        kind.prototype.postMessage = function (...parts) {
          if (window.delay) setTimeout(() => send.apply(this, parts), window.delay);
          else send.apply(this, parts);
        };
      }""")
    say_hello(page, site)
    page.click("#new-conversation")
    page.evaluate("() => (window.delay = 250)")
    page.fill("#message-input", "Write a very long story about a mountain. " * 20)
    # What is counted 400 ms after a change comes back after the other conversation is shown and before that is counted.
    page.evaluate("""() => new Promise((resolve) => setTimeout(() => {
      window.delay = 5000;
      [...document.querySelectorAll('.conversation-title')].find((node) => node.innerText.includes('Hello.')).click();
      resolve();
    }, 750))""")
    page.wait_for_selector(".bubble >> text=Hello.")
    page.wait_for_timeout(1500)
    assert not page.locator(".context").is_visible() or int(page.inner_text(".context-meter").split(" of")[0]) < 100
