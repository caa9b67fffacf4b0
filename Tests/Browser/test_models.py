"""The model dialog: what a name, a link or words mean before anything is downloaded; files that stay known."""

import json
import struct

import pytest

from conftest import SITE
from site_server import SiteServer
from steps import READY, ask, open_page, wait_for

OWNER = "tiny-makers"
NAME = f"{OWNER}/SmolLM2-135M-GGUF"
FILE = "SmolLM2-135M.Q4_1.gguf"


def header(architecture):
    """The beginning of a GGUF file."""
    text = lambda value: struct.pack("<Q", len(value)) + value.encode()
    pairs = [("general.architecture", architecture), ("general.license", "mit")]
    body = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in pairs)
    return b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + body


@pytest.fixture
def hub(quick_model, site):
    """A hub of its own origin, which the page knows as its hub, and which counts what it is asked."""
    server = SiteServer(SITE, {})
    server.cors = True
    server.asked = []
    page = site.replaced["index.html"].replace(b"http://127.0.0.1:9", server.url.rstrip("/").encode())
    site.replaced["index.html"] = page.replace(b"connect-src 'self'", b"connect-src 'self' " + server.url.encode())

    def repository(name, files, architecture="llama", **more):
        facts = {"id": name, "downloads": 1234567, "gated": False, "tags": ["gguf", "license:apache-2.0"],
                 "gguf": {"architecture": architecture, "context_length": 8192, "total": 134515008,
                          "chat_template": "{{ messages }}"},
                 "siblings": [{"rfilename": path, "size": size} for path, size in files.items()], **more}
        server.replaced[f"api/models/{name}"] = json.dumps(facts).encode()
        return facts

    size = quick_model.stat().st_size
    found = [
        repository(NAME, {FILE: size, "SmolLM2-135M.Q5_0.gguf": 144_811_584, "mmproj-F16.gguf": 5}),
        repository(f"{OWNER}/Huge-GGUF", {"Huge-Q4_K_M.gguf": 40_000_000_000}),
        repository(f"{OWNER}/Embedder-GGUF", {"Embedder-Q8_0.gguf": 30_000_000}, architecture="bert"),
        repository(f"{OWNER}/Asked-For-GGUF", {"Asked-Q4_K_M.gguf": 800_000_000}, gated="manual"),
        {"id": "<img src=x onerror=alert(1)>/b", "downloads": 3},
    ]
    server.models[f"{NAME}/resolve/main/{FILE}"] = quick_model
    server.replaced[f"{OWNER}/Embedder-GGUF/resolve/main/Embedder-Q8_0.gguf"] = header("bert")
    server.replaced["api/models"] = json.dumps(found).encode()
    yield server
    server.close()


def open_models(page, site):
    open_page(page, site)
    page.click("#model-button")
    page.wait_for_selector("#model-dialog[open]")


def find(page, text):
    page.fill("#model-query", text)
    page.press("#model-query", "Enter")


def watch(page, hub):
    """Every address of the hub that the page asks, from now on."""
    asked = []
    page.context.on("request", lambda request: request.url.startswith(hub.url) and asked.append(request.url))
    return asked


def test_words_are_searched_and_a_result_says_what_it_is_before_it_is_downloaded(page, site, hub):
    open_models(page, site)
    asked = watch(page, hub)
    page.keyboard.type("smol lm")
    assert page.input_value("#model-query") == "smol lm", "the field has the focus"
    assert hub.url.split("/")[2] in page.inner_text("#model-query-hint")
    assert asked == []
    page.keyboard.press("Enter")
    page.wait_for_selector(".finder-result >> nth=3")
    assert len(asked) == 1 and "search=smol+lm" in asked[0], "typing sends nothing"
    results = page.locator(".finder-result")
    assert results.count() == 4, "a name that is none is left out"
    assert "1.2M downloads" in results.first.inner_text() and "apache-2.0" in results.first.inner_text()
    assert "Turns texts into vectors and writes no replies." in results.nth(2).inner_text()

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector(".description")
    text = page.inner_text(".description")
    for fact in [FILE, "98.4 MB", "apache-2.0", "8,192 tokens", "llama", "Runs here · fits this device", "1 projector for pictures"]:
        assert fact in text, fact
    assert hub.sent == 64 * 1024 and not any("resolve" in address and "Q5_0" in address for address in asked)

    page.keyboard.press("Escape")
    page.wait_for_selector(".finder-result")
    assert page.locator(".finder-result").first.evaluate("node => node === document.activeElement")
    page.keyboard.press("Escape")
    page.wait_for_selector("#model-list")
    assert page.input_value("#model-query") == ""
    page.keyboard.press("Escape")
    page.wait_for_selector("#model-dialog", state="hidden")


