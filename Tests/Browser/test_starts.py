"""What happens while workers start, or do not, and while something waits for them."""

import pytest

from steps import READY, ask, open_modules, open_page, wait_for, wait_for_megabytes
from test_shared_engine import load, tabs, wait_for_holder  # noqa: F401

MODULE = "swiftlet-threads.wasm"
OUTCOME = """(outcomes) => {
  window.outcomes = Object.fromEntries(Object.keys(outcomes).map((name) => [name, 'pending']));
  for (const [name, outcome] of Object.entries(outcomes))
    outcome.then((value) => (window.outcomes[name] = value?.reason ?? 'done'), (error) => (window.outcomes[name] = error.code));
}"""


def follow(page, calls):
    """Begins calls, by name, whose outcomes are in `outcomes` from then on: `pending`, `done`, a reply's reason or an error's code."""
    page.evaluate(f"() => ({OUTCOME})({{ {', '.join(f'{name}: {call}' for name, call in calls.items())} }})")


def outcomes(page, seconds=20):
    wait_for(page, "() => !Object.values(outcomes).includes('pending')", seconds=seconds)
    return page.evaluate("outcomes")


def wait_in_vain(page, site, text):
    """Sends a message while the model comes."""
    site.rate = 15e6
    page.goto(site.url)
    wait_for_megabytes(page, 2)
    page.fill("#message-input", text)
    page.press("#message-input", "Enter")
    page.wait_for_selector("text=Waiting for the model")


def test_a_message_that_waits_for_the_model_can_be_stopped(page, site):
    wait_in_vain(page, site, "Hello there")
    page.click("#stop")
    page.wait_for_selector("text=This message has no reply")
    site.rate = None
    page.wait_for_selector(READY, state="attached")
    assert len(ask(page, "Say hello.").strip()) > 1
    assert page.locator(".message").count() == 3


def test_a_message_that_is_deleted_while_it_waits_gets_no_reply(page, site):
    wait_in_vain(page, site, "My question")
    page.hover(".message[data-role=user]")
    page.click("[aria-label='Delete this message']")
    page.wait_for_selector(".message", state="detached")
    site.rate = None
    page.wait_for_selector(READY, state="attached")
    assert len(ask(page, "Say hello.").strip()) > 1
    assert page.locator(".message").count() == 2


def test_whoever_waits_for_a_worker_hears_that_it_was_ended(page, site):
    site.slow[MODULE] = 1.5
    open_modules(page, site)
    calls = {"load": "manager.initialize('quick')", "reply": "manager.generate('x').finished", "start": "manager.start()"}
    follow(page, calls)
    page.wait_for_timeout(300)
    page.evaluate("manager.terminate()")
    assert outcomes(page) == dict.fromkeys(calls, "terminated")
    # And it begins anew.
    page.evaluate("manager.initialize('quick').then(() => {})")


def test_what_is_cancelled_before_the_worker_runs_never_begins(page, site):
    site.slow[MODULE] = 1.5
    open_modules(page, site)
    follow(page, {"load": "manager.initialize('quick')", "reply": "manager.generate('x').finished"})
    page.wait_for_timeout(300)
    page.evaluate("() => { manager.cancelLoad(); manager.abort(); }")
    assert outcomes(page) == {"load": "cancelled", "reply": "aborted"}
    assert site.requests == []


def test_a_choice_that_was_replaced_before_its_worker_ran_does_not_come_back(tabs, site, quick_model):  # noqa: F811
    first, second, third = tabs(3)
    for tab in (first, second, third):
        load(tab)
    site.slow[MODULE] = 1
    for name in ("b.gguf", "c.gguf"):
        site.models[name] = quick_model
    follow(second, {"b": "manager.initialize(location.origin + '/models/b.gguf')"})
    second.wait_for_timeout(400)
    info = second.evaluate("manager.initialize(location.origin + '/models/c.gguf')")
    assert outcomes(second) == {"b": "cancelled"}
    site.forget()
    first.close()
    assert third.evaluate("manager.generate('The sky is', { maxTokens: 2 }).finished.then(({ reason }) => reason)") == "length"
    assert third.evaluate("manager.info.model") == info["model"]
    assert wait_for_holder([second, third])
    assert not [path for _, path, _ in site.requests if path == "b.gguf"]


