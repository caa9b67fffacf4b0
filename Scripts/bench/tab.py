"""The engine in Chromium's tab, on the built page behind a server on this machine."""

import json
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/Browser"))

from conftest import CHROMIUM  # noqa: E402
from site_server import SiteServer  # noqa: E402
from steps import open_modules, renderer_memory  # noqa: E402

MEASURE = """async ([tokens, reply]) => {
  const options = { temperature: 0, maxTokens: reply, ignoresEndOfGeneration: true, speculation: false };
  const { timings } = await manager.generate({ tokens }, options).finished;
  return { prefill: timings.promptCount * 1000 / timings.promptMilliseconds,
    decode: timings.predictedCount * 1000 / timings.predictedMilliseconds };
}"""


class Tab:
    """A page with a model. On a page that is not isolated the engine has one thread."""

    def __init__(self, playwright, site_folder, model, setting, threads, isolated=True, device="cpu", flags=()):
        if not CHROMIUM:
            raise RuntimeError("Chromium is not installed")
        name = pathlib.Path(model).name
        self.setting = setting
        self.random = random.Random(1)
        self.site = SiteServer(site_folder, {name: model})
        self.site.isolated = isolated
        self.site.replaced["blank.html"] = b"<!doctype html><title>blank</title>"
        self.profile = tempfile.TemporaryDirectory()
        self.browser = playwright.chromium.launch_persistent_context(
            self.profile.name, executable_path=CHROMIUM, args=["--no-sandbox", *flags])
        self.page = self.browser.new_page()
        self.page.set_default_timeout(0)
        open_modules(self.page, self.site, json.dumps({"threads": threads, "device": device}))
        info = self.page.evaluate("([url, contextLength]) => manager.initialize(url, undefined, { contextLength })",
                                  [f"{self.site.url}models/{name}", setting.context])
        if device != "cpu":
            print(f"the tab computes on {info['deviceName'] or 'the processor'}", file=sys.stderr, flush=True)

    def measure(self):
        tokens = [self.random.randrange(1000, 30000) for _ in range(self.setting.prompt)]
        figures = self.page.evaluate(MEASURE, [tokens, self.setting.reply])
        return {**figures, "peak_bytes": renderer_memory()}

    def close(self):
        self.browser.close()
        self.site.close()
        self.profile.cleanup()