def test_a_described_model_is_downloaded_used_and_known_at_the_next_visit(page, site, hub):
    open_models(page, site)
    find(page, f"{NAME}:Q4_1")
    page.click("text=Download and use")
    page.wait_for_selector("#model-dialog", state="hidden")
    wait_for(page, "document.querySelector('#model-name').textContent.startsWith('tiny-makers/')")
    page.wait_for_selector(READY, state="attached")
    assert len(ask(page, "Say hello.").strip()) > 1
    hub.online = False
    page.reload()
    page.wait_for_selector(READY, state="attached")
    assert f"{NAME}:Q4_1" in page.inner_text("#model-name")
    page.click("#model-button")
    hub.online = True
    find(page, NAME)
    page.wait_for_selector(".description >> text=is on this device")


def test_a_model_of_the_hub_that_was_deleted_while_in_use_can_be_downloaded_again(page, site, hub):
    open_models(page, site)
    find(page, f"{NAME}:Q4_1")
    page.click("text=Download and use")
    wait_for(page, "document.querySelector('#model-name').textContent.startsWith('tiny-makers/')")
    page.wait_for_selector(READY, state="attached")
    page.click("#model-button")
    item = f"[data-model^='{OWNER}/']"
    for label in ["Delete", "Delete for good"]:
        page.locator(f"{item} button:text-is('{label}')").focus()
        page.keyboard.press("Enter")
    page.wait_for_selector(".toast >> text=was deleted")
    assert page.evaluate("document.activeElement.id") == "model-query"
    sent, hub.rate = hub.sent, 40e6
    find(page, f"{NAME}:Q4_1")
    page.click("text=Download and use")
    # What comes is in the list, too.
    wait_for(page, "document.querySelector('.loading-figures')?.innerText.includes('of 98')")
    page.click("#model-button")
    page.wait_for_selector(f"{item} .progress")
    page.wait_for_selector(f"{item} button:text-is('Cancel')")
    page.keyboard.press("Escape")
    wait_for(page, "document.querySelector('#model-status').dataset.step === 'ready' && "
                   "document.querySelector('#loading').hidden")
    assert hub.sent > sent + 90e6
    hub.online = False
    page.reload()
    page.wait_for_selector(READY, state="attached")
    assert len(ask(page, "Say hello.").strip()) > 1


def test_another_file_of_a_repository_can_be_chosen(page, site, hub):
    open_models(page, site)
    find(page, NAME)
    page.wait_for_selector(".description >> text=Download and use · 98.4 MB")
    page.select_option("#model-file-choice", label="Q5_0 · 145 MB")
    # The hub does not give out its beginning; what the hub says of the repository holds then.
    page.wait_for_selector(".description >> text=Download and use · 145 MB")
    page.click("text=Back to all models")
    page.wait_for_selector("#model-list")


def test_what_cannot_be_used_says_why_and_offers_no_download(page, site, hub):
    open_models(page, site)
    for name, words in [
        (f"{OWNER}/Huge-GGUF", "Does not fit this device. It needs 40"),
        (f"{OWNER}/Embedder-GGUF", "Turns texts into vectors and writes no replies."),
        (f"{OWNER}/Asked-For-GGUF", "ask for an agreement first"),
    ]:
        find(page, name)
        page.wait_for_selector(f".description[data-model^='{name}']")
        assert words in page.inner_text(".description")
        assert page.locator("text=Download and use").count() == 0
    for name, words in [
        ("nobody/nothing", "has no public repository nobody/nothing"),
        (f"{NAME}:Q3_K", "It has Q4_1, Q5_0."),
    ]:
        find(page, name)
        page.wait_for_selector(f".finder-trouble >> text={words}")


