"""The basics in Firefox, over WebDriver BiDi."""

import shutil

import pytest

from conftest import QUICK_FILE
from test_models import hub  # noqa: F401

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")


@pytest.fixture
def firefox():
    if not FIREFOX:
        pytest.skip("Firefox is not installed")
    from bidi import Firefox
    # A name that is not this machine's own, as other machines call it.
    browser = Firefox(FIREFOX, {"network.dns.localDomains": "example.test"})
    yield browser
    browser.close()


def ready(firefox, tab=None):
    firefox.wait_for("document.querySelector('#model-status')?.dataset.step === 'ready'", tab=tab)


def write(firefox, text, tab=None):
    firefox.evaluate(f"""
      document.querySelector('#message-input').value = {text!r};
      document.querySelector('#message-input').dispatchEvent(new Event('input'));
      document.querySelector('#composer').requestSubmit();""", tab)


def reply(firefox, tab=None):
    """The text of the last reply, once there is nothing more to come."""
    firefox.wait_for("document.querySelector('article:last-of-type:not([data-live]) .message-statistics')", tab=tab)
    # What is not on screen yet has no text in Firefox's eyes.
    firefox.wait_for("[...document.querySelectorAll('.reply > .prose')].at(-1)?.innerText.trim()", tab=tab)
    return firefox.evaluate("return [...document.querySelectorAll('.reply > .prose')].at(-1).innerText", tab)


def ask(firefox, text):
    write(firefox, text)
    return reply(firefox)


def settings(firefox, site, text):
    firefox.open(site.url + "blank.html")
    firefox.evaluate(f"localStorage.setItem('swiftlet-settings', {text!r})")


def test_first_visit_answers_and_the_next_one_needs_no_model_download(firefox, site):
    firefox.open(site.url)
    ready(firefox)
    assert firefox.evaluate("return crossOriginIsolated") is True
    assert len(ask(firefox, "Say hello.").strip()) > 1
    site.forget()
    firefox.open(site.url)
    ready(firefox)
    assert site.requests == []
    assert len(ask(firefox, "Say hello.").strip()) > 1


def test_sleeping_threads_keep_no_request_waiting_while_the_service_worker_begins(firefox, site):
    # As the engine's threads do, which have nothing to compute yet when the page gets its service worker.
    site.replaced["sleeper.js"] = b"postMessage('asleep'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);"
    firefox.open(site.url + "blank.html")
    firefox.evaluate("""
      const sleeper = new Worker('/sleeper.js');
      await new Promise((resolve) => { sleeper.onmessage = resolve; });
      await navigator.serviceWorker.register('/service-worker.js');""")
    firefox.wait_for("navigator.serviceWorker.controller")
    assert firefox.evaluate(f"return (await fetch('/models/{QUICK_FILE}', {{ cache: 'no-store' }})).status") == 200


def test_a_broken_transfer_goes_on_where_it_stopped(firefox, site):
    site.cut_after = [40_000_000]
    firefox.open(site.url)
    ready(firefox)
    starts = [start for _, _, start in site.requests]
    assert len(starts) == 2 and starts[1] > 30_000_000


def test_greedy_tokens_are_the_same_with_every_module_and_number_of_threads(firefox, site):
    firefox.open(site.url + "blank.html")
    tokens = [firefox.evaluate(f"""
      const {{ InferenceManager }} = await import('/inference-manager.js');
      const manager = new InferenceManager({{
        threads: {threads}, addressing: {addressing}, hubURL: 'http://127.0.0.1:9' }});
      await manager.initialize('quick');
      const options = {{ temperature: 0, maxTokens: 16 }};
      const {{ tokens }} = await manager.generate('The capital of France is', options).finished;
      manager.terminate();
      return tokens.map((token) => token.id);""") for threads, addressing in [(1, 32), (2, 32), (2, 64)]]
    assert tokens[0] == tokens[1] == tokens[2] and len(tokens[0]) == 16


def test_tabs_share_one_engine_and_nothing_is_lost_when_its_tab_is_closed(firefox, site):
    options = "{ temperature: 0, maxTokens: 120, ignoresEndOfGeneration: true }"

    def new_tab():
        tab = firefox.new_tab()
        firefox.open(site.url + "blank.html", tab)
        firefox.evaluate("""
          const { SharedInferenceManager } = await import('/shared-inference-manager.js');
          // Only the tab that runs the engine starts workers.
          window.workers = 0;
          window.Worker = class extends Worker {
            constructor(...parameters) { super(...parameters); window.workers += 1; }
          };
          window.manager = new SharedInferenceManager({ hubURL: 'http://127.0.0.1:9' });
          await manager.initialize('quick', null, { unlessLoaded: true });""", tab)
        return tab

    def begin(tab):
        firefox.evaluate(f"""
          window.reply = manager.generate('The capital of France is', {options});
          window.outcome = reply.finished.then(({{ text, tokens }}) => [text, tokens.map((token) => token.id)]);""", tab)

    tabs = [new_tab(), new_tab()]
    begin(tabs[1])
    undisturbed = firefox.evaluate("return outcome", tabs[1])
    assert len(undisturbed[1]) == 120
    for round in range(20):
        assert [firefox.evaluate("return workers > 0", tab) for tab in tabs] == [True, False]
        begin(tabs[1])
        firefox.wait_for(f"reply.tokens.length > {5 + 12 * (round % 9)}", tab=tabs[1])
        firefox.close_tab(tabs[0])
        assert firefox.evaluate("return outcome", tabs[1]) == undisturbed
        tabs = [tabs[1], new_tab()]
    assert len(site.requests) == 1, "nobody loads the model twice"


