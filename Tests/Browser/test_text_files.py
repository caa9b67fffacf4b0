"""Text files as parts of a message."""

import json

from steps import READY, ask, open_page, wait_for
from test_controls import focused
from test_conversations import exported, short_replies
from test_system_prompts import last_prompt, watch_requests

NOTES = {"name": "notes.md", "mimeType": "text/markdown",
         "buffer": b"# Herons\n\n```swift\nlet heron = 1\n```\n\nThey <wade> & wait.\n"}
TABLE = {"name": "birds.csv", "mimeType": "text/csv", "buffer": "name,size\r\nStörche,110\r\n".encode()}
BINARY = {"name": "photo.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe"}
CHIP = "#attachments .chip"


def pick(page, *files):
    page.set_input_files("#attach-file", list(files))


def drop(page, *files):
    """Drops files on the page, or pastes them into the message."""
    transfer(page, "drop", "body", files)


def transfer(page, kind, target, files):
    page.evaluate("""([kind, target, files]) => {
      const data = new DataTransfer();
      for (const { name, text } of files) data.items.add(new File([text], name));
      const event = kind === 'paste'
        ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
      document.querySelector(target).dispatchEvent(event);
    }""", [kind, target, [{"name": file["name"], "text": file["buffer"].decode()} for file in files]])


def test_files_are_counted_sent_and_shown_folded(page, site):
    watch_requests(page)
    short_replies(page, site, 4)
    pick(page, NOTES, TABLE)
    page.wait_for_selector(f"{CHIP} >> text=/notes.md\\s*\\d+ tokens/")
    page.wait_for_selector(f"{CHIP} >> text=/birds.csv\\s*\\d+ tokens/")
    assert focused(page) == "message-input"
    ask(page, "What do they say?")
    assert page.locator(CHIP).count() == 0
    sent = last_prompt(page)
    # The fence is longer than the one in the file.
    assert "File “notes.md”:\n\n````md\n# Herons\n\n```swift\nlet heron = 1\n```\n\nThey <wade> & wait.\n````" in sent
    assert "File “birds.csv”:\n\n```csv\nname,size\nStörche,110\n```\n\nWhat do they say?" in sent
    assert page.locator(".bubble .file summary").all_inner_texts() == ["notes.md", "birds.csv"]
    assert page.is_hidden(".bubble pre")
    page.click(".bubble summary >> text=notes.md")
    page.wait_for_selector(".bubble pre >> text=They <wade> & wait.")
    [message] = [message for message in exported(page)[0]["messages"] if message["role"] == "user"]
    assert [file["name"] for file in message["files"]] == ["notes.md", "birds.csv"]
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.wait_for_selector(".bubble summary >> text=birds.csv")
    ask(page, "And now?", 2)
    assert "Störche,110" in last_prompt(page)


def test_files_are_dropped_and_pasted_and_removed(page, site):
    short_replies(page, site, 4)
    drop(page, NOTES)
    page.wait_for_selector(f"{CHIP} >> text=notes.md")
    transfer(page, "paste", "#message-input", [TABLE])
    page.wait_for_selector(f"{CHIP} >> text=birds.csv")
    drop(page, NOTES)
    page.click("[aria-label='Remove notes.md']")
    wait_for(page, "document.querySelectorAll('#attachments .chip').length === 1")
    assert focused(page) == "Remove birds.csv"
    page.keyboard.press("Enter")
    wait_for(page, "document.querySelector('#attachments').hidden")
    assert focused(page) == "message-input"
    assert page.is_disabled("#send")


def test_a_message_may_be_files_alone_and_drafts_survive_a_reload(page, site):
    watch_requests(page)
    short_replies(page, site, 4)
    pick(page, NOTES)
    page.wait_for_selector(CHIP)
    page.reload()
    page.wait_for_selector(f"{CHIP} >> text=/\\d+ tokens/")
    page.wait_for_selector(READY, state="attached")
    page.click("#send")
    page.wait_for_selector(".message-statistics")
    assert "They <wade>" in last_prompt(page)
    assert page.inner_text(".conversation-title") == "notes.md"
    page.reload()
    page.wait_for_selector(".bubble summary")
    assert page.locator(CHIP).count() == 0


def test_what_is_no_text_or_too_large_is_refused(page, site):
    open_page(page, site)
    pick(page, BINARY, {"name": "x.log", "mimeType": "", "buffer": b"a" * 1_000_001},
         {"name": "empty.txt", "mimeType": "", "buffer": b""}, TABLE)
    page.wait_for_selector(f"{CHIP} >> text=birds.csv")
    assert page.locator(CHIP).count() == 1
    told = page.inner_text(".toast")
    assert "“photo.png” is not a text file." in told
    assert "“x.log” has a little more than 1.00 MB" in told and "“empty.txt” is empty." in told


def test_a_hostile_file_does_not_hold_the_page_up(page, site):
    short_replies(page, site, 4)
    pick(page, {"name": "ticks.txt", "mimeType": "", "buffer": b"`" * 1_000_000})
    page.wait_for_selector(f"{CHIP} >> text=ticks.txt")
    page.click("[aria-label='Remove ticks.txt']", timeout=10_000)
    wait_for(page, "document.querySelector('#attachments').hidden")


