"""The system prompt of each conversation, and its presets."""

import json

from steps import READY, ask, change_settings, open_page, wait_for
from test_controls import focused
from test_conversations import exported, short_replies

PIRATE = "You are a pirate who answers in one word."


def watch_requests(page):
    """Keeps the text of every frame that goes to the engine in `window.frames_sent`."""
    page.add_init_script("""
      window.framesSent = [];
      const post = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (message, ...rest) {
        if (message?.frame) framesSent.push(new TextDecoder().decode(message.frame));
        return post.call(this, message, ...rest);
      };""")


def last_prompt(page):
    """The text of the last request for a reply."""
    return page.evaluate("framesSent.filter((text) => text.includes('user')).at(-1)")


def open_prompt(page):
    page.click("#prompt-button")
    page.wait_for_selector("#prompt-dialog[open]")


def set_prompt(page, text):
    open_prompt(page)
    page.fill("#prompt-text", text)
    page.keyboard.press("Escape")
    page.wait_for_selector("#prompt-dialog[open]", state="detached")


def test_each_conversation_has_its_own_system_prompt(page, site):
    watch_requests(page)
    page.goto(site.url + "blank.html")
    change_settings(page, maxTokens=4, systemPrompt="You are the default.")
    open_page(page, site)
    ask(page, "One.")
    assert "You are the default." in last_prompt(page)
    set_prompt(page, PIRATE)
    ask(page, "Two.", 2)
    assert PIRATE in last_prompt(page) and "the default" not in last_prompt(page)
    page.click("#new-conversation")
    ask(page, "Three.")
    assert "You are the default." in last_prompt(page)
    page.click(".conversation-title >> text=One.")
    page.wait_for_selector(".bubble >> text=Two.")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.wait_for_selector(".bubble >> text=Two.")
    open_prompt(page)
    assert page.input_value("#prompt-text") == PIRATE
    # Another default changes no conversation that has begun.
    page.click("text=Begin new conversations with it")
    page.keyboard.press("Escape")
    assert sorted(conversation["systemPrompt"] for conversation in exported(page)) == [PIRATE, "You are the default."]
    page.click("#new-conversation")
    open_prompt(page)
    assert page.input_value("#prompt-text") == PIRATE


def test_a_system_prompt_chosen_before_the_first_message_outlives_a_reload(page, site):
    watch_requests(page)
    short_replies(page, site, 4)
    set_prompt(page, PIRATE)
    assert page.get_attribute("#prompt-button", "aria-label") == "System prompt (set)"
    page.reload()
    page.wait_for_selector(READY, state="attached")
    ask(page, "One.")
    assert PIRATE in last_prompt(page)
    page.click("#new-conversation")
    assert page.get_attribute("#prompt-button", "aria-label") == "System prompt"


def test_presets_are_chosen_saved_renamed_and_deleted(page, site):
    open_page(page, site)
    open_prompt(page)
    page.click(".preset >> text=Patient teacher")
    assert page.input_value("#prompt-text").startswith("You are a patient teacher.")
    assert page.get_attribute(".preset:has-text('Patient teacher')", "aria-pressed") == "true"
    page.fill("#prompt-text", PIRATE)
    page.click("text=Save as a preset")
    page.fill("[aria-label='Name of the preset']", "Pirate")
    page.keyboard.press("Enter")
    page.wait_for_selector(".preset[aria-pressed=true] >> text=Pirate")
    page.fill("#prompt-text", "Something of my own.")
    page.click(".preset >> text=Pirate")
    assert page.input_value("#prompt-text") == PIRATE
    page.click(".toast >> text=Undo")
    assert page.input_value("#prompt-text") == "Something of my own."
    page.click("[aria-label='Rename “Pirate”']")
    page.fill("[aria-label='Name of the preset']", "Captain")
    page.keyboard.press("Escape")
    page.wait_for_selector(".preset >> text=Pirate")
    page.click("[aria-label='Rename “Pirate”']")
    page.fill("[aria-label='Name of the preset']", "Sailor")
    page.keyboard.press("Enter")
    page.wait_for_selector(".preset >> text=Sailor")
    wait_for(page, "document.activeElement.classList.contains('preset')")
    page.click("[aria-label='Delete “Sailor”']")
    page.wait_for_selector(".preset >> text=Sailor", state="detached")
    assert focused(page) == "prompt-text"
    page.locator(".toast:has-text('Sailor') >> text=Undo").click()
    page.wait_for_selector(".preset >> text=Sailor")
    page.reload()
    open_prompt(page)
    page.wait_for_selector(".preset >> text=Sailor")


def test_presets_and_system_prompts_go_along_with_an_export(page, site, launch):
    short_replies(page, site, 4)
    set_prompt(page, PIRATE)
    open_prompt(page)
    page.click("text=Save as a preset")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    ask(page, "One.")
    with page.expect_download() as download:
        page.click("#export")
    text = open(download.value.path()).read()
    assert json.loads(text)["presets"][0]["text"] == PIRATE
    other = launch(profile="other").new_page()
    open_page(other, site)
    file = {"name": "x.json", "mimeType": "application/json", "buffer": text.encode()}
    other.set_input_files("#import-file", file)
    other.wait_for_selector(".toast >> text=One preset came with it")
    other.click(".conversation-title >> text=One.")
    open_prompt(other)
    assert other.input_value("#prompt-text") == PIRATE
    other.wait_for_selector(".preset[aria-pressed=true] >> text=You are a pirate who")
    other.keyboard.press("Escape")
    other.set_input_files("#import-file", file)
    other.wait_for_selector(".toast >> text=here already")
    assert other.locator(".toast:has-text('already') >> text=preset").count() == 0
