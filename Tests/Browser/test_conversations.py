"""What people wrote stays: in two tabs, through deletions, reloads, stops and a change of the conversation."""

import json

from steps import READY, STATISTICS, ask, change_settings, open_page, wait_for

LONG = "Write a very long story about a mountain."
USER = ".message[data-role=user] .bubble"
REPLY = ".message[data-role=assistant]"
LIVE_TEXT = "document.querySelector('[data-live] .prose:not(:has(.thinking))')?.innerText.length > 40"


def exported(page):
    """The conversations as the page exports them."""
    with page.expect_download() as download:
        page.click("#export")
    return json.loads(open(download.value.path()).read())["conversations"]


def words(page):
    """Everything that the user said in any conversation."""
    return sorted(message["content"] for conversation in exported(page) for message in conversation["messages"]
                  if message["role"] == "user")


def write(page, text):
    page.fill("#message-input", text)
    page.press("#message-input", "Enter")


def menu(page, entry, title=None):
    """Chooses an entry of the menu of a conversation: the open one, or the one with this title."""
    item = f".conversation:has-text('{title}')" if title else ".conversation[data-current]"
    page.hover(item)
    page.click(f"{item} .icon-button")
    page.click(f"#conversation-menu >> text={entry}")


def second_tab(context, page, site):
    """Another tab with the conversation that `page` shows."""
    tab = context.new_page()
    open_page(tab, site)
    if not tab.locator(".message").count():
        tab.click(".conversation-title")
    tab.wait_for_selector(".message")
    return tab


def short_replies(page, site, count=8):
    page.goto(site.url + "blank.html")
    change_settings(page, maxTokens=count)
    open_page(page, site)


def long_reply(page, site, prompt=LONG):
    """Begins a reply of many tokens and returns when its first words are there."""
    page.goto(site.url + "blank.html")
    change_settings(page, maxTokens=2000)
    open_page(page, site)
    write(page, prompt)
    wait_for(page, LIVE_TEXT)


# Two tabs


def test_two_tabs_keep_each_others_messages(context, page, site):
    short_replies(page, site)
    ask(page, "One.")
    other = second_tab(context, page, site)
    ask(page, "Two.", 2)
    ask(other, "Three.", 3)
    # What is sent before it is seen here would be another version of it.
    page.wait_for_selector(f"{USER} >> text=Three.", state="attached")
    ask(page, "Four.", 4)
    page.reload()
    page.wait_for_selector(READY, state="attached")
    assert words(page) == ["Four.", "One.", "Three.", "Two."]


def test_messages_sent_at_the_same_moment_are_all_kept(context, page, site):
    short_replies(page, site)
    ask(page, "One.")
    other = second_tab(context, page, site)
    page.fill("#message-input", "Left.")
    other.fill("#message-input", "Right.")
    for tab in [page, other]:
        tab.evaluate("document.querySelector('#composer').requestSubmit()")
    for tab in [page, other]:
        tab.wait_for_selector("#stop", state="hidden")
    assert words(page) == ["Left.", "One.", "Right."]


def test_a_tab_shows_what_is_written_in_another(context, page, site):
    short_replies(page, site)
    ask(page, "One.")
    other = second_tab(context, page, site)
    # A tab in the background draws nothing, and what is not drawn has no text to read.
    page.bring_to_front()
    reply = ask(page, "Two.", 2)
    other.bring_to_front()
    other.wait_for_selector(f"{USER} >> text=Two.")
    wait_for(other, "(text) => [...document.querySelectorAll('.prose')].at(-1).innerText === text", reply)


def test_a_rename_in_one_tab_outlives_a_message_in_the_other(context, page, site):
    short_replies(page, site)
    ask(page, "One.")
    other = second_tab(context, page, site)
    menu(page, "Rename")
    page.fill("input.conversation-title", "Colours")
    page.press("input.conversation-title", "Enter")
    page.wait_for_selector(".conversation-title >> text=Colours")
    ask(other, "Two.", 2)
    assert [conversation["title"] for conversation in exported(other)] == ["Colours"]


def test_a_conversation_deleted_in_one_tab_stays_deleted_in_the_other(context, page, site):
    short_replies(page, site)
    ask(page, "One.")
    other = second_tab(context, page, site)
    other.fill("#message-input", "Half a thought")
    menu(page, "Delete")
    page.wait_for_selector(".conversation-list-empty")
    other.wait_for_selector(".message", state="detached")
    assert other.input_value("#message-input") == "Half a thought"
    ask(other, "Two.")
    assert words(page) == ["Two."]


# Deleting


