"""The setting that says what computes, in the page: what it does, and what shows when it cannot be."""

import pytest

from steps import READY, ask, change_settings, open_page, replace, wait_for
from test_conversations import LIVE_TEXT, write as send
from test_device_choice import trusted
from tiny_gguf import write


def choose(page, device):
    """Chooses a device in the open settings."""
    page.select_option("select[name=device]", device)


def open_settings(page):
    page.click("#settings-button")
    page.wait_for_selector("dialog[open] select[name=device]")


def apply(page):
    page.click("#apply-engine")


def mark(page, text):
    wait_for(page, "(text) => document.querySelector('#model-device').textContent === text && !document.querySelector('#model-device').hidden",
             text)


@pytest.fixture
def tiny(site, tmp_path):
    # In the place of the Quick model, which takes too long on a program that plays a card.
    site.models["tiny.gguf"] = write(tmp_path / "tiny.gguf")
    return site.url + "models/tiny.gguf"


def open_tiny(page, site, model, **settings):
    page.goto(site.url + "blank.html")
    change_settings(page, **{"model": model, "maxTokens": 24, "contextLength": 1024, **settings})
    open_page(page, site)


def setting(page):
    return page.evaluate("() => JSON.parse(localStorage.getItem('swiftlet-settings')).device")


def test_without_a_card_the_processor_is_one_press_away(page, site, tiny):
    open_tiny(page, site, tiny)
    open_settings(page)
    choose(page, "gpu")
    assert "Now: The processor computes" in page.inner_text("#device-hint")
    assert "once the model is reloaded" in page.inner_text("#device-hint")
    apply(page)
    page.wait_for_selector("#loading >> text=The graphics card cannot compute here")
    assert "cpu" not in page.inner_text(".loading-text") and "The processor can" in page.inner_text(".loading-text")
    # The model that was there is back, and with it the setting.
    page.click("#loading >> text=Keep the present one")
    wait_for(page, "() => document.querySelector('#loading').hidden")
    assert setting(page) == "auto"
    mark(page, "CPU")

    open_settings(page)
    choose(page, "gpu")
    apply(page)
    page.wait_for_selector("#loading >> text=The graphics card cannot compute here")
    page.reload()
    page.wait_for_selector("#loading >> text=The graphics card cannot compute here")
    # Nothing is there that could be kept.
    assert not page.is_visible("#loading >> text=Keep the present one")
    open_settings(page)
    assert page.inner_text("#apply-engine") == "Load the model with these"
    page.keyboard.press("Escape")
    page.click("#loading >> text=Use the processor")
    page.wait_for_selector(READY, state="attached")
    assert setting(page) == "cpu"
    ask(page, "Sea")


def test_a_card_that_is_lost_between_replies_is_told_of(tab, site, tiny):
    trusted(site)
    open_tiny(tab, site, tiny, device="gpu")
    mark(tab, "GPU")
    ask(tab, "Sea")
    tab.evaluate("new BroadcastChannel('lose').postMessage('')")
    tab.wait_for_selector("#loading >> text=The graphics card has stopped")
    assert not tab.is_visible("#loading >> text=Keep the present one")
    wait_for(tab, "() => document.querySelector('#announcer').textContent.includes('has stopped')")
    open_settings(tab)
    choose(tab, "cpu")
    apply(tab)
    mark(tab, "CPU")
    ask(tab, "And now?", 2)


def test_a_change_waits_for_the_reply_and_says_so(tab, site, tiny):
    open_tiny(tab, site, tiny, device="gpu", maxTokens=600, temperature=0)
    mark(tab, "GPU")
    send(tab, "Sea")
    wait_for(tab, LIVE_TEXT)
    open_settings(tab)
    choose(tab, "cpu")
    apply(tab)
    tab.wait_for_selector("#loading >> text=is written to its end first; stop it")
    tab.keyboard.press("Escape")
    mark(tab, "CPU")
    wait_for(tab, "() => /The model is ready/.test(document.querySelector('#announcer').textContent)")


def test_a_load_that_is_given_up_takes_its_setting_with_it(tab, site, tiny):
    replace(site, "worker/gpu/device.js", b"const device = await soon(",
            b"await new Promise((go) => setTimeout(go, 4000)); const device = await soon(")
    open_tiny(tab, site, tiny, device="cpu")
    mark(tab, "CPU")
    open_settings(tab)
    choose(tab, "gpu")
    apply(tab)
    tab.click("#loading >> text=Cancel")
    mark(tab, "CPU")
    assert setting(tab) == "cpu"


def test_open_settings_follow_another_tab(page, site, tiny):
    open_tiny(page, site, tiny)
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(READY, state="attached")
    for each in (page, other):
        open_settings(each)
    choose(page, "cpu")
    wait_for(other, "() => document.querySelector('select[name=device]').value === 'cpu'")
    assert other.is_visible("#apply-engine")
    apply(page)
    # It is loaded with it for both.
    wait_for(other, "() => document.querySelector('#apply-engine').hidden")
    choose(other, "auto")
    assert other.is_visible("#apply-engine")
