"""Stopping, switching and ending."""

import time

import pytest

from conftest import SITE
from steps import ask, assert_quick, generate, initialize, open_modules, open_page, renderer_memory, wait_for


@pytest.mark.alone
def test_a_cancelled_reply_ends_within_one_token(page, site):
    open_modules(page, site)
    initialize(page)
    outcome = page.evaluate("""async () => {
      const options = { temperature: 0, ignoresEndOfGeneration: true, maxTokens: 1000 };
      const reply = manager.generate('Count: 1, 2, 3,', options);
      for await (const text of reply) if (reply.tokens.length >= 20) break;
      const [tokens, time] = [reply.tokens.length, performance.now()];
      const { reason, timings } = await reply.finished;
      return { reason, more: reply.tokens.length - tokens, waited: performance.now() - time,
        perToken: timings.predictedMilliseconds / timings.predictedCount };
    }""")
    assert outcome["reason"] == "aborted"
    # What was on its way already, events being posted every 12 ms, and the token that was being computed.
    assert_quick(outcome["more"] <= 2 + 12 / outcome["perToken"], outcome)
    assert_quick(outcome["waited"] < 60 + 3 * outcome["perToken"], outcome)


def test_a_long_prompt_can_be_stopped_while_it_is_read(page, site):
    open_modules(page, site)
    initialize(page)
    outcome = page.evaluate("""async () => {
      const reply = manager.generate('word '.repeat(3500), { maxTokens: 5 });
      await new Promise((resolve) => (reply.onPromptProgress = resolve));
      const time = performance.now();
      reply.cancel();
      const { reason } = await reply.finished;
      return { reason, waited: performance.now() - time, tokens: reply.tokens.length };
    }""")
    assert outcome["reason"] == "aborted" and outcome["tokens"] == 0
    assert outcome["waited"] < 5000, outcome


def test_abort_and_signals_end_replies_without_an_error(page, site):
    open_modules(page, site)
    initialize(page)
    reasons = page.evaluate("""async () => {
      const options = { ignoresEndOfGeneration: true, maxTokens: 1000 };
      const replies = [manager.generate('One', options), manager.generate('Two', options)];
      for await (const text of replies[0]) break;
      manager.abort();
      const ended = await Promise.all(replies.map(async (reply) => (await reply.finished).reason));
      const controller = new AbortController();
      const third = manager.generate('Three', { ...options, signal: controller.signal });
      for await (const text of third) controller.abort();
      return [...ended, (await third.finished).reason];
    }""")
    assert reasons == ["aborted", "aborted", "aborted"]


def test_another_model_can_be_chosen_while_one_is_loading(page, site, quick_model):
    site.models["other.gguf"] = quick_model
    site.rate = 30e6
    open_modules(page, site)
    outcome = page.evaluate("""async () => {
      const first = manager.initialize('quick').catch((error) => error);
      await new Promise((resolve) => manager.progress.subscribe((progress) => progress?.bytes > 5e6 && resolve()));
      const info = await manager.initialize(location.origin + '/models/other.gguf');
      const error = await first;
      const step = manager.state.getState().loadingStep;
      return { name: error.constructor.name, code: error.code, model: info.model, step };
    }""")
    assert outcome["name"] == "CancelledError" and outcome["code"] == "cancelled"
    assert outcome["model"].endswith("other.gguf") and outcome["step"] == "ready"
    assert len(generate(page, "The sky is", {"maxTokens": 4, "ignoresEndOfGeneration": True})["tokens"]) == 4


@pytest.mark.alone
def test_terminate_gives_the_memory_back_and_the_manager_works_again(page, site):
    open_modules(page, site)
    before = renderer_memory()
    initialize(page)
    generate(page, "The sky is", {"maxTokens": 4})
    loaded = renderer_memory()
    assert loaded - before > 70_000_000
    page.evaluate("manager.terminate()")
    deadline = time.monotonic() + 20
    while renderer_memory() - before > 40_000_000 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert renderer_memory() - before < 40_000_000
    assert page.evaluate("manager.state.getState().loadingStep") == "idle"
    initialize(page)
    assert len(generate(page, "The sky is", {"maxTokens": 4, "ignoresEndOfGeneration": True})["tokens"]) == 4


