"""What somebody meets who opens the page for the first time."""

from conftest import QUICK_FILE
from steps import READY, ask, change_settings, open_page, wait_for


def test_quick_loads_by_itself_and_answers(page, site):
    page.goto(site.url)
    page.wait_for_selector("#loading .progress[role=progressbar]")
    assert "Quick" in page.inner_text("#loading")
    page.wait_for_selector(READY, state="attached")
    reply = ask(page, "Say hello in one short sentence.")
    assert len(reply.strip()) > 3
    figures = page.inner_text(".message-statistics")
    assert "tokens/s" in figures and "first token after" in figures
    assert [name for _, name, _ in site.requests] == [QUICK_FILE]


def test_the_page_is_isolated_and_asks_nobody_else(page, site):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, site)
    assert page.evaluate("crossOriginIsolated") is True
    elsewhere = [url for url in asked if not url.startswith(site.url)]
    assert elsewhere == []


def test_the_loading_screen_shows_bytes_rate_and_time_left(page, site):
    site.rate = 20e6
    page.goto(site.url)
    wait_for(page, "/\\d MB of 98\\.4 MB/.test(document.querySelector('.loading-figures').innerText)")
    wait_for(page, "/MB\\/s · .+ left/.test(document.querySelector('.loading-figures').innerText)")
    assert page.get_attribute(".loading-steps li[data-state=now]", "data-step") == "downloading"
    site.rate = None
    page.wait_for_selector(READY, state="attached")
    assert page.is_hidden("#loading")


def test_a_load_can_be_cancelled_and_taken_up_again(page, site):
    site.rate = 20e6
    page.goto(site.url)
    wait_for(page, "document.querySelector('.loading-figures').innerText.includes(' MB of ')")
    page.click("text=Cancel")
    page.wait_for_selector("text=No model is loaded")
    site.rate = None
    page.click("text=Load the model")
    page.wait_for_selector(READY, state="attached")
    starts = [start for _, _, start in site.requests]
    assert len(starts) == 2 and starts[0] == 0 and starts[1] > 0


def test_what_is_written_during_the_load_is_answered_after_it(page, site):
    site.rate = 30e6
    page.goto(site.url)
    page.fill("#message-input", "Say hello.")
    page.press("#message-input", "Enter")
    assert page.is_visible(".message[data-role=user]")
    page.wait_for_selector(".message[data-role=assistant] .message-statistics")


def test_a_model_that_cannot_be_fetched_is_told_with_a_way_on(page, site):
    site.models.clear()
    page.goto(site.url)
    page.wait_for_selector("#loading[data-step=error]")
    assert "404" in page.inner_text("#loading .loading-text")
    page.wait_for_selector(".context", state="attached")
    page.fill("#message-input", "Hi.")
    page.wait_for_timeout(600)  # Longer than the meter waits before it counts.
    assert "context" not in page.inner_text("#announcer"), "nothing is full while there is no model"
    assert page.is_visible("text=Try again") and page.is_visible("text=Choose another model")


def test_without_isolation_there_is_one_thread_and_it_works(page, site):
    site.isolated = False
    open_page(page, site)
    assert page.evaluate("crossOriginIsolated") is False
    assert len(ask(page, "Say hello.").strip()) > 1


def test_a_browser_without_wasm_gets_a_clear_sentence(context, site):
    # The engine's worker is told that there is no WebAssembly, as in an old browser.
    worker = (site.site / "worker.js").read_bytes()
    site.replaced["worker.js"] = b"import './no-wasm.js';\n" + worker
    site.replaced["no-wasm.js"] = b"delete self.WebAssembly;"
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_selector("#loading[data-step=error]")
    text = page.inner_text("#loading")
    assert "cannot run" in text and "WebAssembly" in text


def test_a_dialog_that_cannot_come_says_so_and_comes_later(launch, site):
    context = launch(service_workers="block")
    page = context.new_page()
    open_page(page, site)
    site.online = False
    for button in ["#settings-button", "#prompt-button", "#model-button"]:
        page.click(button)
        page.wait_for_selector(".toast:has-text('could not be loaded')")
        page.wait_for_selector(".toast", state="detached")
    site.online = True
    page.click("#settings-button")
    page.wait_for_selector("#settings-dialog[open]")


def test_nothing_waits_for_a_model_that_does_not_fit(context, page, site):
    page.add_init_script("Object.defineProperty(navigator, 'deviceMemory', { value: 1 })")
    page.goto(site.url + "blank.html")
    change_settings(page, model="genius")
    page.goto(site.url)
    page.wait_for_selector("#model-status[data-step=error]", state="attached")
    page.fill("#message-input", "Hello")
    page.press("#message-input", "Enter")
    page.wait_for_selector(".toast:has-text('does not fit this device')")
    page.wait_for_selector("text=This message has no reply")
    assert page.locator("#send:visible").count() == 1
