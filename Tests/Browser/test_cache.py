"""Models are kept, resumed, checked and shared between tabs."""

import hashlib
import shutil
import time

import pytest

from conftest import QUICK_FILE
from steps import (
    READY, ask, crash_largest_renderer, generate, initialize, open_modules, open_page, wait_for, wait_for_megabytes,
    wait_for_requests)
from steps import replace

QUICK_SIZE = 98_362_432


def cached_bytes(page):
    """How much of the Quick model is in the Origin Private File System."""
    return page.evaluate("""async (name) => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('models', { create: true });
      try { return (await (await folder.getFileHandle(name)).getFile()).size; } catch { return 0; }
    }""", QUICK_FILE)


def is_cached(page):
    return page.evaluate("manager.cache.has('quick')")


def test_after_the_first_visit_it_works_with_the_network_off(launch, site):
    context = launch()
    page = context.new_page()
    open_page(page, site)
    wait_for(page, "navigator.serviceWorker.controller !== null")
    wait_for(page, """async () => {
      const [name] = await caches.keys();
      return name && (await (await caches.open(name)).keys()).length > 40;
    }""")
    context.close()

    # A new start of the browser, the server gone: nothing but this device.
    site.online = False
    site.forget()
    context = launch()
    context.set_offline(True)
    page = context.new_page()
    open_page(page, site)
    assert page.evaluate("crossOriginIsolated") is True
    assert len(ask(page, "Say hello.").strip()) > 1
    assert site.requests == []


def test_a_broken_transfer_goes_on_where_it_stopped(page, site):
    # Slower than any machine reads, so that little is under way when a transfer breaks: the system drops that.
    site.rate = 25e6
    site.cut_after = [30_000_000, 20_000_000]
    open_modules(page, site)
    progress = initialize(page)
    starts = [start for _, _, start in site.requests]
    assert len(starts) == 3 and starts[0] == 0
    assert site.sent == QUICK_SIZE + sum(
        sent - start for sent, start in [(30_000_000, starts[1]), (starts[1] + 20_000_000, starts[2])])
    assert site.sent - QUICK_SIZE < 8_000_000
    shares = [step["progress"] for step in progress]
    assert shares == sorted(shares) and shares[-1] <= 1
    assert is_cached(page)


def test_a_closed_browser_resumes_with_the_missing_range(launch, site):
    site.rate = 40e6
    context = launch()
    page = context.new_page()
    page.goto(site.url)
    wait_for_megabytes(page, 30)
    context.close()

    site.rate = None
    time.sleep(0.3)
    site.forget()
    context = launch()
    page = context.new_page()
    page.goto(site.url + "blank.html")
    kept = cached_bytes(page)
    assert kept > 20_000_000
    open_page(page, site)
    assert [start for _, _, start in site.requests] == [kept]
    assert site.sent == QUICK_SIZE - kept
    assert len(ask(page, "Say hello.").strip()) > 1


def test_a_crashed_tab_resumes(context, site):
    site.rate = 40e6
    page = context.new_page()
    page.goto(site.url)
    wait_for_megabytes(page, 30)
    crash_largest_renderer()
    site.rate = None
    time.sleep(0.5)
    site.forget()
    other = context.new_page()
    open_page(other, site)
    assert len(site.requests) == 1 and site.requests[0][2] > 15_000_000
    assert site.sent == QUICK_SIZE - site.requests[0][2]


@pytest.mark.parametrize("position", [100, 50_000_000])
def test_a_corrupted_file_heals(page, site, position):
    open_modules(page, site)
    initialize(page)
    page.evaluate("manager.terminate()")
    page.evaluate("""async ([name, position]) => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('models');
      const writable = await (await folder.getFileHandle(name)).createWritable({ keepExistingData: true });
      await writable.write({ type: 'write', position, data: new Uint8Array(4096) });
      await writable.close();
    }""", [QUICK_FILE, position])
    site.forget()
    initialize(page)
    assert [start for _, _, start in site.requests] == [0]
    assert len(generate(page, "The sky is", {"maxTokens": 4, "ignoresEndOfGeneration": True})["tokens"]) == 4
    site.forget()
    page.evaluate("manager.terminate()")
    initialize(page)
    assert site.requests == []


