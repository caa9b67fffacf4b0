"""Fixtures of the browser tests: the built site behind a server with faults, and Debian's Chromium.

They need `SWIFTLET_WEB` (the built site, `Web/dist`), `SWIFTLET_TEST_MODELS` (with smollm2.gguf) and Chromium; without
one of them every test here is skipped, aloud.
"""

import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from profiles import remove_profile  # noqa: E402
from site_server import SiteServer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SITE = pathlib.Path(os.environ.get("SWIFTLET_WEB", ROOT / "Web/dist"))
MODELS = os.environ.get("SWIFTLET_TEST_MODELS")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUICK_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def missing():
    """What keeps these tests from running, or None."""
    if not (SITE / "swiftlet.wasm").is_file():
        return f"the site is not built ({SITE}); `make web` builds it"
    if not MODELS or not (pathlib.Path(MODELS) / "smollm2.gguf").is_file():
        return "SWIFTLET_TEST_MODELS names no folder with smollm2.gguf"
    return None


@pytest.fixture(scope="session")
def quick_model():
    """Path of the Quick model's file."""
    if reason := missing():
        pytest.skip(reason)
    return pathlib.Path(MODELS) / "smollm2.gguf"


@pytest.fixture
def site(quick_model):
    """The site, with the Quick model under `models/`; the hub is out of reach."""
    index = (SITE / "index.html").read_text()
    server = SiteServer(SITE, {QUICK_FILE: quick_model})
    # An empty page of the same origin, for tests of the modules without the chat page.
    server.replaced["blank.html"] = b"<!doctype html><title>blank</title>"
    hub = '<meta name="swiftlet-hub" content="http://127.0.0.1:9">'
    server.replaced["index.html"] = index.replace("<head>", f"<head>{hub}", 1).encode()
    yield server
    server.close()


@pytest.fixture(scope="session")
def chromium():
    """Playwright's handle on Debian's Chromium: launches one with a profile of its own."""
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture
def launch(chromium, tmp_path):
    """Starts a browser: `launch()`; with `profile="name"` again with the files of an earlier one of that name. Profiles
    last as long as the test, whether it passes or not."""
    contexts = []
    profiles = set()

    def start(profile="profile", **options):
        profiles.add(tmp_path / profile)
        context = chromium.launch_persistent_context(
            str(tmp_path / profile), executable_path=CHROMIUM, args=["--no-sandbox", *options.pop("args", [])],
            viewport=options.pop("viewport", {"width": 1100, "height": 760}), **options)
        context.set_default_timeout(60_000)
        # Short replies, unless a test asks for others.
        context.add_init_script("""
          if (location.protocol === 'http:' && !localStorage.getItem('swiftlet-settings')) {
            localStorage.setItem('swiftlet-settings', '{"maxTokens":64}');
          }""")
        contexts.append(context)
        return context

    yield start
    for context in contexts:
        try:
            context.close()
        except Exception:  # A test may have closed it itself, as a crash would.
            pass
    for profile in profiles:
        remove_profile(profile)


@pytest.fixture
def context(launch):
    return launch()


# Chromium's software adapter for WebGPU.
ADAPTER = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan",
           "--use-vulkan=swiftshader"]


@pytest.fixture
def tab(launch, site):
    """An empty tab of a browser that has an adapter."""
    page = launch(args=ADAPTER).new_page()
    page.goto(site.url + "blank.html")
    if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
        pytest.skip("this Chromium has no software adapter for WebGPU")
    return page


@pytest.fixture
def page(context, site):
    """An empty tab that reports the page's errors as failures of the test."""
    tab = context.new_page()
    errors = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    assert errors == [], errors
