"""What is pressed and typed does what it says, and the focus stays where the hands are."""

import json

from steps import STATISTICS, ask, change_settings, open_page, wait_for, wait_for_megabytes
from test_conversations import REPLY, exported, menu, short_replies, write
from test_page import alternating, import_conversation


def focused(page):
    """The name, text or id of what has the focus; `BODY` when it is lost."""
    return page.evaluate("""() => {
      const node = document.activeElement;
      return node === document.body ? 'BODY' : node.getAttribute('aria-label') || node.id || node.innerText;
    }""")


def test_arrow_up_edits_the_last_message_where_it_can_be_seen(page, site):
    open_page(page, site)
    import_conversation(page, alternating(9, lambda index: f"Number {index}. " + "Many words here. " * 200)
                        + [{"role": "assistant", "content": "A long reply.\n\n" * 80, "createdAt": 99}])
    page.wait_for_selector(".message")
    page.focus("#message-input")
    page.keyboard.press("ArrowUp")
    page.wait_for_selector(".editor textarea")
    page.wait_for_timeout(300)  # What would scroll it away again does so with the next resize.
    assert page.evaluate("""() => {
      const box = document.querySelector('.editor').getBoundingClientRect();
      const stage = document.querySelector('#stage').getBoundingClientRect();
      return box.bottom > stage.top + 40 && box.top < stage.bottom - 40;
    }""")
    page.keyboard.press("Escape")
    assert focused(page) == "message-input"


AT_END = """() => {
  const stage = document.querySelector('#stage');
  return stage.scrollHeight - stage.scrollTop - stage.clientHeight < 2;
}"""


def test_the_end_stays_in_view_while_the_message_grows(page, site):
    open_page(page, site)
    import_conversation(page, alternating(10, lambda index: f"Number {index}. " + "some words " * 40))
    wait_for(page, AT_END)
    page.fill("#message-input", "Many lines.\n" * 9)
    wait_for(page, "document.querySelector('#composer').clientHeight > 150")
    wait_for(page, AT_END, seconds=5)


def test_what_the_keyboard_reaches_stays_in_view(page, site):
    open_page(page, site)
    import_conversation(page, alternating(12, lambda index: f"Number {index}. " + "Many words here. " * 200))
    page.wait_for_selector(".message >> nth=11")
    wait_for(page, AT_END)
    page.evaluate("""() => [...document.querySelectorAll('header button, #sidebar button, .sidebar button')]
        .filter((node) => node.checkVisibility()).at(-1).focus()""")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.message') !== null"):
            break
    assert page.evaluate("document.activeElement.closest('.message') === document.querySelector('.message')")
    page.wait_for_timeout(300)  # What would scroll it away again does so with the next resize.
    assert page.evaluate("""() => {
      const box = document.activeElement.getBoundingClientRect();
      const stage = document.querySelector('#stage').getBoundingClientRect();
      return box.bottom > stage.top && box.top < stage.bottom;
    }""")
    assert page.is_visible("#jump")


def test_what_is_unfolded_stays_where_it_was_unfolded(page, site):
    open_page(page, site)
    thoughts = "<think>\n" + "Thinking goes on and on.\n\n" * 60 + "</think>\n\nShort."
    import_conversation(page, alternating(8, lambda index: f"Number {index}. " + "some words " * 40)
                        + alternating(2, lambda index: [thoughts, "Think."][1 - index]))
    page.wait_for_selector(".reasoning summary")
    page.click(".reasoning summary")
    page.wait_for_selector(".reasoning .prose >> text=on and on >> nth=0")
    page.wait_for_selector("#jump:not([hidden])")
    box = page.locator(".reasoning summary").bounding_box()
    assert 0 < box["y"] < 700
    page.click("#jump")
    wait_for(page, AT_END)


def test_versions_are_gone_through_by_keyboard(page, site):
    open_page(page, site)
    versions = [{"id": "q", "parent": None, "role": "user", "content": "Q", "createdAt": 1}]
    versions += [{"id": id, "parent": "q", "role": "assistant", "content": id, "createdAt": 2} for id in "abc"]
    text = json.dumps({"format": "swiftlet-conversations", "version": 2, "conversations": [
        {"title": "Letters", "createdAt": 1, "updatedAt": 2, "leaf": "b", "messages": versions}]})
    page.set_input_files("#import-file", {"name": "x.json", "mimeType": "", "buffer": text.encode()})
    page.click(".conversation-title >> text=Letters")
    page.focus("[aria-label='Previous version']")
    for key, place, focus in [("Enter", "1/3", "Next version"), ("Space", "2/3", "Next version"),
                              ("Enter", "3/3", "Previous version")]:
        page.keyboard.press(key)
        page.wait_for_selector(f".versions >> text={place}")
        assert focused(page) == focus