def test_an_address_that_leads_to_no_model_is_never_searched(page, site, hub):
    open_models(page, site)
    asked = watch(page, hub)
    for text in ["https://example.org/secret/y.bin", "javascript:alert(1)", "file:///home/me/m.gguf", "/home/me/m.bin",
                 "example.org/m.bin", "models.home.example/mine"]:
        find(page, text)
        page.wait_for_selector(".finder-trouble >> text=ends in .gguf")
        assert "Nothing is sent" in page.inner_text("#model-query-hint")
        page.keyboard.press("Escape")
        page.wait_for_selector("#model-list")
    assert asked == []


def test_without_the_hub_it_says_so_and_can_be_tried_again(page, site, hub):
    open_models(page, site)
    hub.online = False
    find(page, "smol")
    page.wait_for_selector(".finder-trouble >> text=cannot be reached")
    hub.online = True
    page.click("#model-found >> text=Try again")
    page.wait_for_selector(".finder-result")
    page.context.set_offline(True)
    find(page, "smol")
    page.wait_for_selector(".finder-trouble >> text=You are offline")
    page.context.set_offline(False)
    hub.replaced["api/models"] = b"[]"
    find(page, "nothing at all")
    page.wait_for_selector(".finder-trouble >> text=has no models")


def test_a_file_beside_the_page_and_a_name_of_the_catalog(page, site, hub):
    open_models(page, site)
    asked = watch(page, hub)
    find(page, "models/SmolLM2-135M-Instruct.Q4_1.gguf")
    page.wait_for_selector(".description >> text=Runs here · fits this device")
    assert "98.4 MB" in page.inner_text(".description")
    find(page, "smart")
    page.wait_for_selector("#model-list")
    wait_for(page, "document.activeElement.closest('.model')?.dataset.model.startsWith('llama') === true")
    assert asked == []


PICKER = """
  const folder = () => navigator.storage.getDirectory();
  window.showOpenFilePicker = async () => [await (await folder()).getFileHandle('m.gguf')];
  // What the browser would ask, and what was answered.
  FileSystemHandle.prototype.queryPermission = async () => localStorage.getItem('permission') ?? 'granted';
  let isPressed = false;
  addEventListener('click', () => (isPressed = true), true);
  FileSystemHandle.prototype.requestPermission = async () => {
    if (!isPressed) throw new DOMException('User activation is required.', 'SecurityError');
    localStorage.setItem('permission', 'granted');
    return 'granted';
  };
  window.change = async (position) => {
    const writable = await (await (await folder()).getFileHandle('m.gguf')).createWritable({ keepExistingData: true });
    if (position) await writable.write({ type: 'write', position, data: new Uint8Array([1, 2, 3, 4]) });
    await writable.close();
  };
  window.place = async () => {
    const writable = await (await (await folder()).getFileHandle('m.gguf', { create: true })).createWritable();
    await (await fetch('models/SmolLM2-135M-Instruct.Q4_1.gguf')).body.pipeTo(writable);
  };
  window.copies = async () => {
    const names = [];
    for await (const name of (await (await folder()).getDirectoryHandle('models')).keys()) names.push(name);
    return names.filter((name) => !name.endsWith('.json') && name.includes('file-'));
  };
"""


@pytest.fixture
def picked(context, page, site):
    """The page with a file that was picked where the browser gives handles, loaded."""
    context.add_init_script(PICKER)
    open_page(page, site)
    page.evaluate("place()")
    page.click("#model-button")
    page.click("#pick-file")
    wait_for(page, "document.querySelector('#model-name').textContent === 'm'")
    page.wait_for_selector(READY, state="attached")
    wait_for(page, "JSON.parse(localStorage.getItem('swiftlet-settings')).model === 'file:m.gguf'")
    wait_for(page, """async () => {
      const { knownFiles } = await import('/page/local-files.js');
      return (await knownFiles()).length === 1;
    }""")
    return page


def is_loaded(page):
    page.wait_for_selector(READY, state="attached")
    return page.inner_text("#model-name") == "m"


def test_a_picked_file_stays_where_it_is_and_is_known_at_the_next_visit(picked):
    assert picked.evaluate("copies()") == []
    picked.reload()
    assert is_loaded(picked)
    assert picked.evaluate("copies()") == []
    # Touched, or copied over itself: the content decides.
    picked.evaluate("change()")
    picked.reload()
    assert is_loaded(picked)
    assert len(ask(picked, "Say hello.").strip()) > 1