def test_a_message_can_be_sent_where_files_cannot_be_added(launch, site):
    page = launch(service_workers="block").new_page()
    page.route("**/page/attachments.js", lambda route: route.abort())
    short_replies(page, site, 4)
    pick(page, NOTES)
    page.wait_for_selector(".toast >> text=could not be loaded")
    ask(page, "What?")


def test_a_dropped_model_stays_a_model(page, site):
    open_page(page, site)
    drop(page, {"name": "small.gguf", "buffer": b"no model"}, NOTES)
    page.wait_for_selector(f"{CHIP} >> text=notes.md")
    page.wait_for_selector("#loading >> text=small")
    assert page.locator(CHIP).count() == 1


def test_an_edited_message_keeps_its_files_and_may_lose_one(page, site):
    watch_requests(page)
    short_replies(page, site, 4)
    pick(page, NOTES, TABLE)
    page.wait_for_selector(f"{CHIP} >> nth=1")
    ask(page, "What?")
    page.focus("[aria-label='Edit and send again']")
    page.keyboard.press("Enter")
    page.click(".editor [aria-label='Remove notes.md']")
    page.wait_for_selector(".editor [aria-label='Remove notes.md']", state="detached")
    page.fill(".editor textarea", "Who?")
    page.press(".editor textarea", "Enter")
    page.wait_for_selector(".bubble >> text=Who?")
    page.wait_for_selector(".versions >> text=2/2")
    wait_for(page, "framesSent.some((text) => text.includes('Who?'))")
    assert "Störche" in last_prompt(page) and "Herons" not in last_prompt(page)
    assert page.locator(".bubble summary").all_inner_texts() == ["birds.csv"]


def test_files_of_an_imported_message_are_only_names_and_texts(page, site):
    open_page(page, site)
    evil = [{"name": "<b>x</b>", "text": "<img src=x onerror=alert(1)>"}, {"name": 3, "text": "y"}, None]
    messages = [{"role": "user", "content": "Hi", "createdAt": 1, "files": evil}]
    conversation = {"title": "A long one", "createdAt": 1, "updatedAt": 2, "messages": messages}
    text = json.dumps({"format": "swiftlet-conversations", "version": 2, "conversations": [{**conversation, "title": "Two"}, conversation]})
    page.set_input_files("#import-file", {"name": "x.json", "mimeType": "application/json", "buffer": text.encode()})
    page.click(".conversation-title >> text=A long one")
    page.wait_for_selector(".bubble summary")
    assert page.locator(".bubble summary").all_inner_texts() == ["<b>x</b>"]
    page.click(".bubble summary")
    page.wait_for_selector(".bubble pre >> text=onerror")
    page.fill("#search", "onerror nothing")
    page.wait_for_selector("text=No conversation has these words")
    page.fill("#search", "onerror")
    wait_for(page, "document.querySelectorAll('.conversation').length === 2")


def test_of_several_dropped_models_one_is_taken_and_the_others_are_named(page, site):
    open_page(page, site)
    drop(page, *({"name": f"{name}.gguf", "buffer": b"no model"} for name in ["one", "two", "three"]))
    page.wait_for_selector(".toast >> text=/“one.gguf” is taken. “two.gguf”, “three.gguf” are not: .* one model at a time/")
    page.wait_for_selector("#loading >> text=one")


def test_a_part_without_the_others_is_refused_and_names_them_and_a_whole_model_is_taken(page, site):
    open_page(page, site)
    parts = [{"name": f"big-0000{number}-of-00003.gguf", "buffer": b"no model"} for number in [1, 3]]
    drop(page, *parts)
    page.wait_for_selector(".toast >> text=/“big-00001-of-00003.gguf”, .* are parts of a model in 3 files. .*big-00002-of-00003.gguf is missing/")
    assert page.is_hidden("#loading")
    drop(page, parts[0], {"name": "whole.gguf", "buffer": b"no model"})
    page.wait_for_selector(".toast >> text=/“whole.gguf” is taken. “big-00001-of-00003.gguf” is a part/")
    page.wait_for_selector("#loading >> text=whole")


def test_a_file_that_was_removed_from_an_edited_message_stays_removed(page, site):
    short_replies(page, site, 4)
    pick(page, NOTES, TABLE)
    page.wait_for_selector(f"{CHIP} >> nth=1")
    ask(page, "What?")
    page.focus("[aria-label='Edit and send again']")
    page.keyboard.press("Enter")
    page.click(".editor [aria-label='Remove notes.md']")
    page.reload()
    page.wait_for_selector(".editor .chip >> text=birds.csv")
    assert page.locator(".editor .chip").count() == 1
    # Given up, and taken back.
    page.click(".editor >> text=Cancel")
    page.click(".toast >> text=Undo")
    page.wait_for_selector(".editor .chip >> text=birds.csv")
    assert page.locator(".editor .chip").count() == 1
    page.press(".editor textarea", "Enter")
    page.wait_for_selector(".versions >> text=2/2")
    assert page.locator(".bubble summary").all_inner_texts() == ["birds.csv"]
    page.reload()
    page.wait_for_selector(".bubble summary")
    assert page.locator(".editor").count() == 0