def test_cancel_in_the_model_dialog_takes_a_press_that_lasts(page, site):
    site.rate = 20e6
    page.goto(site.url)
    wait_for_megabytes(page, 5)
    page.click("#model-button")
    box = page.locator("#model-list >> text=Cancel").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    before = page.inner_text(".loading-figures")
    wait_for(page, "(before) => document.querySelector('.loading-figures').innerText !== before", before)
    page.wait_for_timeout(400)
    page.mouse.up()
    page.wait_for_selector("text=No model is loaded")


def test_a_double_click_on_a_title_renames(page, site):
    short_replies(page, site)
    ask(page, "One.")
    page.click("#new-conversation")
    ask(page, "Two.")
    page.dblclick(".conversation-title >> text=One.")
    page.fill("input.conversation-title", "Uno")
    page.keyboard.press("Enter")
    page.wait_for_selector(".conversation-title >> text=Uno")
    assert focused(page) == "Uno"


def test_a_message_sent_while_the_model_loads_gets_its_own_reply(page, site):
    page.goto(site.url + "blank.html")
    change_settings(page, maxTokens=8)
    site.rate = 20e6
    page.goto(site.url)
    for text in ["Say one.", "Say two.", "Say three."]:
        write(page, text)
    page.wait_for_selector(STATISTICS)
    assert page.locator(".message[data-role=user]").all_inner_texts() == ["Say one."]
    assert page.input_value("#message-input") == "Say three."


