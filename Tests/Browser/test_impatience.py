"""What one press too many does: nothing that was not meant."""

from steps import READY, change_settings, open_page, wait_for, wait_for_megabytes

LIVE = ".message[data-live]"
STORY = "Write a long story about a horse."


def begin(page, site):
    """A reply that is being written."""
    open_page(page, site)
    page.fill("#message-input", STORY)
    page.press("#message-input", "Enter")
    page.wait_for_selector(f"{LIVE} .prose > :not(.thinking)")


def test_a_double_click_on_send_sends_once_and_stops_nothing(page, site):
    open_page(page, site)
    page.fill("#message-input", STORY)
    page.dblclick("#send")
    page.wait_for_selector(".message-statistics")
    assert page.locator(".message").count() == 2
    assert "Stopped" not in page.locator(".message[data-role=assistant]").inner_text()


def test_a_double_click_on_stop_sends_nothing(page, site):
    # Long enough to be stopped whatever runs beside it.
    page.add_init_script("""localStorage.setItem('swiftlet-settings', '{"maxTokens":1000}')""")
    begin(page, site)
    page.fill("#message-input", "Not finished")
    page.dblclick("#stop")
    page.wait_for_selector(".message-statistics:has-text('Stopped')")
    assert page.input_value("#message-input") == "Not finished"
    assert page.locator(".message").count() == 2
    # A press of its own sends it.
    page.locator("#send").click(delay=10)
    wait_for(page, "() => document.querySelectorAll('.message').length === 4")


def test_a_question_right_after_stop_follows_all_that_was_said(page, site):
    # What the engine has said arrives late.
    page.add_init_script("""
      const { get, set } = Object.getOwnPropertyDescriptor(Worker.prototype, 'onmessage');
      Object.defineProperty(Worker.prototype, 'onmessage', { get, set(listener) {
        set.call(this, listener && ((event) => setTimeout(() => listener(event), 200)));
      } });""")
    open_page(page, site)
    change_settings(page, maxTokens=400, temperature=0)
    page.reload()
    page.wait_for_selector(READY, state="attached")
    page.evaluate("""() => {
      window.asked = [];
      const { postMessage } = Worker.prototype;
      Worker.prototype.postMessage = function (message, ...rest) {
        if (message?.frame) asked.push(new TextDecoder().decode(message.frame));
        return postMessage.call(this, message, ...rest);
      };
    }""")
    page.fill("#message-input", STORY)
    page.press("#message-input", "Enter")
    wait_for(page, f"document.querySelector('{LIVE} .prose:not(:has(.thinking))')?.innerText.length > 40")
    page.fill("#message-input", "And then?")
    page.evaluate("""() => {
      document.querySelector('#stop').click();
      setTimeout(() => document.querySelector('#message-input').form.requestSubmit());
    }""")
    wait_for(page, "() => asked.at(-1)?.includes('And then?') && !document.querySelector('[data-live]')")
    # Markdown may show a reply otherwise than it came.
    kept = page.evaluate("""async () => {
      const { ConversationArchive } = await import('/page/conversations.js');
      const { path } = await new ConversationArchive().load(location.hash.slice(2));
      return path.at(-3).content;
    }""")
    assert len(kept) > 40
    assert kept in page.evaluate("asked.at(-1)"), "all of the reply that was stopped was before the model"


def test_a_double_click_on_delete_asks_before_a_model_goes(page, site):
    open_page(page, site)
    page.click("#model-button")
    page.locator("[data-model] [aria-label='Delete Quick from this device']").dblclick()
    page.wait_for_selector("text=Delete for good")
    assert page.locator(".toast").count() == 0
    page.click("text=Delete for good")
    page.wait_for_selector(".toast:has-text('was deleted')")


def test_the_focus_stays_with_who_asks_for_a_reply(page, site):
    begin(page, site)
    page.click("#stop")
    for name in ["Continue", "Write another reply"]:
        button = page.get_by_role("button", name=name).last
        button.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(LIVE)
        wait_for(page, "() => document.activeElement.id === 'message-input'", seconds=5)
        page.keyboard.press("Escape")
        page.wait_for_selector(LIVE, state="detached")
    page.get_by_role("button", name="Edit and send again").focus()
    page.keyboard.press("Enter")
    page.keyboard.type(" It is white.")
    page.keyboard.press("Enter")
    page.wait_for_selector(LIVE)
    wait_for(page, "() => document.activeElement.id === 'message-input'", seconds=5)


