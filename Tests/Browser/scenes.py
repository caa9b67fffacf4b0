"""Every state of the chat page, as scenes: each opens the page, brings it from state to state and names each.

`test_scenes.py` plays them, and takes a picture of each state for whoever has changed the page.
"""

import json

from steps import READY, change_settings, open_page, wait_for
from test_conversations import LONG, write
from test_models import NAME, OWNER
from test_replies import REPLY, finished
from test_text_files import NOTES, TABLE, pick

LIVE = "document.querySelector('[data-live] .reply > .prose:not(:has(.thinking))')?.innerText.length > 60"
LONG_NAME = "a-file-with-a-very-long-name-that-goes-on-and-on-and-on-and-on.md"
STATISTICS = {"model": "smollm2-135m-instruct", "tokens": 212, "tokensPerSecond": 61.3, "timeToFirstToken": 338}


def message(id, parent, role, content, **more):
    return {"id": id, "parent": parent, "role": role, "content": content, "createdAt": int(id[1:]), **more}


def chat(*messages, **summary):
    return {"id": "played", "title": "What a page can show, and how", "createdAt": 1, "updatedAt": 2,
            "messages": list(messages), **summary}


def question_and(content, **more):
    return chat(message("m1", None, "user", "Say all of it, please."), message("m2", "m1", "assistant", content, **more))


VERSIONS = chat(
    message("m1", None, "user", "Which birds fly fastest?"), message("m2", "m1", "assistant", "Falcons."),
    message("m3", "m1", "assistant", "Peregrine falcons, when they dive.", statistics=STATISTICS),
    message("m4", "m1", "assistant", "Swifts, in level flight."), leaf="m3")
ENDINGS = chat(
    message("m1", None, "user", "Tell me of the swift."),
    message("m2", "m1", "assistant", "The swift sleeps while it", ending="length", statistics=STATISTICS),
    message("m3", "m2", "user", "Go on."),
    message("m4", "m3", "assistant", "It lives in the", ending="aborted", statistics=STATISTICS),
    message("m5", "m4", "user", "Where?"), message("m6", "m5", "assistant", "In the", ending="cut"),
    message("m7", "m6", "user", "And?"), message("m8", "m7", "assistant", "", ending="aborted"),
    message("m9", "m8", "user", "Here are its files.", files=[{"name": LONG_NAME, "text": "# Swifts\n\n" + "They fly. " * 40},
                                                             {"name": "birds.csv", "text": "name,size\nswift,17\n"}]))
LONG_ONE = chat(*[message(f"m{place}", f"m{place - 1}" if place > 1 else None, "assistant" if place % 2 == 0 else "user",
                          f"Number {place}. " + "some words " * 25) for place in range(1, 13)])


class Play:
    """What scenes are played on: a browser, the site, a hub, and whether the screen is a phone's."""

    def __init__(self, context, site, hub, is_phone):
        self.context, self.site, self.hub, self.is_phone = context, site, hub, is_phone

    def page(self, conversation=None, **settings):
        """A new tab with the page, ready, with a conversation open."""
        tab = self.context.new_page()
        tab.goto(self.site.url + "blank.html")
        change_settings(tab, **{"maxTokens": 16, **settings})
        open_page(tab, self.site)
        return self.show(tab, conversation)

    def show(self, tab, conversation):
        if not conversation:
            return tab
        text = json.dumps({"format": "swiftlet-conversations", "version": 2, "conversations": [conversation]})
        tab.set_input_files("#import-file", {"name": "x.json", "mimeType": "", "buffer": text.encode()})
        tab.wait_for_selector(".toast >> text=imported")
        tab.goto(f"{self.site.url}#/{conversation['id']}")
        tab.reload()
        tab.wait_for_selector(READY, state="attached")
        tab.wait_for_selector(".message")
        return tab

    def sidebar(self, tab):
        if self.is_phone:
            tab.click("#sidebar-open")


