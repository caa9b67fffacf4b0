"""The page over plain HTTP from another machine, where browsers withhold what needs a secure context."""

import pytest

from steps import READY, ask, wait_for

HOST = "example.test"
NOTICE = "#plain-http"


@pytest.fixture
def address(site):
    """The site under a name that is not this machine's own, as other machines call it."""
    return site.url.replace("127.0.0.1", HOST)


@pytest.fixture
def elsewhere(launch, site):
    """Starts a browser that takes the name for this machine, and gives a tab and the errors in it."""

    def start(*args, **options):
        context = launch(args=[f"--host-resolver-rules=MAP {HOST} 127.0.0.1", *args], **options)
        tab = context.new_page()
        tab.errors = []
        tab.on("pageerror", lambda error: tab.errors.append(str(error)))
        return tab

    return start


def test_the_page_says_what_is_missing_and_works_as_far_as_it_can(elsewhere, address, site):
    tab = elsewhere()
    tab.goto(address)
    assert tab.evaluate("[isSecureContext, 'randomUUID' in crypto, 'locks' in navigator]") == [False, False, False]
    tab.wait_for_selector(NOTICE)
    tab.locator(f"{NOTICE} summary").click()
    tab.wait_for_selector(f"{NOTICE} details[open]")
    text = tab.inner_text(NOTICE)
    for words in ["plain HTTP", "one thread", "not kept", "4 GB", "offline", "https://", "ssh -L",
                  address.rstrip("/"), "unsafely-treat-insecure-origin-as-secure"]:
        assert words in text, words
    tab.wait_for_selector(READY, state="attached")
    assert len(ask(tab, "Say hello in one short sentence.").strip()) > 1
    tab.click(f"{NOTICE} button")
    tab.wait_for_selector(NOTICE, state="hidden")
    # The words stay; the model comes once more.
    site.forget()
    tab.reload()
    tab.wait_for_selector(".message[data-role=assistant] .message-statistics")
    tab.wait_for_selector(READY, state="attached")
    assert [start for _, _, start in site.requests] == [0]
    assert tab.locator(NOTICE).count() == 0 or tab.is_hidden(NOTICE)
    assert len(ask(tab, "And once more.", count=2).strip()) > 1
    assert tab.errors == []


def test_settings_and_models_say_it_too(elsewhere, address):
    tab = elsewhere()
    tab.goto(address)
    tab.wait_for_selector(READY, state="attached")
    tab.click("#settings-button")
    wait_for(tab, "document.querySelector('#engine-hint')?.innerText.includes('plain HTTP')")
    wait_for(tab, "document.querySelector('#storage-use')?.innerText.includes('no models')")
    assert tab.is_hidden("#persist") and tab.is_hidden("[name=keepsPrefixes]")
    tab.keyboard.press("Escape")
    tab.click("#model-button")
    tab.locator("[data-model='mistral-7b-instruct-v0.3']", has_text="plain HTTP").wait_for()
    assert tab.errors == []


def test_a_reply_can_be_copied(elsewhere, address):
    tab = elsewhere()
    tab.goto(address)
    tab.wait_for_selector(READY, state="attached")
    text = ask(tab, "Say hello in one short sentence.").strip()
    tab.locator(".message[data-role=assistant]").hover()
    tab.click(".message[data-role=assistant] button[aria-label=Copy]")
    # The system's clipboard takes a moment.
    for _ in range(20):
        tab.focus("#message-input")
        tab.keyboard.press("Control+V")
        tab.wait_for_timeout(300)
        if tab.input_value("#message-input"):
            break
    assert tab.input_value("#message-input").split() == text.split()
    assert tab.errors == []


def test_an_origin_that_the_browser_is_told_to_trust_lacks_nothing(elsewhere, address):
    tab = elsewhere(f"--unsafely-treat-insecure-origin-as-secure={address.rstrip('/')}")
    tab.goto(address)
    tab.wait_for_selector(READY, state="attached")
    assert tab.evaluate("[isSecureContext, crossOriginIsolated]") == [True, True]
    assert tab.locator(NOTICE).count() == 0


def test_it_fits_a_phone(elsewhere, address):
    tab = elsewhere(viewport={"width": 360, "height": 640})
    tab.goto(address)
    tab.wait_for_selector(NOTICE)
    tab.locator(f"{NOTICE} summary").click()
    tab.wait_for_selector(f"{NOTICE} details[open]")
    wait_for(tab, "document.documentElement.scrollWidth <= 360")
    tab.locator("#message-input").scroll_into_view_if_needed()
    box = tab.locator("#message-input").bounding_box()
    assert box["y"] + box["height"] <= 640, "the message field stays in view"
    button = tab.locator(f"{NOTICE} button")
    button.scroll_into_view_if_needed()
    button.click()
    tab.wait_for_selector(NOTICE, state="hidden")