def test_dismissing_what_went_wrong_leaves_a_load_alone(tabs, site, quick_model):  # noqa: F811
    site.models["b.gguf"] = quick_model
    first, second = tabs(2)
    for tab in (first, second):
        load(tab)
    site.slow[MODULE] = 1
    follow(first, {"b": "manager.initialize(location.origin + '/models/b.gguf')"})
    second.wait_for_timeout(400)
    second.evaluate("manager.dismiss()")
    assert outcomes(first) == {"b": "done"}
    assert wait_for_holder([first, second])
    assert second.evaluate("manager.info.model").endswith("b.gguf")


def test_a_load_that_was_cancelled_can_be_begun_again_at_once(tabs, site):  # noqa: F811
    site.rate = 30e6
    [tab] = tabs(1)
    follow(tab, {"first": "manager.initialize('quick')"})
    wait_for(tab, "manager.state.getState().downloadProgress > 0.1")
    tab.evaluate("""() => {
      manager.cancelLoad();
      window.second = manager.initialize('quick').then(() => 'done', (error) => error.code);
    }""")
    assert tab.evaluate("second") == "done"
    assert outcomes(tab) == {"first": "cancelled"}


def load_until(name, more=""):
    """A load that `name.abort()` gives up."""
    return f"manager.initialize('quick', null, {{ signal: (window.{name} = new AbortController()).signal{more} }})"


def test_a_load_that_one_caller_gives_up_goes_on_for_the_others(page, site):
    site.rate = 30e6
    open_modules(page, site)
    follow(page, {"early": load_until("zero"), "first": load_until("one"), "second": load_until("two")})
    # One before the worker runs, and one in the middle.
    page.evaluate("zero.abort()")
    wait_for(page, "manager.progress.getState()?.bytes > 1e6")
    page.evaluate("one.abort()")
    wait_for(page, "outcomes.first !== 'pending'", seconds=2)
    assert page.evaluate("outcomes.second") == "pending"
    site.rate = None
    assert outcomes(page) == {"early": "cancelled", "first": "cancelled", "second": "done"}
    assert len(site.requests) == 1


def test_a_load_that_all_callers_give_up_ends_and_cancelling_it_ends_it_for_all(page, site):
    site.rate = 10e6
    open_modules(page, site)
    for end in ["() => { one.abort(); two.abort(); }", "() => manager.cancelLoad()"]:
        follow(page, {"first": load_until("one"), "second": load_until("two")})
        wait_for(page, "manager.progress.getState()?.bytes > 1e6")
        page.evaluate(end)
        assert outcomes(page, seconds=2) == {"first": "cancelled", "second": "cancelled"}
        assert page.evaluate("manager.state.getState().loadingStep") == "idle"
    site.forget()
    assert site.active == 0, "nothing more is fetched"
    late = "manager.initialize('quick', null, { signal: AbortSignal.abort() }).catch(({ code }) => code)"
    assert page.evaluate(late) == "cancelled"
    assert site.requests == []


