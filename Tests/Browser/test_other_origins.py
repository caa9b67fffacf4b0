"""A page that takes the modules from another origin, as from a CDN."""

import pytest

from conftest import SITE
from site_server import SiteServer
from steps import wait_for

PROMPT = "The capital of France is"


def page_of(cdn, policy=""):
    """A page without any file of ours beside it."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    return f"""<!doctype html>{meta}<title>elsewhere</title>
<script type="module" src="app.js"></script>""".encode(), f"""
import {{ inferenceManager, InferenceManager }} from '{cdn}inference-manager.js';
window.manager = new InferenceManager({{ hubURL: 'http://127.0.0.1:9' }});
try {{
  await manager.initialize('{cdn}models/some.gguf');
  const reply = manager.generate('{PROMPT}', {{ temperature: 0, maxTokens: 12 }});
  window.outcome = {{ text: (await reply.finished).text, threads: manager.threads, isolated: crossOriginIsolated }};
}} catch (error) {{
  window.outcome = {{ error: String(error), code: error.code }};
}}
""".encode()


@pytest.fixture
def cdn(quick_model):
    """The built site on an origin that lets others read it."""
    server = SiteServer(SITE, {"some.gguf": quick_model})
    server.cors = True
    # No header says anything about isolation: a CDN knows nothing of it.
    server.isolated = False
    yield server
    server.close()


@pytest.fixture
def home(tmp_path, cdn):
    """The page's own origin, which has nothing but the page."""
    folder = tmp_path / "home"
    folder.mkdir()
    server = SiteServer(folder, {})
    server.replaced["index.html"], server.replaced["app.js"] = page_of(cdn.url)
    yield server
    server.close()


def outcome(page, home):
    page.goto(home.url)
    wait_for(page, "window.outcome !== undefined")
    return page.evaluate("outcome")


@pytest.mark.parametrize("isolated", [True, False])
def test_the_modules_may_come_from_another_origin(page, home, cdn, isolated):
    home.isolated = isolated
    found = outcome(page, home)
    assert "Paris" in found.get("text", ""), found
    assert found["isolated"] is isolated
    assert (found["threads"] > 1) is isolated, "threads take an isolated page, wherever the modules lie"
    assert home.requests == [], "nothing was looked for beside the page"


def test_a_policy_that_names_the_other_origin_is_enough(page, home, cdn):
    origin = cdn.url.rstrip("/")
    policy = f"default-src 'self'; script-src 'self' {origin} 'wasm-unsafe-eval'; worker-src blob: {origin}; " \
             f"connect-src {origin}"
    home.replaced["index.html"], _ = page_of(cdn.url, policy)
    found = outcome(page, home)
    assert "Paris" in found.get("text", ""), found
    assert found["threads"] > 1


def test_the_catalogs_models_are_looked_for_beside_the_page(page, home, cdn, quick_model):
    home.models["SmolLM2-135M-Instruct.Q4_1.gguf"] = quick_model
    home.replaced["app.js"] = home.replaced["app.js"].replace(f"{cdn.url}models/some.gguf".encode(), b"quick")
    found = outcome(page, home)
    assert "Paris" in found.get("text", ""), found
    assert [name for _, name, _ in home.requests] == ["SmolLM2-135M-Instruct.Q4_1.gguf"] and cdn.requests == []


def test_without_permission_of_the_other_origin_the_error_says_what_is_missing(page, home, cdn):
    # The modules may be read, the WebAssembly may not.
    cdn.withheld = "wasm"
    found = outcome(page, home)
    assert "Access-Control-Allow-Origin" in found["error"] and cdn.url in found["error"], found