def arriving(play):
    """The model comes for the first time: before anything else has fetched it."""
    site = play.site
    tab = play.context.new_page()
    models, site.models = site.models, {}
    tab.goto(site.url)
    tab.wait_for_selector("#loading[data-step=error]")
    yield tab, "the model is missing"
    # Slow enough that most of it is still to come after all that is looked at below.
    site.models, site.rate = models, 2e6
    tab.click("text=Try again")
    tab.wait_for_selector(".loading-figures >> text=left")
    yield tab, "loading"
    write(tab, "Say hello.")
    tab.wait_for_selector("text=Waiting for the model")
    yield tab, "loading with a message"
    tab.click("#loading >> text=Cancel")
    tab.wait_for_selector("text=No model is loaded")
    yield tab, "cancelled with a message"
    tab.evaluate("localStorage.removeItem('swiftlet-place')")
    tab.goto(site.url + "?anew")
    tab.wait_for_selector(".loading-figures >> text=left")
    tab.click("#loading >> text=Cancel")
    tab.wait_for_selector("text=No model is loaded")
    yield tab, "cancelled"
    site.rate = None
    tab.click("text=Load the model")
    tab.wait_for_selector(READY, state="attached")
    yield tab, "ready"


def replies(play):
    tab = play.page(question_and(REPLY, statistics=STATISTICS, thoughtFor=5400))
    finished(tab)
    tab.evaluate("document.querySelector('#stage').scrollTop = 0")
    yield tab, "reasoning folded"
    tab.click(".reasoning summary")
    tab.wait_for_selector(".reasoning .prose >> text=everything")
    yield tab, "reasoning open"
    tab.evaluate("document.querySelector('#stage').scrollTop = 1e6")
    yield tab, "the end of a reply"
    before = tab.viewport_size
    tab.set_viewport_size({"width": 680, "height": 900})
    tab.emulate_media(media="print")
    yield tab, "on paper"
    tab.emulate_media(media="screen")
    tab.set_viewport_size(before)
    play.show(tab, {**LONG_ONE, "id": "long"})
    tab.evaluate("document.querySelector('#stage').dispatchEvent(new Event('wheel'))")
    tab.evaluate("document.querySelector('#stage').scrollTop = 0")
    tab.wait_for_selector("#jump:not([hidden])")
    yield tab, "scrolled away"


def versions(play):
    tab = play.page(VERSIONS)
    yield tab, "versions"
    tab.focus(".message[data-role=user] button")
    yield tab, "focus in a message"
    tab.press("#message-input", "ArrowUp")
    tab.wait_for_selector(".editor")
    yield tab, "editor"


def endings(play):
    tab = play.page(ENDINGS)
    tab.evaluate("document.querySelector('#stage').scrollTop = 0")
    yield tab, "length, stopped, cut"
    tab.click(".file summary >> nth=0")
    tab.wait_for_selector(".file pre >> text=They fly")
    tab.evaluate("document.querySelector('#stage').scrollTop = 1e6")
    yield tab, "no reply, a file open"
    tab.press("#message-input", "ArrowUp")
    tab.wait_for_selector(".editor .chip")
    yield tab, "editor with files"


def streaming(play):
    tab = play.page(maxTokens=2000)
    write(tab, LONG)
    wait_for(tab, LIVE)
    yield tab, "streaming"
    other = play.context.new_page()
    other.goto(tab.url)
    other.wait_for_selector("text=Being written in another tab")
    other.wait_for_selector(".message button:has-text('Stop')")
    yield other, "written in another tab"
    other.close()
    tab.click("#sidebar-open" if play.is_phone else "#new-conversation")
    yield tab, "streaming, seen in the sidebar"
    if play.is_phone:
        tab.click("#new-conversation")
    write(tab, "Say hello.")
    tab.wait_for_selector(".thinking >> text=Waiting for the reply in another conversation")
    yield tab, "waiting for another conversation"
    other = play.context.new_page()
    open_page(other, play.site)
    other.evaluate("document.querySelector('#new-conversation').click()")
    other.wait_for_selector("#welcome:not([hidden])")
    write(other, "Say hello.")
    other.wait_for_selector(".thinking >> text=/Waiting for .* in other tabs/")
    yield other, "waiting for other tabs"
    other.close()
    tab.close()
    tab = play.page(question_and("<think>\nThe user wants a list of birds. Let me think about each", ending="length"),
                    maxTokens=2000, temperature=0)
    tab.click("text=Continue")
    tab.wait_for_selector(".reasoning[data-thinking]")
    yield tab, "thinking"
    tab.keyboard.press("Escape")