def test_tabs_give_up_a_load_each_for_itself(tabs, site):  # noqa: F811
    site.rate = 10e6
    first, second = tabs(2)
    for tab in (first, second):
        follow(tab, {"load": load_until("one")})
    wait_for(second, "manager.state.getState().downloadProgress > 0.05")
    first.evaluate("one.abort()")
    assert outcomes(first, seconds=2) == {"load": "cancelled"}
    follow(first, {"again": load_until("two"), "other": load_until("three", ", unlessLoaded: true")})
    first.evaluate("three.abort()")
    second.evaluate("one.abort()")
    assert outcomes(second, seconds=2) == {"load": "cancelled"}
    wait_for(first, "outcomes.other === 'cancelled'", seconds=2)
    assert first.evaluate("outcomes.again") == "pending" and second.evaluate("manager.state.getState().isLoading")
    first.evaluate("two.abort()")
    assert outcomes(first, seconds=2)["again"] == "cancelled"
    wait_for(second, "!manager.state.getState().isLoading", seconds=2)
    assert len(site.requests) == 1
    # For all: whoever says it.
    for tab in (first, second):
        follow(tab, {"load": load_until("one")})
    wait_for(second, "manager.state.getState().downloadProgress > 0.05")
    second.evaluate("manager.cancelLoad()")
    for tab in (first, second):
        assert outcomes(tab, seconds=2) == {"load": "cancelled"}


def test_a_load_that_is_given_up_ends_in_the_tab_that_has_taken_it_over(tabs, site):  # noqa: F811
    site.rate = 5e6
    first, second = tabs(2)
    for tab in (first, second):
        follow(tab, {"load": load_until("one")})
        wait_for(tab, "manager.state.getState().downloadProgress > 0.02")
    first.close()
    wait_for_holder([second])
    wait_for(second, "manager.state.getState().progress !== null")
    second.evaluate("one.abort()")
    assert outcomes(second, seconds=2) == {"load": "cancelled"}
    assert not second.evaluate("manager.state.getState().isLoading")


def test_a_first_download_goes_on_after_a_moment_without_a_network(page, context, site):
    wait_in_vain(page, site, "Say hello.")
    wait_for_megabytes(page, 10)
    context.set_offline(True)
    site.online = False
    page.wait_for_timeout(1500)
    site.online = True
    context.set_offline(False)
    site.rate = None
    page.wait_for_selector(".message-statistics")
    assert page.locator(".message").count() == 2
    # What came with the page while there was none is here too.
    page.wait_for_selector(".context:not([hidden]) .context-meter")
    assert site.requests[-1][2] > 5e6, "it goes on from where it was"


def test_a_load_that_waits_for_its_hash_can_be_cancelled_and_begun_again(page, site):
    site.slow["hash.wasm"] = 30
    open_modules(page, site)
    follow(page, {"load": "manager.initialize('quick')"})
    wait_for(page, "manager.progress.getState()?.bytes > 500000")
    page.evaluate("manager.cancelLoad()")
    assert outcomes(page) == {"load": "cancelled"}
    site.slow.clear()
    follow(page, {"load": "manager.initialize('quick')"})
    assert outcomes(page) == {"load": "done"}


@pytest.mark.parametrize("file, code", [
    ("hash.wasm", "internal"), ("worker/hash-worker.js", "internal"), ("worker/helper.js", "internal"),
    ("worker.js", "unsupported-platform"),
])
def test_a_part_that_cannot_be_loaded_is_named(page, site, file, code):
    site.missing.add(file)
    open_modules(page, site)
    error = page.evaluate("manager.initialize('quick').catch(({ code, message }) => ({ code, message }))")
    assert error["code"] == code and "undefined" not in error["message"]
    assert file == "worker.js" or file in error["message"]
    assert len(site.requests) <= 1, "no other source was asked for the model"


def test_a_worker_may_come_from_a_line_of_the_pages_own(page, site):
    open_modules(page, site)
    page.evaluate("""async () => {
      const { InferenceManager } = await import('/inference-manager.js');
      const line = `import ${JSON.stringify(location.origin + '/worker.js')};`;
      const workerURL = URL.createObjectURL(new Blob([line], { type: 'text/javascript' }));
      const manager = new InferenceManager({ hubURL: 'http://127.0.0.1:9', workerURL });
      await manager.initialize('quick');
    }""")


def test_locks_that_are_refused_are_done_without(page, site):
    page.add_init_script("""
      navigator.locks.request = navigator.locks.query = async () => { throw new DOMException('No.', 'SecurityError'); };""")
    open_page(page, site)
    assert len(ask(page, "Say hello.").strip()) > 1
