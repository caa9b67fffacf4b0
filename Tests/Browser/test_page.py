"""The chat page in use."""

import contextlib
import json

import pytest

from conftest import SITE
from steps import READY, ask, assert_quick, change_settings, open_page, wait_for

LONG_TASK = 50


def stored_conversation(messages):
    """An export with one conversation of alternating messages."""
    conversation = {"title": "A long one", "createdAt": 1, "updatedAt": 2, "firstSeen": 0, "messages": messages}
    return json.dumps({"format": "swiftlet-conversations", "version": 1, "conversations": [conversation]})


def alternating(count, text):
    return [{"role": "user" if index % 2 == 0 else "assistant", "content": text(index), "createdAt": index}
            for index in range(count)]


def import_conversation(page, messages):
    page.set_input_files("#import-file", {
        "name": "chat.json", "mimeType": "application/json", "buffer": stored_conversation(messages).encode()})
    page.click(".conversation-title >> text=A long one")


@contextlib.contextmanager
def no_long_task(page):
    """Fails where a task of the page's main thread computes for more than `LONG_TASK`.

    The time that the thread itself ran is counted: on two cores that compute a reply, it also waits for others.
    """
    page.context.browser.start_tracing(page=page, categories=["toplevel"])
    try:
        yield
    finally:
        events = json.loads(page.context.browser.stop_tracing())["traceEvents"]
    threads = {(event["pid"], event["tid"]) for event in events
               if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"}
    times = [event["tdur"] / 1000 for event in events
             if (event["pid"], event["tid"]) in threads and event["name"].endswith("RunTask") and "tdur" in event]
    assert len(times) > 100
    assert_quick(max(times) < LONG_TASK, f"milliseconds of the longest tasks: {sorted(times)[-5:]}")


def test_a_reply_can_be_stopped(page, site):
    page.goto(site.url + "blank.html")
    change_settings(page, maxTokens=1024)
    open_page(page, site)
    page.fill("#message-input", "Write a very long story about a mountain.")
    page.press("#message-input", "Enter")
    wait_for(page, "document.querySelector('[data-live] .prose')?.innerText.length > 60")
    page.press("#message-input", "Escape")
    page.wait_for_selector(".message-statistics >> text=Stopped")
    assert page.is_visible("#send") and page.is_hidden("#stop")


def test_regenerate_edit_and_send_again(page, site):
    open_page(page, site)
    ask(page, "Say one word.")
    page.click("[aria-label='Write another reply']")
    page.wait_for_selector(".message-footer >> text=2/2")
    page.wait_for_selector(".message-statistics")
    assert page.locator(".message").count() == 2
    page.locator(".message[data-role=user]").hover()
    page.click("[aria-label='Edit and send again']")
    page.fill(".editor textarea", "Say two words.")
    page.press(".editor textarea", "Enter")
    page.wait_for_selector(".message-statistics")
    assert page.locator(".message").count() == 2
    assert page.inner_text(".message[data-role=user] .bubble") == "Say two words."


@pytest.mark.alone
def test_no_long_task_while_a_long_reply_is_written(page, site):
    open_page(page, site)
    ask(page, "Hi.")
    change_settings(page, maxTokens=1024)
    page.reload()
    page.wait_for_selector(READY, state="attached")
    with no_long_task(page):
        delays = typed_while_a_reply_is_written(page)
    assert_quick(sorted(delays)[len(delays) // 2] < LONG_TASK, delays)


def typed_while_a_reply_is_written(page):
    """Milliseconds until each letter of some typing was shown."""
    page.fill("#message-input", "Write a long story about a mountain, with a list, a table and code.")
    page.press("#message-input", "Enter")
    page.wait_for_selector("[data-live] .prose")
    delays = []
    for letter in "typing while it writes":
        delays.append(page.evaluate("""(letter) => new Promise((resolve) => {
          const start = performance.now();
          document.querySelector('#message-input').value += letter;
          requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
        })""", letter))
    page.wait_for_timeout(3000)
    page.press("#message-input", "Escape")
    page.wait_for_selector(".message-statistics")
    return delays


@pytest.mark.alone
def test_a_hundred_messages(page, site):
    open_page(page, site)
    text = "Some **words** about number {}.\n\n- one\n- two\n\n```js\nlet a = {};\n```"
    with no_long_task(page):
        import_conversation(page, alternating(100, lambda index: text.format(index, index)))
        wait_for(page, "document.querySelectorAll('.message').length === 100")
    assert "number 99" in page.locator(".message").last.text_content()
    assert "number 0" in page.locator(".message").first.text_content()
    assert page.evaluate("""() => {
      const stage = document.querySelector('#stage');
      return stage.scrollHeight - stage.scrollTop - stage.clientHeight;
    }""") < 100
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.click(".conversation-title >> text=A long one")
    wait_for(page, "document.querySelectorAll('.message').length === 100")


def test_a_conversation_over_the_context_is_told_kindly(page, site):
    page.goto(site.url + "blank.html")
    change_settings(page, contextLength=1024, maxTokens=64)
    open_page(page, site)
    import_conversation(page, alternating(20, lambda index: "many words " * 60))
    page.fill("#message-input", "And now?")
    page.press("#message-input", "Enter")
    page.wait_for_selector(".notice")
    notice = page.inner_text(".notice")
    assert "grown too long" in notice and "1,024" in notice
    # One press is enough, and all stays there to read.
    page.click("button >> text=Go on without the oldest")
    page.wait_for_selector(".message-statistics")
    assert page.is_visible("text=The model no longer sees what is above")
    assert page.locator(".message").count() == 22


def test_conversations_are_kept_renamed_exported_and_deleted(page, site):
    open_page(page, site)
    ask(page, "Remember the word blue.")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.click(".conversation-title")
    assert page.text_content(".message[data-role=user] .bubble") == "Remember the word blue."

    page.click(".conversation .icon-button")
    page.click("#conversation-menu >> text=Rename")
    page.fill("input.conversation-title", "Colours")
    page.press("input.conversation-title", "Enter")
    page.wait_for_selector(".conversation-title >> text=Colours")

    with page.expect_download() as download:
        page.click("#export")
    exported = json.loads(open(download.value.path()).read())
    assert exported["conversations"][0]["title"] == "Colours"
    assert [message["role"] for message in exported["conversations"][0]["messages"]] == ["user", "assistant"]

    page.click(".conversation .icon-button")
    page.click("#conversation-menu >> text=Delete")
    page.wait_for_selector(".conversation-list-empty")
    page.click("text=Undo")
    page.wait_for_selector(".conversation-title >> text=Colours")


def test_an_import_that_is_none_says_so(page, site):
    page.goto(site.url)
    page.set_input_files("#import-file", {"name": "x.json", "mimeType": "application/json", "buffer": b"{}"})
    page.wait_for_selector("text=does not hold exported Swiftlet conversations")


def test_the_selector_tells_sizes_and_what_is_here(page, site):
    open_page(page, site)
    page.click("#model-button")
    quick = page.inner_text("[data-model=smollm2-135m-instruct]")
    assert "98.4" in quick and "of memory" in quick and "In use" in quick
    page.click("[data-model=smollm2-135m-instruct] >> text=Delete")
    page.click("text=Delete for good")
    page.wait_for_selector("text=was deleted from this device")
    assert page.locator("[data-model=smollm2-135m-instruct] >> text=Delete").count() == 0


def test_settings_reach_the_engine_and_stay(page, site):
    open_page(page, site)
    page.click("#settings-button")
    page.fill("[name=systemPrompt]", "You are a pirate.")
    page.select_option("[name=contextLength]", "2048")
    page.select_option("[name=theme]", "dark")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.click("#apply-engine")
    wait_for(page, "!document.querySelector('#settings-dialog').open")
    page.wait_for_selector(READY, state="attached")
    page.click("#settings-button")
    assert page.is_hidden("#apply-engine")
    assert page.input_value("[name=systemPrompt]") == "You are a pirate."
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"


def test_everything_is_reached_by_keyboard(page, site):
    open_page(page, site)
    assert page.evaluate("document.activeElement.id") == "message-input"
    page.keyboard.type("Say hello.")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Please.")
    page.keyboard.press("Enter")
    page.wait_for_selector(".message-statistics")
    assert page.inner_text(".bubble") == "Say hello.\nPlease."
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Edit the message"
    page.keyboard.press("Escape")
    page.focus("#message-input")
    page.keyboard.press("Alt+KeyM")
    page.wait_for_selector("#model-dialog[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+KeyN")
    page.wait_for_selector("#welcome:not([hidden])")
    page.keyboard.press("Alt+KeyB")
    assert page.get_attribute("#app", "data-sidebar") == "closed"


def test_every_control_has_a_name(page, site):
    open_page(page, site)
    ask(page, "Hi.")
    unnamed = page.evaluate("""() => [...document.querySelectorAll('button, input, textarea, select, a')]
      .filter((node) => !node.hidden && !node.getAttribute('aria-label') && !node.title)
      .filter((node) => !node.textContent.trim() && !node.labels?.length)
      .map((node) => node.outerHTML.slice(0, 120))""")
    assert unnamed == []
    assert page.evaluate("document.querySelector('#announcer').textContent.length > 0")


def test_a_phone_shows_everything_without_scrolling_sideways(launch, site):
    context = launch(viewport={"width": 360, "height": 720}, has_touch=True)
    page = context.new_page()
    open_page(page, site)
    ask(page, "Write one line of code.")
    opened = {"#model-button": "#model-dialog[open]", "#settings-button": "#settings-dialog[open]",
              "#sidebar-open": "#app[data-sidebar=open]"}
    for button, what in opened.items():
        page.click(button)
        page.wait_for_selector(what)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.keyboard.press("Escape")
        page.wait_for_selector(what, state="detached")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_text_of_the_model_never_becomes_markup(page, site):
    open_page(page, site)
    evil = "<img src=x onerror=window.hacked=1> [x](javascript:window.hacked=1) <script>window.hacked=1</script>"
    import_conversation(page, alternating(2, lambda index: evil))
    page.wait_for_selector(".message[data-role=assistant] .prose")
    assert page.locator(".prose img, .prose script, .prose a").count() == 0
    assert page.evaluate("window.hacked") is None


def test_the_site_is_complete(quick_model):
    for name in ["index.html", "example.html", "worker.js", "inference-manager.js", "inference-manager.d.ts",
                 "model-store.js", "swiftlet.wasm", "swiftlet-threads.wasm", "manifest.webmanifest",
                 "service-worker.js"]:
        assert (SITE / name).is_file(), name


def test_without_javascript_the_page_says_what_it_needs(launch, site):
    page = launch(java_script_enabled=False).new_page()
    page.goto(site.url)
    assert "Please turn JavaScript on" in page.inner_text(".unsupported")
    # Nothing else is to be pressed.
    assert page.locator(".unsupported").bounding_box() == {"x": 0, "y": 0, "width": 1100, "height": 760}
    assert page.evaluate("document.elementFromPoint(60, 80).className") == "unsupported"


def test_with_forced_colours_lines_show_what_backgrounds_did(page, site):
    page.emulate_media(forced_colors="active")
    open_page(page, site)
    ask(page, "Say hello.")
    page.wait_for_selector(".context:not([hidden])")
    page.click("#prompt-button")
    page.wait_for_selector("#prompt-dialog[open]")
    for part in [".message[data-role=user] .bubble", ".conversation[data-current]", ".context-bar"]:
        assert page.locator(part).evaluate("(node) => getComputedStyle(node).outlineStyle") == "solid", part
    colour = "(node) => getComputedStyle(node).borderLeftColor"
    chosen = page.locator(".preset[aria-pressed=true]").first.evaluate(colour)
    assert chosen != page.locator(".preset[aria-pressed=false]").first.evaluate(colour)