def test_a_transfer_with_wrong_bytes_is_refused_and_not_kept(page, site):
    site.corrupt = [60_000_000]
    open_modules(page, site)
    error = page.evaluate("""async () => {
      const tell = (error) => [error.constructor.name, error.code, error instanceof Error];
      return manager.initialize('quick').catch(tell);
    }""")
    assert error == ["DownloadError", "hash-mismatch", True]
    assert not is_cached(page)
    assert cached_bytes(page) == 0
    initialize(page)
    assert is_cached(page)


def versions_of(quick_model, folder):
    """Two files of the same size, both models, that differ from their first bytes of weights to their last."""
    other = bytearray(quick_model.read_bytes())
    for position in range(8_000_000, len(other), 1_000_000):
        other[position] ^= 1
    path = folder / "other.gguf"
    path.write_bytes(other)
    return path, hashlib.sha256(other).hexdigest()


def begin_and_stop(page, site):
    """A part of models/m.gguf is kept."""
    site.rate = 60e6
    page.evaluate("""() => {
      window.loading = manager.initialize(location.origin + '/models/m.gguf').catch(({ code }) => code);
    }""")
    wait_for(page, "manager.progress.getState()?.bytes > 12e6")
    page.evaluate("manager.cancelLoad()")
    assert page.evaluate("loading") == "cancelled"
    site.rate = None
    site.forget()


def load_rest(page):
    """Loads models/m.gguf, and returns its hash as the browser keeps it."""
    return page.evaluate("""async () => {
      await manager.initialize(location.origin + '/models/m.gguf');
      return (await manager.cache.list())[0].sha256;
    }""")


FIRST, SECOND = ("ETag", '"1"'), ("ETag", '"2"')
MONDAY, TUESDAY = ("Last-Modified", "Mon, 05 Jan 2026 10:00:00 GMT"), ("Last-Modified", "Tue, 06 Jan 2026 10:00:00 GMT")


@pytest.mark.parametrize("before, after, unheeded, requests", [
    (FIRST, SECOND, set(), 1), (MONDAY, TUESDAY, set(), 1), (("ETag", 'W/"1"'), SECOND, set(), 1),
    (FIRST, SECOND, {"If-Range"}, 2), (MONDAY, TUESDAY, {"If-Range"}, 2), (FIRST, SECOND, {"Range"}, 1),
    (None, None, set(), 1),
])
def test_two_versions_of_a_file_are_never_mixed(page, site, quick_model, tmp_path, before, after, unheeded, requests):
    """Without a published hash only the server's word tells them apart."""
    open_modules(page, site)
    site.models["m.gguf"] = quick_model
    site.versions["m.gguf"] = before
    begin_and_stop(page, site)
    site.models["m.gguf"], digest = versions_of(quick_model, tmp_path)
    site.versions["m.gguf"] = after
    site.unheeded = unheeded
    assert load_rest(page) == digest
    assert len(site.requests) == requests
    assert site.conditions[0] == (before[1] if before and not before[1].startswith("W/") else None)


@pytest.mark.parametrize("version", [FIRST, MONDAY])
def test_a_file_that_is_the_same_goes_on_where_it_stopped(page, site, quick_model, version):
    open_modules(page, site)
    site.models["m.gguf"] = quick_model
    site.versions["m.gguf"] = version
    begin_and_stop(page, site)
    # And once more after a break.
    site.rate, site.cut_after = 60e6, [20_000_000]
    assert load_rest(page) == hashlib.sha256(quick_model.read_bytes()).hexdigest()
    assert site.conditions == [version[1]] * 2
    assert min(start for _, _, start in site.requests) > 10_000_000