def test_over_plain_http_it_says_what_is_missing_and_keeps_the_words(firefox, site):
    firefox.open(site.url.replace("127.0.0.1", "example.test"))
    assert firefox.evaluate("return isSecureContext") is False
    firefox.wait_for("document.querySelector('#plain-http')")
    # What is folded has no text in Firefox's eyes.
    text = firefox.evaluate("return document.querySelector('#plain-http').textContent")
    for words in ["plain HTTP", "one thread", "not kept", "offline", "https://", "ssh -L"]:
        assert words in text, words
    ready(firefox)
    answer = ask(firefox, "Say hello in one short sentence.")
    assert len(answer.strip()) > 1
    firefox.evaluate("document.querySelector('#plain-http .notice-actions button').click()")
    # Until the new page is there, the old one would answer.
    firefox.evaluate("document.documentElement.dataset.old = ''; location.reload()")
    firefox.wait_for("!('old' in document.documentElement.dataset)")
    firefox.wait_for("document.querySelectorAll('.message').length === 2")
    # What is not drawn yet has no text in Firefox's eyes either.
    firefox.wait_for("document.querySelector('.bubble').innerText === 'Say hello in one short sentence.'")
    assert reply(firefox) == answer
    assert firefox.evaluate("return document.querySelector('#plain-http')") is None


def test_the_model_dialog_opens_searches_and_closes_by_keyboard(firefox, site, hub):  # noqa: F811
    firefox.open(site.url)
    ready(firefox)
    firefox.evaluate("document.querySelector('#model-button').focus()")
    firefox.press("Enter")
    firefox.wait_for("document.querySelector('#model-dialog').open")
    # Without a pointer, as here, the field does not take the focus by itself: a phone's keyboard would cover the models.
    # From the button that closes, over what scrolls, where Firefox stops too.
    firefox.press("Tab", "Tab")
    firefox.wait_for("document.activeElement.id === 'model-query'")
    firefox.press(*"smol", "Enter")
    firefox.wait_for("document.querySelectorAll('.finder-result').length === 4")
    firefox.press("ArrowDown", "Enter")
    firefox.wait_for("document.querySelector('.description')?.innerText.includes('Runs here · fits this device')")
    firefox.press("Escape")
    firefox.wait_for("document.activeElement.matches('.finder-result')")
    firefox.press("Escape")
    firefox.wait_for("!document.querySelector('#model-list').hidden")
    firefox.press("Escape")
    firefox.wait_for("!document.querySelector('#model-dialog').open")
    firefox.wait_for("document.activeElement.id === 'model-button'")


def test_each_tab_gets_its_reply_also_when_the_one_with_the_engine_is_closed(firefox, site):
    settings(firefox, site, '{"maxTokens":100,"temperature":0}')
    tabs = [firefox.new_tab(), firefox.new_tab()]
    for tab in tabs:
        firefox.open(site.url, tab)
        ready(firefox, tab)
    for tab, text in zip(tabs, ["Write a very long story about a mountain.", "Tell me all about the sea."]):
        firefox.evaluate("document.querySelector('#new-conversation').click()", tab)
        firefox.wait_for("document.querySelectorAll('.message').length === 0", tab=tab)
        write(firefox, text, tab)
    stories = [reply(firefox, tab) for tab in tabs]
    assert stories[0] != stories[1] and len(site.requests) == 1
    # Once more, and the first tab is closed in the middle.
    firefox.evaluate("document.querySelector('#new-conversation').click()", tabs[1])
    firefox.wait_for("document.querySelectorAll('.message').length === 0", tab=tabs[1])
    write(firefox, "Tell me all about the sea.", tabs[1])
    firefox.wait_for("document.querySelector('[data-live] .reply > .prose:not(:has(.thinking))')?.innerText.length > 60",
                     tab=tabs[1])
    firefox.close_tab(tabs[0])
    assert reply(firefox, tabs[1]) == stories[1]
    assert len(site.requests) == 1, "nobody loads the model twice"
