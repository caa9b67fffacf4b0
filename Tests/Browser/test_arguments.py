"""What the modules do with wrong arguments, unknown options, names that are none, and content in parts."""

import json
import time

import pytest

from steps import generate, initialize, open_modules

HUB = "http://127.0.0.1:9"


def failure(page, code):
    """The error that some code of the page ends in."""
    return page.evaluate("""async (code) => {
      try {
        await new Function('return (async () => {' + code + '})()')();
        return null;
      } catch (error) {
        const { RequestError } = await import('/inference-manager.js');
        return { isRequestError: error instanceof RequestError, code: error.code, message: error.message };
      }
    }""", code)


def test_what_is_no_models_name_is_sent_nowhere(page, site):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    open_modules(page, site)
    for model in ["'my model'", "'../../etc'", "'org/..'", "''", "7", "null", "{}", "'org/repo/more?x=1'", "'模型'"]:
        error = failure(page, f"await manager.initialize({model})")
        assert error["isRequestError"] and error["message"].startswith("model: expected "), (model, error)
    assert [url for url in asked if url.startswith(HUB)] == [] and site.requests == []
    # What is one is looked up.
    assert failure(page, "await manager.initialize('org/repo')")["code"] == "offline"
    assert any(url.startswith(f"{HUB}/api/models/org/repo") for url in asked)


def test_a_relative_url_is_one_beside_the_page(page, site, quick_model):
    site.models["app/some.gguf"] = quick_model
    site.replaced["app/blank.html"] = b"<!doctype html><title>blank</title>"
    page.goto(site.url + "app/blank.html")
    page.evaluate("""async () => {
      const { InferenceManager } = await import('/inference-manager.js');
      window.manager = new InferenceManager({ hubURL: 'http://127.0.0.1:9' });
    }""")
    initialize(page, "some.gguf")
    assert [name for _, name, _ in site.requests] == ["app/some.gguf"]
    assert page.evaluate("manager.state.getState().currentModel") == site.url + "app/some.gguf"
    assert generate(page, "The capital of France is", {"maxTokens": 2, "ignoresEndOfGeneration": True})["text"]


def test_a_url_is_what_lies_there_though_the_catalog_has_its_name(page, site, quick_model):
    name = "mine/SmolLM2-135M-Instruct.Q4_1.gguf"
    site.models[name] = quick_model
    open_modules(page, site)
    initialize(page, "/" + name)
    assert [asked for _, asked, _ in site.requests] == [name]


def test_wrong_arguments_reject_with_a_request_error_and_harm_nothing(page, site):
    open_modules(page, site)
    initialize(page)
    for code, words in [
        ("await manager.generate().finished", "messages: expected a list, found undefined"),
        ("await manager.generate([]).finished", "at least one message"),
        ("await manager.generate([{ role: 'asistant', content: 'a' }]).finished", "“asistant”"),
        ("await manager.generate([{ content: 'a' }]).finished", "messages[0].role: expected text, found undefined"),
        ("await manager.generate([{ role: 'user', content: 7 }]).finished", "content of message 1"),
        ("await manager.generate('a', null).finished", "options: expected an object, found null"),
        ("await manager.generate('a', { signal: 7 }).finished", "options.signal"),
        ("await manager.generate('a', { maxTokens: -1 }).finished", "options.maxTokens"),
        ("await manager.generate('a', { temperature: NaN }).finished", "options.temperature: expected a number from 0"),
        ("for await (const text of manager.generate('a', { topP: '0.5' })) text;", "options.topP"),
        ("await manager.generate({ tokens: [1, 99999999] }).finished", "99999999"),
        ("await manager.tokenize(7)", "text: expected text, found 7"),
        ("await manager.tokenize('a', null)", "options: expected an object"),
        ("await manager.detokenize('a')", "tokens: expected a list, found “a”"),
        ("await manager.applyTemplate([{ role: 'user', content: 'a' }])", "messages: expected a list, found undefined"),
        ("await manager.initialize('quick', null, { contextLength: -1 })", "contextLength"),
        ("await manager.initialize('quick', 7)", "onProgress: expected a function, found 7"),
        ("new manager.constructor({ hubURL: 'http://' })", "options.hubURL: expected a URL"),
    ]:
        error = failure(page, code)
        assert error and error["isRequestError"], (code, error)
        assert words in error["message"], (code, error)
    assert generate(page, "The capital of France is", {"maxTokens": 4, "ignoresEndOfGeneration": True})["text"]


def test_an_unknown_option_is_told_once_and_the_reply_comes(page, site):
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type == "warning" else None)
    open_modules(page, site)
    initialize(page)
    for _ in range(2):
        reply = generate(page, "The capital of France is", {"max_tokens": 3, "temprature": 0, "maxTokens": 5})
        assert reply["text"]
    # What says it is loaded only then, for each call anew: the order is nobody's promise.
    deadline = time.monotonic() + 30
    told = []
    while len(told) < 2 and time.monotonic() < deadline:
        page.wait_for_timeout(50)
        told = sorted(text for text in said if text.startswith("Swiftlet: "))
    assert len(told) == 2, said
    assert "“max_tokens”" in told[0] and "Did you mean “maxTokens”?" in told[0]
    assert "“temprature”" in told[1] and "Did you mean “temperature”?" in told[1]


@pytest.mark.parametrize("kind", ["image_url", "input_audio"])
def test_content_parts_are_text_in_every_template(page, site, kind):
    open_modules(page, site)
    initialize(page)
    prompts = page.evaluate("""async () => {
      const text = (text) => ({ type: 'text', text });
      const render = (content) => manager.applyTemplate({ messages: [{ role: 'user', content }] });
      return Promise.all([render('Grüße\\nb'), render([text('Grüße'), text('b')])]);
    }""")
    assert prompts[0] == prompts[1] and "Grüße\nb" in prompts[0]
    part = json.dumps({"type": kind, kind: {"url": "x"}})
    error = failure(page, f"await manager.generate([{{ role: 'user', content: [{part}] }}]).finished")
    assert error["isRequestError"] and f"“{kind}”" in error["message"], error