def troubles(play):
    tab = play.page(contextLength=1024)
    write(tab, "word " * 1500)
    tab.wait_for_selector(".notice >> text=Edit the message")
    yield tab, "a message too long"
    # What nobody thought of: the engine refuses to be asked.
    tab.evaluate("""() => {
      const { postMessage } = Worker.prototype;
      Worker.prototype.postMessage = function (message, ...rest) {
        if (message?.frame && new TextDecoder().decode(message.frame).includes('Fail.')) throw new Error('No.');
        return postMessage.call(this, message, ...rest);
      };
      const put = IDBObjectStore.prototype.put;
      IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };
    }""")
    play_new(tab)
    write(tab, "Fail.")
    tab.wait_for_selector(".notice >> text=There is no reply")
    tab.wait_for_selector("#storage-trouble:not([hidden])")
    yield tab, "an error and full storage"


def play_new(tab):
    tab.evaluate("document.querySelector('#new-conversation').click()")
    tab.wait_for_selector("#welcome:not([hidden])")


def context_full(play):
    tab = play.page(LONG_ONE, contextLength=1024)
    tab.fill("#message-input", "a " * 260)
    tab.wait_for_selector("text=Make room")
    yield tab, "context nearly full"
    tab.fill("#message-input", "a " * 600)
    tab.wait_for_selector(".context[data-level=over]")
    yield tab, "context over"
    draft = tab.input_value("#message-input")
    tab.fill("#message-input", "a " * 1200)
    tab.wait_for_selector(".context[data-level=alone]")
    yield tab, "a message too long alone"
    tab.fill("#message-input", draft)
    tab.wait_for_selector(".context[data-level=over]")
    tab.press("#message-input", "Enter")
    tab.wait_for_selector("text=Go on without the oldest")
    yield tab, "too long"
    tab.click("text=Go on without the oldest")
    tab.wait_for_selector(".forgotten", state="attached")
    tab.locator(".forgotten").scroll_into_view_if_needed()
    yield tab, "room was made, with a toast"