def test_terminate_rejects_what_is_under_way(page, site):
    open_modules(page, site)
    initialize(page)
    outcome = page.evaluate("""async () => {
      const reply = manager.generate('One', { ignoresEndOfGeneration: true, maxTokens: 1000 });
      for await (const text of reply) { manager.terminate(); break; }
      return reply.finished.catch((error) => [error.constructor.name, error.code]);
    }""")
    assert outcome == ["EngineError", "terminated"]


def break_threads(site):
    """Without a stack a thread traps as soon as it computes."""
    helper = (SITE / "worker/helper.js").read_text()
    broken = helper.replace("exports.swiftlet_thread_main",
                            "exports.__stack_pointer.value = 16;\n  exports.swiftlet_thread_main")
    assert broken != helper
    site.replaced["worker/helper.js"] = broken.encode()


def test_a_conversation_goes_on_after_a_thread_has_stopped(page, site):
    break_threads(site)
    open_page(page, site)
    page.fill("#message-input", "What is the capital of France?")
    page.press("#message-input", "Enter")
    page.wait_for_selector("text=A thread of the engine stopped")
    page.wait_for_selector("text=Quick has stopped")
    del site.replaced["worker/helper.js"]
    ask(page, "And of Italy?")


def test_a_thread_that_stops_is_an_error_and_the_next_call_starts_anew(page, site):
    break_threads(site)
    open_modules(page, site, '{"threads": 2}')
    error = page.evaluate("""async () => {
      await manager.initialize('quick');
      const reply = manager.generate('Once upon a time', { maxTokens: 64 });
      return reply.finished.catch(({ constructor: { name }, code, message }) => ({ name, code, message }));
    }""")
    assert error["code"] == "internal" and "A thread of the engine stopped" in error["message"], error
    del site.replaced["worker/helper.js"]
    initialize(page)
    assert generate(page, "Once upon a time", {"maxTokens": 8, "ignoresEndOfGeneration": True})["text"]


def test_errors_are_real_and_carry_a_code(page, site):
    open_modules(page, site)
    codes = page.evaluate("""async () => {
      const { SwiftletError } = await import('/inference-manager.js');
      const isReal = (error) => error instanceof SwiftletError && error instanceof Error;
      const tell = (error) => [isReal(error), error.constructor.name, error.code];
      const errors = [];
      errors.push(await manager.generate([{ role: 'user', content: 'x' }]).finished.catch(tell));
      errors.push(await manager.initialize('no-such-model').catch(tell));
      await manager.initialize('quick', null, { contextLength: 256 });
      errors.push(await manager.generate('word '.repeat(400)).finished.catch(tell));
      return errors;
    }""")
    assert codes == [
        [True, "RequestError", "no-model"], [True, "ModelError", "model-not-found"],
        [True, "ContextOverflowError", "context-overflow"]]


def test_something_that_is_no_model_is_refused_early(page, site, tmp_path):
    junk = tmp_path / "junk.gguf"
    junk.write_bytes(b"not a model " * 2_000_000)
    site.models["junk.gguf"] = junk
    site.rate = 10e6
    open_modules(page, site)
    code = page.evaluate("manager.initialize(location.origin + '/models/junk.gguf').catch((error) => error.code)")
    assert code == "invalid-model"
    assert site.sent < 12_000_000


def test_the_store_mirrors_the_engine(page, site):
    open_modules(page, site)
    outcome = page.evaluate("""async () => {
      const { createModelStore } = await import('/model-store.js');
      const store = createModelStore(manager);
      const steps = [], models = [];
      let whole = 0;
      store.subscribe(() => (whole += 1));
      store.subscribe((state) => state.loadingStep, (step) => steps.push(step));
      store.subscribe((state) => state.availableModels.length, (count) => models.push(count));
      await store.loadModel('quick');
      const { currentModel, downloadProgress, error, isLoading } = store.getState();
      await store.resetModel();
      const after = store.getState().loadingStep;
      return { steps, models, whole, currentModel, downloadProgress, error, isLoading, after };
    }""")
    assert outcome["steps"] == ["downloading", "compiling", "ready", "idle"]
    assert outcome["models"] == [4] and outcome["whole"] > 6
    assert outcome["currentModel"] == "smollm2-135m-instruct" and outcome["downloadProgress"] == 1
    assert outcome["error"] is None and outcome["isLoading"] is False and outcome["after"] == "idle"


def test_the_example_page_works(page, site):
    page.goto(site.url + "example.html")
    page.wait_for_selector("button:not([disabled])")
    page.click("button")
    wait_for(page, "document.querySelector('#answer').textContent.length > 20")