def test_settings_of_two_tabs_do_not_erase_each_other(page, context, site):
    open_page(page, site)
    other = context.new_page()
    open_page(other, site)
    other.click("#settings-button")
    other.fill("[name=systemPrompt]", "Answer in rhymes.")
    wait_for(other, "() => localStorage.getItem('swiftlet-settings').includes('rhymes')")
    page.click("#sidebar-close")
    wait_for(page, "() => JSON.parse(localStorage.getItem('swiftlet-settings')).sidebarOpen === false")
    assert page.evaluate("() => JSON.parse(localStorage.getItem('swiftlet-settings')).systemPrompt") == "Answer in rhymes."
    # The other tab's change holds here too, without a reload.
    page.click("#prompt-button")
    page.wait_for_selector("#prompt-text")
    assert page.input_value("#prompt-text") == "Answer in rhymes."


def test_a_message_is_sent_though_its_files_cannot_be(page, site):
    site.replaced["page/attachments.js"] = b"throw new Error('missing');"
    open_page(page, site)
    page.set_input_files("#attach-file", [{"name": "a.md", "mimeType": "text/markdown", "buffer": b"Hi"}])
    page.wait_for_selector(".toast:has-text('could not be loaded')")
    page.fill("#message-input", "Hello")
    page.press("#message-input", "Enter")
    page.wait_for_selector(".message-statistics")


def test_a_download_without_a_network_says_what_it_waits_for(page, site):
    site.rate = 20e6
    page.goto(site.url)
    wait_for_megabytes(page, 2)
    site.online = False
    page.wait_for_selector(".loading-figures:has-text('Waiting for the network')", timeout=8000)


def test_a_held_key_on_send_sends_once_and_stops_nothing(page, site):
    open_page(page, site)
    page.fill("#message-input", STORY)
    page.focus("#send")
    for _ in range(6):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    page.wait_for_selector(".message-statistics")
    assert page.locator(".message").count() == 2
    assert "Stopped" not in page.locator(".message[data-role=assistant]").inner_text()


def test_closing_the_sidebar_of_a_phone_stops_no_reply(launch, site):
    page = launch(viewport={"width": 360, "height": 640}).new_page()
    begin(page, site)
    page.click("#sidebar-open")
    page.keyboard.press("Escape")
    page.wait_for_selector("#app[data-sidebar=closed]")
    page.wait_for_selector(".message-statistics")
    assert "Stopped" not in page.locator(".message[data-role=assistant]").inner_text()


def test_a_reply_of_one_token_claims_no_speed(page, site):
    page.goto(site.url + "blank.html")
    page.evaluate("() => localStorage.setItem('swiftlet-settings', '{\"maxTokens\": 1}')")
    open_page(page, site)
    page.fill("#message-input", STORY)
    page.press("#message-input", "Enter")
    page.wait_for_selector(".message:not([data-live]) .message-statistics")
    figures = page.inner_text(".message-statistics")
    assert "first token after" in figures and "tokens/s" not in figures


def test_a_deleted_conversation_is_no_trap_on_the_way_back(page, site):
    page.goto(site.url + "blank.html")
    page.evaluate("() => localStorage.setItem('swiftlet-settings', '{\"maxTokens\": 4}')")
    open_page(page, site)
    for text in ["First", "Second"]:
        page.click("#new-conversation")
        page.fill("#message-input", text)
        page.press("#message-input", "Enter")
        page.wait_for_selector(".message:not([data-live]) .message-statistics")
        wait_for(page, "() => location.hash.length > 2")
    page.click("#new-conversation")
    wait_for(page, "() => !location.hash")
    page.hover(".conversation:has-text('Second')")
    page.click(".conversation:has-text('Second') .icon-button")
    page.click("#conversation-menu >> text=Delete")
    page.wait_for_selector(".conversation:has-text('Second')", state="detached")
    page.evaluate("() => history.back()")
    page.wait_for_selector(".toast:has-text('no longer here')")
    wait_for(page, "() => !location.hash")
    page.evaluate("() => history.back()")
    page.wait_for_selector(".bubble >> text=First")