def test_a_conversation_deleted_while_its_reply_is_written_does_not_come_back(page, site):
    long_reply(page, site)
    menu(page, "Delete")
    page.wait_for_selector(".conversation-list-empty")
    # The engine writes one reply after the other: when this one begins, the deleted one has ended and was saved.
    write(page, "Next.")
    wait_for(page, f"{LIVE_TEXT} || document.querySelector('.message-statistics')")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.wait_for_selector(".conversation")
    assert words(page) == ["Next."]


def test_undoing_a_deletion_brings_every_word_back(page, site):
    long_reply(page, site)
    menu(page, "Delete")
    page.wait_for_selector(".conversation-list-empty")
    page.click("text=Undo")
    page.wait_for_selector(f"{USER} >> text={LONG}")
    [conversation] = exported(page)
    assert [message["role"] for message in conversation["messages"]] == ["user", "assistant"]
    assert len(conversation["messages"][1]["content"]) > 40


# Replies that were stopped or cut off


def test_stopping_while_the_prompt_is_read_leaves_a_way_on(page, site):
    short_replies(page, site)
    write(page, "Summarize. " + "Many words about mountains and rivers. " * 300)
    page.wait_for_selector(".thinking >> text=/Reading \\d+ %/")
    page.press("#message-input", "Escape")
    page.wait_for_selector(f"{REPLY}:not([data-live]) >> text=Stopped")
    page.click("text=Write the reply")
    page.wait_for_selector("#stop:not([hidden])")
    page.wait_for_selector(STATISTICS, timeout=120_000)
    assert page.locator(".message").count() == 2


def test_a_reload_opens_where_one_was(page, site):
    short_replies(page, site)
    ask(page, "One.")
    page.click("#new-conversation")
    ask(page, "Two.")
    page.click(".conversation-title >> text=One.")
    page.wait_for_selector(f"{USER} >> text=One.")
    page.reload()
    page.wait_for_selector(f"{USER} >> text=One.")
    assert page.inner_text(".conversation[data-current]") == "One."


def test_a_message_that_is_being_written_outlives_a_reload(page, site):
    open_page(page, site)
    page.focus("#message-input")
    page.keyboard.type("Half a thought")
    page.reload()
    assert page.input_value("#message-input") == "Half a thought"


def test_a_reload_in_the_moment_of_sending_loses_nothing(page, site):
    short_replies(page, site)
    page.fill("#message-input", "Say hello.")
    page.evaluate("() => { document.querySelector('#composer').requestSubmit(); location.reload(); }")
    page.wait_for_selector(f"{USER} >> text=Say hello.")
    assert words(page) == ["Say hello."]


def test_a_reload_right_after_sending_offers_the_reply(page, site):
    short_replies(page, site)
    write(page, "Say hello. " + "Many words about mountains and rivers. " * 200)
    page.wait_for_selector(f"{REPLY}[data-live]")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.wait_for_selector(USER)
    assert page.locator("text=nothing to say").count() == 0
    page.click("text=Write the reply")
    page.wait_for_selector(STATISTICS, timeout=120_000)


def test_a_reply_cut_off_by_a_reload_says_so_and_is_continued(page, site):
    long_reply(page, site)
    wait_for(page, "document.querySelector('[data-live] .prose').innerText.length > 300", seconds=120)
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.wait_for_selector(f"{REPLY} >> text=Cut off")
    before = page.inner_text(f"{REPLY} .prose")
    assert len(before) > 300
    page.click("text=Continue")
    wait_for(page, "(before) => document.querySelector('[data-live] .prose')?.innerText.length > before + 40",
             len(before), 120)
    page.press("#message-input", "Escape")
    page.wait_for_selector(f"{REPLY} >> text=Stopped")
    assert page.inner_text(f"{REPLY} .prose").startswith(before[:150])


def test_a_reply_goes_on_while_another_conversation_is_looked_at(page, site):
    short_replies(page, site)
    ask(page, "One.")
    change_settings(page, maxTokens=120)
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.click("#new-conversation")
    write(page, LONG)
    wait_for(page, LIVE_TEXT)
    page.click(".conversation-title >> text=One.")
    page.wait_for_selector(f"{USER} >> text=One.")
    assert page.is_visible("#send") and page.is_hidden("#stop")
    page.wait_for_selector(".conversation[data-writing]")
    page.wait_for_selector(".conversation[data-writing]", state="detached", timeout=120_000)
    page.click(".conversation-title >> text=Write a very long")
    page.wait_for_selector(f"{REPLY} .message-statistics")
    [reply] = [message for conversation in exported(page) if conversation["title"].startswith("Write a very")
               for message in conversation["messages"] if message["role"] == "assistant"]
    assert reply["statistics"]["tokens"] > 60 and reply.get("ending") != "aborted"


