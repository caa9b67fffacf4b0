"""How replies are shown: Markdown, formulas, code, reasoning."""

from steps import READY, open_page, wait_for
from test_page import import_conversation

REPLY = """<think>
The user wants **everything**. Let me think about $x$.
</think>

# A formula

The roots of \\(ax^2 + bx + c\\) cost neither $5 nor $10:

\\[
x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}
\\]

| Name | Kind | First year | Typing | Memory | Home |
|:-----|:----:|-----------:|--------|--------|------|
| Swift | compiled | 2014 | static, strong, inferred | counted | swift.org |
| Python | interpreted | 1991 | dynamic, strong | collected | python.org |

- [x] done
- [ ] to do

```swift
// The longest line of this program goes on and on, so that a phone has to scroll it sideways.
func greet(_ name: String) -> String { "Hello, \\(name)! " + String(repeating: "wave ", count: 3) }
```

1. See <https://swift.org>, ~~or not~~, and ![a picture](https://example.org/p.png).

> Quoted &mdash; as it should be.
"""

STREAM = """async ([text, size]) => {
  const { ReplyView } = await import('/page/reply-view.js');
  document.querySelector('#welcome').hidden = true;
  const prose = Object.assign(document.createElement('div'), { className: 'prose' });
  const body = document.createElement('div');
  body.append(prose);
  const article = Object.assign(document.createElement('article'), { className: 'message' });
  article.dataset.role = 'assistant';
  article.append(body);
  document.querySelector('#thread').append(article);
  const view = new ReplyView(body, prose);
  window.seen = [];
  window.stepStarts = [];
  for (let end = size; end < text.length; end += size) {
    stepStarts.push(performance.now());
    view.update(text.slice(0, end), true);
    await new Promise(requestAnimationFrame);
    const summary = body.querySelector('summary')?.textContent;
    if (summary && seen.at(-1) !== summary) seen.push(summary);
  }
  view.update(text, false, 5400);
}"""


def watch_policy(page):
    page.add_init_script("""
      window.violations = [];
      document.addEventListener('securitypolicyviolation', (event) => {
        violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });""")


def finished(page):
    """Waits until the formulas are typeset and the code has its colours."""
    wait_for(page, "document.querySelectorAll('.prose .formula math').length === 2")
    wait_for(page, "document.querySelectorAll('.code-block .code-keyword').length > 0")


def test_a_reply_with_everything_while_it_streams(page, site):
    watch_policy(page)
    open_page(page, site)
    page.evaluate(STREAM, [REPLY, 7])
    finished(page)
    assert page.evaluate("seen")[0] == "Thinking…"
    assert page.inner_text(".reasoning summary").startswith("Thought for 5 s")
    assert not page.is_visible(".reasoning .prose")
    page.click(".reasoning summary")
    wait_for(page, "document.querySelector('.reasoning .prose').innerText.includes('The user wants everything')")
    assert page.inner_text(".message > div > .prose > h3") == "A formula"
    assert "cost neither $5 nor $10" in page.inner_text(".message > div > .prose")
    assert page.locator(".prose .formula[data-display] math mfrac").count() == 1
    assert page.locator(".prose td").count() == 12
    assert page.locator(".prose input[type=checkbox]").count() == 2
    assert page.locator(".prose img").count() == 0
    links = page.eval_on_selector_all(".prose a", "(nodes) => nodes.map(({ href, rel }) => [href, rel])")
    private = "noopener noreferrer"
    assert links == [["https://swift.org/", private], ["https://example.org/p.png", private]]
    assert page.evaluate("violations") == []


def test_a_streamed_reply_is_what_a_stored_one_is(page, site):
    open_page(page, site)
    page.evaluate(STREAM, [REPLY, 11])
    finished(page)
    streamed = page.inner_html(".message > div > .prose")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    import_conversation(page, [{"role": "user", "content": "All of it?"}, {"role": "assistant", "content": REPLY}])
    finished(page)
    assert page.inner_html(".message .reply > .prose") == streamed