def test_a_file_that_has_become_shorter_is_begun_anew(page, site, quick_model, tmp_path):
    """What was asked for is none of its bytes any more."""
    open_modules(page, site)
    longer = tmp_path / "longer.gguf"
    longer.write_bytes(quick_model.read_bytes() + bytes(5_000_000))
    site.models["m.gguf"] = longer
    site.versions["m.gguf"] = FIRST
    begin_and_stop(page, site)
    site.models["m.gguf"] = tmp_path / "none.gguf"
    site.models["m.gguf"].write_bytes(quick_model.read_bytes()[:4_000_000])
    site.unheeded = {"If-Range"}
    # It ends before its first weights.
    assert page.evaluate("manager.initialize(location.origin + '/models/m.gguf').catch(({ code }) => code)") == "invalid-model"
    assert [start for _, _, start in site.requests][1:] == [0]
    # Another size, of the same name for its version.
    site.models["m.gguf"] = longer
    begin_and_stop(page, site)
    site.models["m.gguf"] = quick_model
    assert load_rest(page) == hashlib.sha256(quick_model.read_bytes()).hexdigest()


def test_a_file_that_changes_while_it_comes_is_begun_anew_at_most_twice(page, site, quick_model, tmp_path):
    open_modules(page, site)
    files = [quick_model, versions_of(quick_model, tmp_path)[0]]
    site.rate, site.cut_after = 80e6, [12_000_000] * 4
    site.models["m.gguf"] = files[0]
    site.versions["m.gguf"] = FIRST
    page.evaluate("""() => {
      window.loading = manager.initialize(location.origin + '/models/m.gguf').catch(({ message }) => message);
    }""")
    for change in range(1, 4):
        wait_for_requests(site, change)
        site.models["m.gguf"] = files[change % 2]
        site.versions["m.gguf"] = ("ETag", f'"{change + 1}"')
    assert "changes the file faster than it can be downloaded" in page.evaluate("loading")


def test_what_a_published_hash_vouches_for_goes_on_though_the_server_names_it_anew(page, site):
    site.rate, site.cut_after = 60e6, [30_000_000]
    site.versions[QUICK_FILE] = FIRST
    open_modules(page, site)
    page.evaluate("() => { window.loading = manager.initialize('quick').then(() => 'done', ({ code }) => code); }")
    wait_for_requests(site, 1)
    site.versions[QUICK_FILE] = SECOND
    assert page.evaluate("loading") == "done"
    assert site.conditions == [None, None] and site.requests[1][2] > 15_000_000


def test_a_server_that_is_busy_is_asked_again(page, site):
    # The first time the hub is asked instead, which is not there.
    site.refusals = [(503, []), (503, []), (429, [("Retry-After", "2")])]
    site.rate, site.cut_after = 60e6, [30_000_000]
    open_modules(page, site)
    page.evaluate("""() => {
      window.seen = [];
      window.loading = manager.initialize('quick', (progress) => seen.push(progress)).then(() => 'done', ({ code }) => code);
    }""")
    wait_for_requests(site, 4)
    # And in the middle.
    site.refusals = [(500, [])]
    assert page.evaluate("loading") == "done"
    starts = [start for _, _, start in site.requests]
    assert starts[:4] == [0, 0, 0, 0] and len(starts) == 6 and starts[4] == starts[5] > 15_000_000
    waits = page.evaluate("seen.filter(({ isWaiting }) => isWaiting).map(({ text }) => text)")
    assert waits[:2] == ["Waiting 1 s: this site answered 503 Service Unavailable",
                         "Waiting 2 s: this site answered 429 Too Many Requests"]
    assert len(waits) == 3 and "500" in waits[2]
    assert not page.evaluate("seen.at(-1).isWaiting")


@pytest.mark.parametrize("status, requests", [(500, 6), (501, 1), (404, 1)])
def test_a_server_that_stays_busy_is_given_up(page, site, status, requests):
    replace(site, "retry.js", b"firstDelay = 500", b"firstDelay = 20")
    site.refusals = [(status, [])] * 9
    open_modules(page, site)
    message = page.evaluate("manager.initialize('quick').catch(({ message }) => message)")
    assert f"this site answered {status}" in message and ("5 times in a row" in message) == (requests == 6)
    assert len(site.requests) == requests