def test_two_conversations_wait_for_each_other_and_say_so(page, site):
    long_reply(page, site)
    page.click("#new-conversation")
    write(page, "Say hello.")
    page.wait_for_selector(".thinking >> text=Waiting for the reply in another conversation")
    page.click(".conversation-title >> text=Write a very long")
    page.click("#stop")
    page.wait_for_selector(f"{REPLY} >> text=Stopped")
    page.click(".conversation-title >> text=Say hello")
    wait_for(page, "document.querySelector('[data-role=assistant] .prose:not(:has(.thinking))')?.innerText.length > 10")


# Versions


def test_another_reply_is_a_version_beside_the_first(page, site):
    short_replies(page, site)
    first = ask(page, "Tell me something.")
    page.click("[aria-label='Write another reply']")
    page.wait_for_selector(".versions >> text=2/2")
    page.wait_for_selector(STATISTICS)
    second = page.inner_text(f"{REPLY} .prose")
    page.click("[aria-label='Previous version']")
    page.wait_for_selector(".versions >> text=1/2")
    assert page.inner_text(f"{REPLY} .prose") == first
    page.reload()
    page.wait_for_selector(".versions >> text=1/2")
    page.click("[aria-label='Next version']")
    page.wait_for_selector(".versions >> text=2/2")
    assert page.inner_text(f"{REPLY} .prose") == second


def test_an_edited_message_keeps_what_followed_the_first(page, site):
    short_replies(page, site)
    ask(page, "One.")
    ask(page, "Two.", 2)
    page.locator(".message[data-role=user]").first.hover()
    page.locator("[aria-label='Edit and send again']").first.click()
    page.fill(".editor textarea", "Uno.")
    page.press(".editor textarea", "Enter")
    page.wait_for_selector(STATISTICS)
    wait_for(page, "document.querySelectorAll('.message').length === 2")
    page.locator(".message[data-role=user]").first.hover()
    page.click("[aria-label='Previous version']")
    wait_for(page, "document.querySelectorAll('.message').length === 4")
    assert page.locator(USER).all_inner_texts() == ["One.", "Two."]


def test_a_single_message_is_deleted_and_brought_back(page, site):
    short_replies(page, site)
    ask(page, "One.")
    ask(page, "Two.", 2)
    page.locator(f"{REPLY} [aria-label='Delete this message']").first.click()
    wait_for(page, "document.querySelectorAll('.message').length === 3")
    page.click(".toast >> text=Undo")
    wait_for(page, "document.querySelectorAll('.message').length === 4")
    page.locator(f"{REPLY} [aria-label='Delete this message']").first.click()
    wait_for(page, "document.querySelectorAll('.message').length === 3")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    wait_for(page, "document.querySelectorAll('.message').length === 3")
    assert words(page) == ["One.", "Two."]
    ask(page, "Three.", 2)


def test_each_conversation_has_an_address(page, site):
    short_replies(page, site)
    ask(page, "One.")
    address = page.url
    page.click("#new-conversation")
    assert page.url == site.url
    ask(page, "Two.")
    assert page.url != address
    page.go_back()
    page.wait_for_selector(f"{USER} >> text=One.")
    assert page.url == address
    page.goto(site.url + "#/nothing-here")
    page.wait_for_selector(".toast >> text=no longer here")
    assert page.locator(".message").count() == 0


def test_search_finds_words_in_every_conversation(page, site):
    short_replies(page, site)
    ask(page, "Tell me about herons.")
    page.click("#new-conversation")
    ask(page, "Tell me about otters.")
    page.fill("#search", "about HERON")
    wait_for(page, "document.querySelectorAll('.conversation').length === 1")
    page.click(".conversation-title >> text=herons")
    page.wait_for_selector(f"{USER} >> text=herons")
    page.fill("#search", "giraffe")
    page.wait_for_selector("text=No conversation has these words")
    page.press("#search", "Escape")
    wait_for(page, "document.querySelectorAll('.conversation').length === 2")


def test_a_reply_that_another_tab_has_only_begun_is_not_called_cut_off(context, page, site):
    long_reply(page, site)
    other = second_tab(context, page, site)
    write(other, "And then?")
    page.wait_for_selector(f"{USER} >> text=And then?")
    page.wait_for_selector(f"{REPLY} >> nth=1 >> text=Being written in another tab")
    assert "Cut off" not in page.locator(REPLY).nth(1).inner_text()