def test_wide_parts_scroll_on_a_phone(launch, site):
    page = launch(viewport={"width": 360, "height": 720}, has_touch=True).new_page()
    open_page(page, site)
    page.click("#sidebar-open")
    import_conversation(page, [{"role": "user", "content": "All of it?"}, {"role": "assistant", "content": REPLY}])
    finished(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.querySelector('.stage').scrollWidth") <= 360
    for part in [".table-scroller", ".code-block pre"]:
        assert page.evaluate("""(part) => {
          const node = document.querySelector(part);
          return node.scrollWidth > node.clientWidth && node.getBoundingClientRect().right <= 360;
        }""", part), part


def test_no_long_task_in_a_reply_of_eight_thousand_tokens(page, site):
    open_page(page, site)
    words = "Words of a reply with **bold**, `code` and a [link](https://a.example).\n"
    code = "```python\n" + "def function(value):\n    return value * 2  # twice\n\n" * 40 + "```\n\n"
    item = "- an item with \\(x_1\\) and *more*\n"
    text = "".join([words * 3 + "\n", "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 40 + "\n", code, item * 30 + "\n"] * 9)
    assert len(text) > 32_000
    page.evaluate(STREAM, ["Warm up $x$.\n\n```python\npass\n```\n", 5])
    wait_for(page, "document.querySelectorAll('.prose .formula math').length === 1")
    wait_for(page, "document.querySelectorAll('.code-block .code-keyword').length > 0")
    # What the page does itself is long every time, at the same place; what another program did to it is not.
    long_steps = None
    for attempt in range(1, 7):
        page.evaluate("""() => {
          window.longTasks = [];
          new PerformanceObserver((list) => longTasks.push(...list.getEntries())).observe({ entryTypes: ['longtask'] });
        }""")
        page.evaluate(STREAM, [text, 64])
        wait_for(page, "(count) => document.querySelectorAll('.prose .formula math').length === count",
                 1 + 270 * attempt)
        found = set(page.evaluate("""longTasks.map(({ startTime }) =>
          stepStarts.findLastIndex((start) => start <= startTime))"""))
        long_steps = found if long_steps is None else long_steps & found
        if not long_steps:
            break
    assert long_steps == set()


def test_the_libraries_are_loaded_when_a_reply_needs_them(page, site):
    asked = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(site.url)))
    context = page.context
    context.route("**/service-worker.js", lambda route: route.abort())
    open_page(page, site)
    import_conversation(page, [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello **you**."}])
    page.wait_for_selector(".prose strong")
    assert [name for name in asked if name.startswith("vendor/")] == ["vendor/markdown-it/markdown-it.js"]
    page.evaluate(STREAM, [REPLY, 400])
    finished(page)
    names = {name for name in asked if name.startswith("vendor/")}
    assert {"vendor/temml/temml.js", "vendor/temml/temml.css", "vendor/highlight/highlight.js"} <= names
    assert "vendor/entities/entities.js" not in names


def test_a_reply_of_hostile_formulas_and_code_ends(page, site):
    open_page(page, site)
    bombs = ["\\def\\a{\\a\\a}\\a", "{" * 1500 + "x" + "}" * 1500, "x^{" * 900 + "}" * 900, "\\frac{" * 500,
             "\\left(" * 300 + "\\right)" * 300, "\\rule{9999em}{9999em}", "\\href{javascript:alert(1)}{x}",
             "\\includegraphics{https://a.example/p.png}", "\\sqrt{" * 300 + "}" * 300]
    text = "".join(f"\\[\n{bomb}\n\\]\n\n" for bomb in bombs) + "```js\n" + "(" * 15_000 + "\n```\n\nEnd $x_1$."
    page.evaluate(STREAM, [text, 4000])
    wait_for(page, "[...document.querySelectorAll('.formula')].at(-1).querySelector('math') !== null", seconds=20)
    assert page.locator(".prose a, .prose img, .prose [src]").count() == 0
    asked = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert [name for name in asked if not name.startswith(site.url)] == []
