"""What the tests do over and over with the page and its modules."""

import os
import pathlib
import signal
import time

READY = "#model-status[data-step=ready]"
STATISTICS = ".message[data-role=assistant]:not([data-live]) .message-statistics"


class TooSlow(AssertionError):
    """A measured time is over its limit. Such a test, and no other, is run anew, at most twice."""


def assert_quick(is_quick, measured):
    """Fails with `TooSlow` where a measured time is over its limit."""
    if not is_quick:
        raise TooSlow(measured)


def wait_for(page, expression, argument=None, seconds=60):
    """Waits until an expression (or a function of `argument`) is true in the page.

    Playwright's own `wait_for_function` evaluates strings inside the page, which its Content Security Policy forbids.
    """
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression, argument):
        assert time.monotonic() < deadline, f"waited {seconds} s for {expression}"
        time.sleep(0.05)


def wait_for_megabytes(page, count):
    """Waits until the loading screen tells of more than `count` MB."""
    wait_for(page, """(count) => {
      const [, megabytes] = /^([\\d.]+) MB of/.exec(document.querySelector('.loading-figures')?.innerText) ?? [];
      return Number(megabytes) > count;
    }""", count)


def wait_for_requests(site, count, seconds=60):
    """Waits until the site was asked `count` times for a model."""
    deadline = time.monotonic() + seconds
    while len(site.requests) < count:
        assert time.monotonic() < deadline, f"waited {seconds} s for {count} requests, saw {site.requests}"
        time.sleep(0.05)


def replace(site, name, old, new):
    """Serves one of the site's files with something else in it."""
    data = (site.site / name).read_bytes()
    assert old in data, f"{name} has no {old!r}"
    site.replaced[name] = data.replace(old, new)


def open_page(page, site):
    """Opens the chat page and waits until the model is ready."""
    page.goto(site.url)
    page.wait_for_selector(READY, state="attached")


def ask(page, text, count=None):
    """Sends a message, waits until there are `count` finished replies (one more than before), and returns the last one's
    text."""
    count = count or 1 + page.locator(STATISTICS).count()
    page.fill("#message-input", text)
    page.press("#message-input", "Enter")
    wait_for(page, "([selector, count]) => document.querySelectorAll(selector).length >= count", [STATISTICS, count])
    # What shows Markdown comes with the first reply that needs it.
    reply = page.locator(".message[data-role=assistant] .prose").last
    wait_for(page, "(node) => node.innerText.trim() !== ''", reply.element_handle())
    return reply.inner_text()


def change_settings(page, **settings):
    """Sets what the page keeps as its settings, before it is opened or loaded again."""
    page.evaluate("(settings) => localStorage.setItem('swiftlet-settings', JSON.stringify(settings))", settings)


def open_modules(page, site, options="{}"):
    """Opens an empty page with `window.manager`, an InferenceManager of the site that never asks the real hub."""
    page.goto(site.url + "blank.html")
    page.evaluate("""async (options) => {
      const { InferenceManager } = await import('/inference-manager.js');
      window.manager = new InferenceManager({ hubURL: 'http://127.0.0.1:9', ...JSON.parse(options) });
    }""", options)


def initialize(page, model="quick"):
    """Loads a model and returns every progress object."""
    return page.evaluate("""async (model) => {
      const seen = [];
      await manager.initialize(model, (progress) => seen.push(progress));
      return seen;
    }""", model)


def generate(page, messages, options):
    """Generates a reply and returns its text, token ids, reason and timings."""
    return page.evaluate("""async ([messages, options]) => {
      const reply = manager.generate(messages, options);
      const { text, tokens, reason, timings } = await reply.finished;
      return { text, tokens: tokens.map((token) => token.id), promptTokens: reply.promptTokens, reason, timings };
    }""", [messages, options])


def processes_below(pid):
    """Ids of all processes that descend from this one."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def renderers(field="VmRSS"):
    """The renderer processes of our browsers: their ids and how many bytes each has in memory.

    With `VmHWM` the most that each has had.
    """
    found = {}
    for pid in processes_below(os.getpid()):
        try:
            if b"--type=renderer" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                found[pid] = int(status.split(f"{field}:")[1].split()[0]) * 1024
        except (OSError, IndexError):
            continue
    return found


def renderer_memory():
    """Bytes that the largest renderer has in memory."""
    return max(renderers().values(), default=0)


def wait_for_memory(limit, seconds=30):
    """Waits until the largest renderer has no more than `limit` bytes in memory."""
    deadline = time.monotonic() + seconds
    while renderer_memory() > limit:
        assert time.monotonic() < deadline, f"{renderer_memory() / 1e6:.0f} MB are still in memory"
        time.sleep(0.1)


def peak_renderer_memory():
    """The most bytes that the largest renderer has had in memory."""
    return max(renderers("VmHWM").values(), default=0)


def signal_largest_renderer(number):
    """Sends a signal to the renderer with the most memory, and returns its process."""
    sizes = renderers()
    largest = max(sizes, key=sizes.get)
    os.kill(largest, number)
    return largest


def crash_largest_renderer():
    """Ends the renderer with the most memory, as running out of it would."""
    signal_largest_renderer(signal.SIGKILL)


def axe(page):
    """What axe finds wrong, in short."""
    from axe_playwright_python.sync_playwright import Axe
    found = Axe().run(page).response["violations"]
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found]