def test_a_load_that_waits_for_a_busy_server_can_be_cancelled_and_begun_again(page, site):
    site.refusals = [(503, [("Retry-After", "50")])] * 2
    open_modules(page, site)
    page.evaluate("() => { window.loading = manager.initialize('quick').catch(({ code }) => code); }")
    wait_for(page, "manager.progress.getState()?.isWaiting", seconds=10)
    assert "Waiting 50 s" in page.evaluate("manager.progress.getState().text")
    begun = time.monotonic()
    page.evaluate("manager.cancelLoad()")
    assert page.evaluate("loading") == "cancelled"
    assert page.evaluate("manager.initialize('quick').then(() => 'done')") == "done"
    assert time.monotonic() - begun < 20


def test_the_page_says_what_a_load_waits_for(page, site):
    site.refusals = [(429, [("Retry-After", "3")])] * 2
    page.goto(site.url)
    page.wait_for_selector(".loading-figures >> text=Waiting 3 s: this site answered 429")
    page.wait_for_selector(READY, state="attached")


def test_two_tabs_load_the_same_model_with_one_download(context, site):
    site.rate = 40e6
    pages = [context.new_page() for _ in range(2)]
    for page in pages:
        page.goto(site.url)
    for page in pages:
        page.wait_for_selector(READY, state="attached")
        assert len(ask(page, "Say hello.").strip()) > 1
    assert site.sent == QUICK_SIZE


def test_the_second_tab_takes_over_when_the_first_is_closed(context, site):
    site.rate = 8e6
    first, second = context.new_page(), context.new_page()
    first.goto(site.url)
    wait_for_megabytes(first, 5)
    second.goto(site.url)
    wait_for_megabytes(second, 5)
    assert len(site.requests) == 1
    first.close()
    wait_for_requests(site, 2)
    site.rate = None
    second.wait_for_selector(READY, state="attached")
    starts = [start for _, _, start in site.requests]
    assert len(starts) == 2 and starts[1] > 4_000_000


def test_what_is_kept_of_one_address_is_not_taken_for_another(page, site, quick_model):
    open_modules(page, site)
    site.models["a/b.gguf"] = quick_model
    load = "name => manager.initialize(location.origin + name).then(() => 'loaded', (error) => error.code)"
    assert page.evaluate(load, "/models/a/b.gguf?key=1") == "loaded"
    site.forget()
    assert page.evaluate(load, "/models/a/b.gguf?key=2") == "loaded"
    assert site.requests == []
    # Both have the same name among the kept files.
    assert page.evaluate(load, "/models/a_b.gguf") == "download-failed"


def test_the_cache_can_be_listed_and_cleared(page, site):
    open_modules(page, site)
    initialize(page)
    [entry] = page.evaluate("manager.cache.list()")
    assert entry["model"] == "smollm2-135m-instruct" and entry["size"] == QUICK_SIZE and entry["complete"]
    page.evaluate("manager.cache.delete('quick')")
    assert page.evaluate("manager.cache.list()") == []
    assert not is_cached(page)


def test_a_file_that_the_user_picked_is_loaded_and_kept(page, site, quick_model):
    open_page(page, site)
    page.click("#model-button")
    page.wait_for_selector("#model-dialog[open]")
    page.set_input_files("#model-file", str(quick_model))
    wait_for(page, "document.querySelector('#model-name').textContent === 'smollm2'")
    page.wait_for_selector(READY, state="attached")
    assert len(ask(page, "Say hello.").strip()) > 1
    page.reload()
    page.wait_for_selector(READY, state="attached")
    assert page.inner_text("#model-name") == "smollm2"


def test_a_picked_file_is_known_by_its_content_and_not_by_its_name(page, site, quick_model, tmp_path):
    """Of the same name: one file, another of the same size, and a longer one."""
    original = quick_model.read_bytes()
    other = bytearray(original)
    other[-1000] ^= 1
    contents = [original, other, other + bytes(4096)]
    open_modules(page, site)
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), { type: 'file' }))")
    for index, content in enumerate(contents):
        folder = tmp_path / str(index)
        folder.mkdir()
        (folder / "m.gguf").write_bytes(content)
        page.set_input_files("input", str(folder / "m.gguf"))
        page.evaluate("manager.initialize(document.querySelector('input').files[0])")
        [kept] = page.evaluate("manager.cache.list()")
        assert kept["sha256"] == hashlib.sha256(content).hexdigest()
        # One copy on the disk at a time, beside the browser's.
        shutil.rmtree(folder)