def test_the_browser_is_asked_again_by_a_press(picked):
    picked.evaluate("localStorage.setItem('permission', 'prompt')")
    picked.reload()
    picked.wait_for_selector("#loading >> text=m.gguf waits for you")
    assert picked.evaluate("localStorage.getItem('permission')") == "prompt"
    picked.click("text=Open m.gguf again")
    assert is_loaded(picked)
    picked.evaluate("localStorage.setItem('permission', 'prompt')")
    picked.click("#model-button")
    picked.wait_for_selector("[data-model='file:m.gguf'] >> text=In use")
    picked.click("[data-model^=smollm2] button:has-text('Use')")
    wait_for(picked, "document.querySelector('#model-name').textContent === 'Quick'")
    picked.click("#model-button")
    picked.click("[data-model='file:m.gguf'] >> text=Open again")
    wait_for(picked, "document.querySelector('#model-name').textContent === 'm'")


def test_a_file_that_changed_or_went_away_says_so(picked):
    picked.evaluate("change(90_000_000)")
    picked.reload()
    picked.wait_for_selector("#loading >> text=m.gguf has changed")
    picked.click("text=Use it as it is now")
    assert is_loaded(picked)
    wait_for(picked, """async () => {
      const { reopenFiles } = await import('/page/local-files.js');
      return reopenFiles('file:m.gguf').then(() => true, () => false);
    }""")
    picked.evaluate("navigator.storage.getDirectory().then((folder) => folder.removeEntry('m.gguf'))")
    picked.reload()
    picked.wait_for_selector("#loading >> text=no longer where it was")
    assert picked.locator("#loading .primary").is_hidden()
    picked.click("text=Choose another model")
    picked.click("[data-model='file:m.gguf'] >> text=Forget")
    picked.wait_for_selector("[data-model='file:m.gguf']", state="detached")
    picked.click("[data-model^=smollm2] button:has-text('Use')")
    picked.wait_for_selector(READY, state="attached")


def test_what_is_chosen_while_a_touched_file_is_looked_at_stays(picked, context):
    picked.evaluate("""async () => {
      const handle = await (await navigator.storage.getDirectory()).getFileHandle('m.gguf');
      const writable = await handle.createWritable({ keepExistingData: true });
      await writable.write('GGUF');
      await writable.close();
    }""")
    # What is in it is read slowly.
    picked.add_init_script("""
      const { stream } = File.prototype;
      File.prototype.stream = function () {
        const slow = async (chunk, controller) => {
          await new Promise((resolve) => setTimeout(resolve, 200));
          controller.enqueue(chunk);
        };
        return stream.call(this).pipeThrough(new TransformStream({ transform: slow }));
      };""")
    picked.reload()
    picked.wait_for_selector("#loading >> text=Looking at m.gguf")
    assert picked.locator("#loading .primary").is_hidden(), "once is enough"
    picked.click("text=Choose another model")
    picked.click("[data-model^=smollm2] button:has-text('Use'), [data-model^=smollm2] button:has-text('Download')")
    picked.wait_for_selector(READY, state="attached")
    picked.wait_for_timeout(2000)
    assert picked.inner_text("#model-name") == "Quick"


def test_a_model_that_was_deleted_while_in_use_can_be_downloaded_again(page, site):
    open_models(page, site)
    quick = "[data-model^=smollm2]"
    page.wait_for_selector(f"{quick} >> text=In use")
    assert page.locator(f"{quick} button:has-text('Download')").count() == 0, "what is kept is not offered again"
    page.click(f"{quick} >> text=Delete")
    page.click(f"{quick} >> text=Delete for good")
    page.wait_for_selector(f"{quick} >> text=not kept on this device")
    page.click(f"{quick} button:has-text('Download')")
    page.wait_for_selector(READY, state="attached")
    wait_for(page, """async () => {
      const { ModelCache } = await import('/worker/model-cache.js');
      return (await (await ModelCache.open()).list()).length === 1;
    }""")
    page.click("#model-button")
    page.wait_for_selector(f"{quick} .model-state:text-is('In use')")
    assert page.locator(f"{quick} button:has-text('Download')").count() == 0