def test_the_focus_stays_after_deleting_undoing_and_a_cancelled_edit(page, site):
    short_replies(page, site)
    ask(page, "One.")
    page.click("#new-conversation")
    ask(page, "Two.")
    menu(page, "Delete", "Two.")
    page.wait_for_selector(".conversation-title >> text=Two.", state="detached")
    wait_for(page, "document.activeElement.innerText === 'One.'")
    page.focus(".toast .button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".conversation-title >> text=Two.")
    wait_for(page, "document.activeElement.innerText === 'Two.'")
    page.focus("[aria-label='Edit and send again']")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert focused(page) == "Edit and send again"


def test_a_toast_can_be_pressed_over_a_dialog_and_covers_nothing(page, site):
    open_page(page, site)
    ask(page, "Hi.")
    page.click("#settings-button")
    page.click("#reset-settings")
    page.click(".toast >> text=Undo", timeout=5000)
    page.click("#reset-settings")
    page.locator(".toast >> text=Undo").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('#settings-dialog') !== null")
    page.keyboard.press("Escape")
    menu(page, "Delete")
    page.wait_for_selector(".toast")
    covered = page.evaluate("""() => {
      const toast = document.querySelector('.toast').getBoundingClientRect();
      return [...document.querySelectorAll('button, textarea')].filter((node) => !node.closest('.toast')).map((node) => [
        node.outerHTML.slice(0, 80), node.getBoundingClientRect()]).filter(([, box]) => box.width && box.right > toast.left
          && box.left < toast.right && box.bottom > toast.top && box.top < toast.bottom).map(([name]) => name);
    }""")
    assert covered == []


def test_importing_ones_own_export_adds_nothing(page, site, tmp_path):
    short_replies(page, site)
    ask(page, "One.")
    before = exported(page)
    with page.expect_download() as download:
        page.click("#export")
    for _ in range(2):
        page.set_input_files("#import-file", str(download.value.path()))
        page.wait_for_selector(".toast >> text=here already")
    assert page.locator(".conversation").count() == 1
    assert exported(page) == before


def test_what_was_deleted_comes_back_from_a_file(page, site):
    short_replies(page, site)
    ask(page, "One.")
    before = exported(page)
    with page.expect_download() as download:
        page.click("#export")
    menu(page, "Delete")
    page.wait_for_selector(".conversation-list-empty")
    page.set_input_files("#import-file", str(download.value.path()))
    page.wait_for_selector(".conversation-title >> text=One.")
    assert exported(page)[0]["messages"] == before[0]["messages"]


def test_a_message_comes_back_from_a_file_and_is_seen_at_once(page, site):
    short_replies(page, site)
    ask(page, "One.")
    with page.expect_download() as download:
        page.click("#export")
    page.hover(REPLY)
    page.click(f"{REPLY} [aria-label='Delete this message']")
    page.wait_for_selector(REPLY, state="detached")
    page.set_input_files("#import-file", str(download.value.path()))
    page.wait_for_selector(".toast >> text=One conversation got messages that it lacked here.")
    page.wait_for_selector(REPLY)
    assert page.locator(".toast >> text=Nothing was imported").count() == 0


def test_a_broken_file_says_that_nothing_came_of_it(page, site, tmp_path):
    open_page(page, site)
    broken = tmp_path / "half.json"
    broken.write_text('{"format": "swiftlet-conv')
    page.set_input_files("#import-file", broken)
    page.wait_for_selector(".toast >> text=/Nothing was imported.*not JSON.*Choose one/")


def test_a_model_is_deleted_only_after_a_question(page, site):
    open_page(page, site)
    page.click("#model-button")
    page.click("#model-list >> text=Delete")
    page.click("#model-list >> text=Keep it")
    page.click("#model-list >> text=Delete")
    assert page.locator("#model-list >> text=On this device").count() + page.locator("text=In use").count() == 1
    page.click("#model-list >> text=Delete for good")
    page.wait_for_selector(".toast >> text=was deleted")


def test_resetting_the_settings_keeps_the_system_prompt(page, site):
    open_page(page, site)
    page.click("#settings-button")
    page.fill("[name=systemPrompt]", "You are a pirate.")
    page.select_option("[name=theme]", "dark")
    page.click("#reset-settings")
    assert page.input_value("[name=systemPrompt]") == "You are a pirate."
    assert page.input_value("[name=theme]") == "system"
    page.click(".toast >> text=Undo")
    assert page.input_value("[name=theme]") == "dark"


def test_storage_that_is_full_is_told_and_loses_nothing(page, site):
    short_replies(page, site)
    ask(page, "One.")
    page.evaluate("""() => {
      const put = IDBObjectStore.prototype.put;
      window.restore = () => { IDBObjectStore.prototype.put = put; };
      IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };
    }""")
    ask(page, "Two.", 2)
    page.wait_for_selector("#storage-trouble >> text=not kept")
    # Another conversation and back: it is all there, though only in memory.
    page.click("#new-conversation")
    page.click(".conversation-title")
    page.wait_for_selector(".bubble >> text=Two.")
    page.evaluate("restore()")
    page.click("#storage-trouble >> text=Try again")
    page.wait_for_selector("#storage-trouble", state="hidden")
    page.reload()
    page.wait_for_selector(".bubble >> text=Two.")


def test_what_an_older_version_kept_is_still_there(page, site):
    page.goto(site.url + "blank.html")
    page.evaluate("""() => new Promise((resolve, reject) => {
      const request = indexedDB.open('swiftlet', 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore('conversations', { keyPath: 'id' });
        request.result.createObjectStore('messages', { keyPath: 'id' });
      };
      request.onerror = reject;
      request.onsuccess = () => {
        const transaction = request.result.transaction(['conversations', 'messages'], 'readwrite');
        transaction.objectStore('conversations').put(
          { id: 'a', title: 'Old times', createdAt: 1, updatedAt: 2, firstSeen: 2 });
        transaction.objectStore('messages').put({ id: 'a', messages: [
          { id: 'm1', role: 'user', content: 'First', createdAt: 1 },
          { id: 'm2', role: 'assistant', content: 'Reply', createdAt: 2 },
          { id: 'm3', role: 'user', content: 'Second', createdAt: 3 },
        ] });
        transaction.oncomplete = () => { request.result.close(); resolve(); };
      };
    })""")
    open_page(page, site)
    page.click(".conversation-title >> text=Old times")
    wait_for(page, "document.querySelectorAll('.message').length === 3")
    assert [message["content"] for message in exported(page)[0]["messages"]] == ["First", "Reply", "Second"]
    assert page.is_visible(".forgotten")


def test_the_last_words_stay_in_view_when_the_room_for_them_shrinks(page, site):
    open_page(page, site)
    import_conversation(page, alternating(12, lambda index: f"Number {index}. " + "Many words here. " * 60))
    at_end = "() => { const s = document.querySelector('#stage'); return s.scrollHeight - s.scrollTop - s.clientHeight < 2; }"
    page.wait_for_selector(".message >> nth=11")
    wait_for(page, at_end)
    page.set_viewport_size({"width": 1100, "height": 420})
    wait_for(page, "() => document.querySelector('#stage').clientHeight < 400")
    wait_for(page, at_end, seconds=5)
    page.fill("#message-input", "A line\n" * 12)
    wait_for(page, at_end, seconds=5)
