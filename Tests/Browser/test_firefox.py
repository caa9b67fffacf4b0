"""The basics in Firefox, over WebDriver BiDi."""

import shutil

import pytest

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")


@pytest.fixture
def firefox():
    if not FIREFOX:
        pytest.skip("Firefox is not installed")
    from bidi import Firefox
    browser = Firefox(FIREFOX)
    yield browser
    browser.close()


def ready(firefox):
    firefox.wait_for("document.querySelector('#model-status')?.dataset.step === 'ready'")


def ask(firefox, text):
    firefox.evaluate(f"""
      document.querySelector('#message-input').value = {text!r};
      document.querySelector('#message-input').dispatchEvent(new Event('input'));
      document.querySelector('#composer').requestSubmit();""")
    firefox.wait_for("document.querySelector('.message-statistics')")
    return firefox.evaluate("return [...document.querySelectorAll('.prose')].at(-1).innerText")


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


def test_a_broken_transfer_goes_on_where_it_stopped(firefox, site):
    site.cut_after = [40_000_000]
    firefox.open(site.url)
    ready(firefox)
    starts = [start for _, _, start in site.requests]
    assert len(starts) == 2 and starts[1] > 30_000_000


def test_greedy_tokens_equal_those_of_one_thread(firefox, site):
    firefox.open(site.url + "blank.html")
    tokens = [firefox.evaluate(f"""
      const {{ InferenceManager }} = await import('/inference-manager.js');
      const manager = new InferenceManager({{ threads: {threads}, hubURL: 'http://127.0.0.1:9' }});
      await manager.initialize('quick');
      const options = {{ temperature: 0, maxTokens: 16 }};
      const {{ tokens }} = await manager.generate('The capital of France is', options).finished;
      manager.terminate();
      return tokens.map((token) => token.id);""") for threads in (1, 2)]
    assert tokens[0] == tokens[1] and len(tokens[0]) == 16
