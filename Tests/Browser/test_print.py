"""A conversation as Markdown and on paper."""

import re

from steps import open_page, wait_for
from test_conversations import menu
from test_page import alternating, import_conversation
from test_replies import REPLY, finished

LONG_LINE = "let heron = " + " + ".join(f"word{index}" for index in range(40))
CODE = f"Here it is:\n\n```swift\n{LONG_LINE}\n```\n\nThat was it."


def stored(page, site, *replies):
    open_page(page, site)
    messages = [{"role": role, "content": text, "createdAt": index} for index, (role, text) in enumerate(
        pair for reply in replies for pair in [("user", "Tell me."), ("assistant", reply)])]
    import_conversation(page, messages)
    page.wait_for_selector(".message")


def pdf_text(page, tmp_path):
    """The text of the page as it is printed, and how many pages it takes."""
    import pypdf
    path = tmp_path / "page.pdf"
    page.pdf(path=str(path), prefer_css_page_size=True)
    reader = pypdf.PdfReader(str(path))
    return "\n".join(part.extract_text() for part in reader.pages), len(reader.pages)


def saved(page, entry):
    with page.expect_download() as download:
        menu(page, entry)
    assert download.value.suggested_filename == "A long one.md"
    return open(download.value.path()).read()


def test_a_conversation_is_saved_as_markdown_with_and_without_its_reasoning(page, site):
    stored(page, site, REPLY, CODE)
    text = saved(page, "Save as Markdown")
    assert text.startswith("# A long one\n\n## You\n\nTell me.\n\n## Reply\n\n<details>\n<summary>Reasoning</summary>\n\nThe user")
    assert CODE in text and "\\[\nx = \\frac" in text
    plain = saved(page, "Save as Markdown, no reasoning")
    assert "The user wants" not in plain and "# A formula" in plain


def test_the_menu_of_a_conversation_is_used_by_keyboard(page, site):
    stored(page, site, CODE)
    page.focus(".conversation .icon-button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#conversation-menu:popover-open")
    assert page.locator("#conversation-menu >> text=no reasoning").count() == 0
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.innerText") == "Delete"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText") == "Rename"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.ariaLabel") == "More about “A long one”"


def test_the_menu_prints_the_whole_conversation(page, site):
    open_page(page, site)
    page.evaluate("window.print = () => { window.printed = document.querySelectorAll('.thread > .message').length; }")
    import_conversation(page, alternating(60, lambda index: f"Number {index}. " + "some words " * 100))
    page.click("#new-conversation")
    menu(page, "Print…", "A long one")
    wait_for(page, "window.printed === 60")


def test_a_printed_conversation_has_all_words_and_no_controls(page, site, tmp_path):
    stored(page, site, REPLY, CODE)
    finished(page)
    text, count = pdf_text(page, tmp_path)
    squeezed = re.sub(r"\s+", "", text)
    assert squeezed.startswith("Alongone")
    assert re.sub(r"\s+", "", LONG_LINE) in squeezed, "code is cut off"
    for chrome in ["New conversation", "Export all", "Write a message", "Copy", "Runs in this tab"]:
        assert re.sub(r"\s+", "", chrome) not in squeezed, chrome
    # What is folded prints as its name, what is open prints whole.
    assert "Thewantseverything" not in squeezed and "(folded)" in text
    page.click(".reasoning summary")
    page.wait_for_selector(".reasoning .prose >> text=The user wants")
    assert "Theuserwantseverything" in re.sub(r"\s+", "", pdf_text(page, tmp_path)[0])
    assert page.title() == "Swiftlet" and count <= 3


def test_a_long_conversation_prints_from_the_first_word_to_the_last(page, site, tmp_path):
    open_page(page, site)
    import_conversation(page, alternating(60, lambda index: f"Number {index}. " + "some words " * 100))
    wait_for(page, "document.querySelectorAll('.message').length === 60")
    text, count = pdf_text(page, tmp_path)
    assert all(f"Number {index}." in text for index in range(60)) and count > 5
