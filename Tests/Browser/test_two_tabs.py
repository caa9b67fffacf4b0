"""One conversation in two tabs: a question waits for the reply above it, and either tab can end a reply."""

import os
import signal

from steps import change_settings, open_page, signal_largest_renderer, wait_for
from test_controls import focused
from test_conversations import LIVE_TEXT, LONG, REPLY, exported, long_reply, second_tab, write
from test_system_prompts import watch_requests


def watch_labels(page):
    """Keeps what every reply says about itself from now on in `window.labels`."""
    page.evaluate("""() => {
      window.labels = [];
      const look = () => {
        for (const node of document.querySelectorAll('.message-statistics, .nothing')) labels.push(node.textContent);
      };
      new MutationObserver(look).observe(document.querySelector('#thread'), { childList: true, subtree: true });
    }""")


def test_a_question_waits_for_the_reply_that_another_tab_writes_above_it(context, page, site):
    watch_requests(page)
    long_reply(page, site)
    other = second_tab(context, page, site)
    write(other, "And then?")
    other.wait_for_selector(".thinking >> text=Waiting for the reply in another tab")
    page.bring_to_front()
    wait_for(page, "document.querySelector('[data-live] .prose').innerText.length > 400")
    page.press("#message-input", "Escape")
    other.bring_to_front()
    wait_for(other, "document.querySelector('[data-live] .prose:not(:has(.thinking))')?.innerText.length > 10")
    # The tab that wrote the first reply runs the engine, and sees what the other asks.
    [conversation] = exported(other)
    whole = conversation["messages"][1]["content"]
    assert len(whole) > 400
    [asked] = page.evaluate("(parts) => framesSent.filter((text) => parts.every((part) => text.includes(part)))",
                            ["And then?", conversation["id"]])
    assert whole[-60:] in asked
    other.press("#message-input", "Escape")


def test_a_question_that_waits_for_another_tab_can_be_stopped(context, page, site):
    long_reply(page, site)
    other = second_tab(context, page, site)
    write(other, "And then?")
    other.wait_for_selector(".thinking >> text=Waiting for the reply in another tab")
    other.press("#message-input", "Escape")
    other.wait_for_selector(f"{REPLY} >> text=Stopped before the first word.")
    wait_for(page, LIVE_TEXT)
    page.wait_for_selector(f"{REPLY} >> nth=1 >> text=Stopped before the first word.")


def test_a_reply_whose_tab_is_closed_is_cut_off_in_the_others_and_can_be_continued(context, page, site):
    long_reply(page, site)
    others = [second_tab(context, page, site) for _ in range(2)]
    for other in others:
        other.wait_for_selector(".message-statistics >> text=Being written in another tab")
    page.close()
    for other in others:
        other.wait_for_selector(f"{REPLY} .message-footer >> text=Cut off")
        watch_labels(other)
    others[0].wait_for_timeout(1000)
    for other in others:
        assert other.evaluate("labels.length") < 5, other.evaluate("labels.slice(0, 9)")
        assert not other.locator("text=Being written in another tab").count()
    others[0].click(f"{REPLY} >> text=Continue", timeout=3000)
    wait_for(others[0], LIVE_TEXT)
    others[1].wait_for_selector(".message-statistics >> text=Being written in another tab")
    others[0].press("#message-input", "Escape")


def test_a_reply_that_ends_in_another_tab_is_never_called_cut_off(context, page, site):
    page.goto(site.url + "blank.html")
    change_settings(page, maxTokens=500)
    open_page(page, site)
    write(page, LONG)
    wait_for(page, LIVE_TEXT)
    # The end of the reply is slow to be stored.
    page.evaluate("""() => {
      const put = IDBObjectStore.prototype.put;
      IDBObjectStore.prototype.put = function (value) {
        if (this.name === 'nodes' && value.ending !== 'cut') {
          for (const end = performance.now() + 700; performance.now() < end; );
        }
        return put.call(this, value);
      };
    }""")
    other = second_tab(context, page, site)
    watch_labels(other)
    other.wait_for_selector(".message-statistics >> text=Being written in another tab")
    other.wait_for_selector(".message-statistics >> text=Cut at the length limit")
    assert "Cut off" not in other.evaluate("labels.join()")


def test_a_tab_stops_the_reply_that_another_one_writes(context, page, site):
    long_reply(page, site)
    other = second_tab(context, page, site)
    other.wait_for_selector(".message-statistics >> text=Being written in another tab")
    other.hover(REPLY)
    other.focus(f"{REPLY} .text-button >> text=Stop")
    length = "document.querySelector('[data-role=assistant] .prose').textContent.length"
    before = other.evaluate(length)
    wait_for(other, f"(before) => {length} > before", before)
    # What grows meanwhile takes no focus.
    assert other.evaluate("document.activeElement.textContent") == "Stop"
    other.keyboard.press("Enter")
    for tab in [page, other]:
        tab.wait_for_selector(".message-statistics >> text=Stopped")
    assert focused(other) == "message-input"
    other.hover(REPLY)
    other.click("text=Continue")
    wait_for(other, LIVE_TEXT)
    page.wait_for_selector(".message-statistics >> text=Being written in another tab")


def test_a_tab_that_sleeps_while_it_writes_keeps_nobody_from_the_conversation(context, page, site):
    # It would run in the process that is put to sleep.
    context.route("**/service-worker.js", lambda route: route.abort())
    long_reply(page, site)
    page.wait_for_timeout(1200)
    other = second_tab(context, page, site)
    asleep = signal_largest_renderer(signal.SIGSTOP)
    try:
        write(other, "And then?")
        other.wait_for_selector(".thinking >> text=Waiting for the reply in another tab")
        wait_for(other, "document.querySelector('[data-live] .prose:not(:has(.thinking))')?.innerText.length > 2", seconds=60)
    finally:
        os.kill(asleep, signal.SIGCONT)
    other.press("#message-input", "Escape")
