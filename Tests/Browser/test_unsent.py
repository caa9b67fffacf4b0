"""Words that were typed and not sent, and what is undone late: they are where they belong."""

from steps import READY, ask, change_settings, open_page, wait_for
from test_conversations import menu

EDITOR = ".editor textarea"
REPLY = ".message[data-role=assistant]"


def short(page, site):
    page.goto(site.url + "blank.html")
    change_settings(page, maxTokens=8)
    open_page(page, site)


def begin_edit(page, text):
    page.hover(".message[data-role=user]")
    page.click("[aria-label='Edit and send again']")
    page.fill(EDITOR, text)


def open_conversation(page, title):
    page.click(f".conversation-title:has-text('{title}')")
    page.wait_for_selector(f".conversation[data-current]:has-text('{title}')")
    page.wait_for_selector(".message")


def test_a_message_that_is_being_edited_outlives_another_conversation_and_a_reload(page, site):
    short(page, site)
    ask(page, "First question")
    begin_edit(page, "First question, said better")
    page.click("#new-conversation")
    page.wait_for_selector(".message", state="detached")
    open_conversation(page, "First question")
    assert page.input_value(EDITOR) == "First question, said better"
    page.reload()
    page.wait_for_selector(EDITOR)
    assert page.input_value(EDITOR) == "First question, said better"
    page.press(EDITOR, "Enter")
    page.wait_for_selector(".versions >> text=2/2")
    page.reload()
    page.wait_for_selector(".bubble >> text=said better")
    assert page.locator(EDITOR).count() == 0


def test_an_edit_that_is_given_up_can_be_taken_back(page, site):
    short(page, site)
    ask(page, "First question")
    begin_edit(page, "Half an hour of work")
    page.press(EDITOR, "Escape")
    page.click(".toast >> text=Undo")
    assert page.input_value(EDITOR) == "Half an hour of work"
    page.fill(EDITOR, "First question")
    page.press(EDITOR, "Escape")
    # Nothing was changed.
    page.wait_for_selector(EDITOR, state="detached")
    assert page.locator(".toast").count() == 0


def test_a_deleted_message_is_brought_back_where_it_was(page, site):
    short(page, site)
    ask(page, "First question")
    page.hover(REPLY)
    page.click(f"{REPLY} [aria-label='Delete this message']")
    page.wait_for_selector(REPLY, state="detached")
    page.click("#new-conversation")
    page.click(".toast >> text=Undo")
    page.wait_for_selector(".toast", state="detached")
    open_conversation(page, "First question")
    page.wait_for_selector(REPLY)
    assert page.locator(".conversation").count() == 1


def test_a_message_is_brought_back_into_a_conversation_that_was_opened_again(page, site):
    short(page, site)
    ask(page, "First question")
    page.hover(REPLY)
    page.click(f"{REPLY} [aria-label='Delete this message']")
    page.click("#new-conversation")
    page.wait_for_selector(".message", state="detached")
    open_conversation(page, "First question")
    page.click(".toast >> text=Undo")
    page.wait_for_selector(REPLY)


def test_a_system_prompt_is_brought_back_where_it_was(page, site):
    short(page, site)
    ask(page, "First question")
    page.click("#prompt-button")
    page.fill("#prompt-text", "Words of my own")
    page.click(".preset >> text=Brief")
    page.keyboard.press("Escape")
    page.click("#new-conversation")
    page.wait_for_selector(".message", state="detached")
    page.click(".toast >> text=Undo")
    page.wait_for_selector(".toast", state="detached")
    wait_for(page, "() => !document.querySelector('#prompt-button').hasAttribute('data-set')")
    open_conversation(page, "First question")
    page.click("#prompt-button")
    page.wait_for_selector("#prompt-dialog[open]")
    assert page.input_value("#prompt-text") == "Words of my own"


def test_what_a_closed_tab_has_left_unsent_is_in_the_next_one(context, page, site):
    short(page, site)
    page.fill("#message-input", "One thought")
    other = context.new_page()
    open_page(other, site)
    assert other.input_value("#message-input") == ""
    other.fill("#message-input", "Another thought")
    other.reload()
    wait_for(other, "() => document.querySelector('#message-input').value === 'Another thought'")
    for tab in [page, other]:
        tab.close()
    # Each once, and none twice.
    found = []
    for _ in range(3):
        tab = context.new_page()
        open_page(tab, site)
        found.append(tab.input_value("#message-input"))
    assert found == ["Another thought", "One thought", ""]


def test_a_conversation_that_is_deleted_in_another_tab_says_so(context, page, site):
    short(page, site)
    ask(page, "First question")
    other = context.new_page()
    open_page(other, site)
    other.wait_for_selector(".message")
    page.hover(".conversation")
    page.click(".conversation .icon-button")
    page.click("#conversation-menu >> text=Delete")
    other.click(".toast:has-text('deleted in another tab') >> text=Undo")
    other.wait_for_selector(".bubble >> text=First question")


def test_a_suggestion_that_takes_the_place_of_a_draft_can_be_undone(page, site):
    open_page(page, site)
    page.fill("#message-input", "My own words")
    page.locator(".suggestions button").first.click()
    assert page.input_value("#message-input").startswith("Write a short poem")
    page.click(".toast >> text=Undo", timeout=10_000)
    assert page.input_value("#message-input") == "My own words"
    assert page.locator(".toast").count() == 0


def test_a_name_that_is_being_typed_outlives_a_reload(page, site):
    short(page, site)
    for text in ["First question", "Second question"]:
        ask(page, text)
        page.click("#new-conversation")
    open_conversation(page, "Second question")
    name = "input.conversation-title"
    for before, after in [("Second question", "Shown"), ("First question", "Not shown")]:
        menu(page, "Rename", before)
        page.fill(name, after)
        page.evaluate("location.reload()")
        page.wait_for_selector(f"button.conversation-title >> text=/^{after}$/")
    page.wait_for_selector("button.conversation-title >> text=/^Shown$/")
    assert page.locator(".conversation").count() == 2 and page.locator(name).count() == 0


def test_words_too_large_to_be_kept_say_so_and_leave_no_older_ones_behind(page, site):
    open_page(page, site)
    put = """(length) => {
      const input = document.querySelector('#message-input');
      input.value = 'x'.repeat(length);
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }"""
    page.evaluate(put, 3_000_000)
    assert not page.locator(".toast").count()
    page.evaluate(put, 6_000_000)
    page.wait_for_selector(".toast >> text=too large to be kept")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    assert page.input_value("#message-input") in ["", "x" * 6_000_000]
