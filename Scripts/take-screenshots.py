#!/usr/bin/env python3
"""Takes the pictures under Documentation/images of the built site with the real Quick model.

    .build-python/bin/python Scripts/take-screenshots.py Web/dist .build-models/smollm2.gguf
"""

import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/Browser"))

from playwright.sync_api import sync_playwright  # noqa: E402
from site_server import SiteServer  # noqa: E402

QUICK_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
READY = "#model-status[data-step=ready]"
QUESTION = "Explain in two short paragraphs why the sky is blue, then give a tiny Python program that prints it."
LOOKS = [
    ("light", "light", (1200, 780)),
    ("dark", "dark", (1200, 780)),
    ("phone", "light", (360, 740)),
]


def main(site, model):
    images = ROOT / "Documentation/images"
    images.mkdir(parents=True, exist_ok=True)
    server = SiteServer(site, {QUICK_FILE: model})
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        # The page names the real hub, which is out of reach.
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--host-resolver-rules=MAP huggingface.co 127.0.0.1:9"])
        for name, scheme, (width, height) in LOOKS:
            context = browser.new_context(
                color_scheme=scheme, viewport={"width": width, "height": height}, service_workers="block",
                has_touch=name == "phone")
            take(context.new_page(), server, images, name)
            context.close()
        browser.close()
    server.close()


def take(page, server, images, name):
    shot = lambda what: page.screenshot(path=images / f"{what}-{name}.png")
    server.rate = 12e6
    page.goto(server.url)
    page.wait_for_selector(".loading-figures >> text=left")
    page.wait_for_timeout(1500)
    shot("loading")
    server.rate = None
    page.wait_for_selector(READY, state="attached")
    page.fill("#message-input", QUESTION)
    page.press("#message-input", "Enter")
    page.wait_for_selector(".message-statistics")
    page.wait_for_timeout(300)
    shot("chat")
    page.click("#model-button")
    page.wait_for_timeout(400)
    shot("selector")
    page.keyboard.press("Escape")
    kept, server.models = server.models, {}
    page.evaluate("navigator.storage.getDirectory().then((root) => root.removeEntry('models', { recursive: true }))")
    page.goto(server.url)
    page.wait_for_selector("#loading[data-step=error]")
    page.wait_for_timeout(300)
    shot("error")
    server.models = kept


if __name__ == "__main__":
    main(*sys.argv[1:3])