def composer(play):
    tab = play.page()
    tab.fill("#message-input", "Look at these.\n\n" + "Many lines.\n" * 4)
    pick(tab, {**NOTES, "name": LONG_NAME}, TABLE)
    tab.wait_for_selector("#attachments .chip >> nth=1 >> text=/tokens/")
    yield tab, "attachments"
    tab.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File(['x'], 'x.txt'));
      document.body.dispatchEvent(new DragEvent('dragover', { dataTransfer: data, bubbles: true, cancelable: true }));
    }""")
    tab.wait_for_selector("#drop-target:not([hidden])")
    yield tab, "a file above the page"


def sidebar(play):
    tab = play.page(question_and(REPLY))
    play.sidebar(tab)
    yield tab, "conversations"
    tab.focus(".conversation .icon-button")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#conversation-menu:popover-open")
    yield tab, "menu of a conversation"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("input.conversation-title")
    yield tab, "renaming"
    tab.keyboard.press("Escape")
    tab.focus(".conversation .icon-button")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#conversation-menu:popover-open")
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".toast >> text=Undo")
    yield tab, "deleted, with a toast"


def models(play):
    tab = play.page()
    tab.click("#model-button")
    tab.wait_for_selector("#model-dialog[open]")
    tab.wait_for_selector("#model-list >> text=In use")
    yield tab, "models"
    tab.click("#model-list >> text=Delete")
    yield tab, "models, really delete?"
    tab.locator("text=Delete for good").click(delay=10)
    tab.wait_for_selector("#model-list >> text=not kept on this device")
    yield tab, "models, in use and not kept"
    tab.click("#model-list [data-model^=smollm2] button:has-text('Download')")
    tab.wait_for_selector("#model-dialog", state="hidden")
    tab.wait_for_selector("#loading", state="hidden")
    tab.click("#model-button")
    tab.wait_for_selector("#model-list button:has-text('Delete')")
    tab.evaluate("document.querySelector('#model-dialog .dialog-body').scrollTop = 1e6")
    yield tab, "models, the end"
    for text, place, name in [
        ("smol", ".finder-result", "results"), (NAME, ".description", "a description"),
        (f"{OWNER}/Huge-GGUF", ".description", "a description of what does not fit"),
        ("https://huggingface.test/x/y/resolve/main/" + "long-" * 20 + "name.gguf", ".finder-trouble", "an error"),
        ("nobody/nothing", ".finder-trouble", "not found"),
    ]:
        tab.fill("#model-query", text)
        tab.press("#model-query", "Enter")
        tab.wait_for_selector(f"#model-found > {place}, #model-found {place}")
        yield tab, f"models, {name}"
    play.context.set_offline(True)
    tab.press("#model-query", "Enter")
    tab.wait_for_selector(".finder-trouble >> text=You are offline")
    yield tab, "models, offline"
    play.context.set_offline(False)
    tab.fill("#model-query", "")
    tab.click("[data-model^=llama] button:has-text('Download')")
    tab.wait_for_selector("#loading[data-step=error]")
    yield tab, "another model could not be loaded"


def settings(play):
    tab = play.page()
    tab.click("#settings-button")
    tab.wait_for_selector("#settings-dialog[open]")
    wait_for(tab, "!document.querySelector('#storage-use').innerText.includes('…')")
    yield tab, "settings"
    tab.click("#more-settings > summary")
    tab.fill("[name=temperature]", "0.3")
    tab.fill("[name=topK]", "many")
    tab.wait_for_selector("[data-field=topK] .problem:not(:empty)")
    tab.locator("[name=topK]").evaluate("(node) => node.scrollIntoView({ block: 'center' })")
    yield tab, "settings with all samplers"
    tab.select_option("[name=contextLength]", "2048")
    tab.evaluate("document.querySelector('#settings-dialog .dialog-body').scrollTop = 1e6")
    yield tab, "settings, the end"
    tab.click("#reset-settings")
    tab.wait_for_selector("#settings-dialog .toast >> text=Undo")
    yield tab, "settings with a toast"


def prompts(play):
    tab = play.page()
    tab.click("#prompt-button")
    tab.wait_for_selector("#prompt-dialog[open]")
    yield tab, "system prompt"
    tab.fill("#prompt-text", "You are a pirate who answers in one word, " + "and in no more than that, " * 8)
    tab.click("text=Save as a preset")
    tab.wait_for_selector(".preset-rename")
    yield tab, "system prompt, naming a preset"
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".preset[aria-pressed=true]")
    tab.click("text=Begin new conversations with it")
    tab.wait_for_selector("#prompt-dialog .toast")
    tab.locator(".preset[aria-pressed=true] >> nth=0").scroll_into_view_if_needed()
    yield tab, "system prompt with presets"


def plain_http(play):
    tab = play.context.new_page()
    tab.goto(play.site.url.replace("127.0.0.1", "example.test"))
    tab.wait_for_selector("#plain-http")
    tab.wait_for_selector(READY, state="attached")
    yield tab, "plain HTTP"
    tab.click("#plain-http summary")
    tab.wait_for_selector("#plain-http details[open]")
    yield tab, "plain HTTP, what is missing"
    tab.click("#settings-button")
    wait_for(tab, "document.querySelector('#storage-use')?.innerText.includes('no models')")
    tab.evaluate("document.querySelector('#settings-dialog .dialog-body').scrollTop = 1e6")
    yield tab, "settings over plain HTTP"


def example(play):
    tab = play.context.new_page()
    tab.goto(play.site.url + "example.html")
    tab.wait_for_selector("button:not([disabled])")
    tab.click("button")
    wait_for(tab, "document.querySelector('#answer').textContent.length > 20")
    yield tab, "the example"


SCENES = [arriving, replies, versions, endings, streaming, troubles, context_full, composer, sidebar, models, settings,
          prompts, plain_http, example]
# Both colour schemes and both sizes; pictures are taken of every combination that differs to the eye.
LOOKS = {"light": ("light", 1100, 760), "phone": ("dark", 360, 720)}
MORE_LOOKS = {"dark": ("dark", 1100, 760), "light-phone": ("light", 360, 720)}
