"""Models in several files: from the hub, from a URL and from the user's own; kept and deleted as one."""

import json

import pytest

from conftest import SITE
from site_server import SiteServer
from steps import READY, generate, initialize, open_modules, wait_for
from tiny_gguf import Q, write

OPTIONS = {"temperature": 0, "maxTokens": 16}
NAME = "tiny-makers/Split-GGUF"


@pytest.fixture
def parts(tmp_path):
    return write(tmp_path / "Tiny-Q8_0.gguf", "llama", Q.Q8_0, width=512, split=6)


@pytest.fixture
def hub(parts):
    server = SiteServer(SITE, {f"{NAME}/resolve/main/{part.name}": part for part in parts})
    server.cors = True
    siblings = [{"rfilename": part.name, "size": part.stat().st_size} for part in parts]
    facts = {"id": NAME, "downloads": 1, "gated": False, "tags": ["gguf"], "gguf": {"architecture": "llama"},
             "siblings": [*siblings, {"rfilename": "mmproj-Q8_0.gguf", "size": 5}]}
    server.replaced[f"api/models/{NAME}"] = json.dumps(facts).encode()
    yield server
    server.close()


def open_with(page, site, hub):
    open_modules(page, site, json.dumps({"hubURL": hub.url}))


def tokens(page):
    return generate(page, "The way to the sea", OPTIONS)["tokens"]


@pytest.fixture
def expected(page, site, tmp_path):
    """What the model says in one file."""
    site.models["whole.gguf"] = write(tmp_path / "whole.gguf", "llama", Q.Q8_0, width=512)
    open_modules(page, site)
    initialize(page, "models/whole.gguf")
    found = tokens(page)
    page.evaluate("manager.cache.delete(manager.info.model)")
    return found


def total(parts):
    return sum(part.stat().st_size for part in parts)


def test_the_hubs_parts_are_one_model(page, site, hub, parts, expected):
    open_with(page, site, hub)
    progress = initialize(page, NAME)
    assert tokens(page) == expected
    shown = [step for step in progress if step["totalBytes"]]
    assert {step["totalBytes"] for step in shown} == {total(parts)}
    assert [step["bytes"] for step in shown] == sorted(step["bytes"] for step in shown)
    assert shown[-1]["bytes"] == total(parts)
    assert sorted(path.split("/")[-1] for _, path, _ in hub.requests) == [part.name for part in parts]
    [kept] = page.evaluate("manager.cache.list()")
    assert kept["model"] == NAME and kept["size"] == total(parts) and len(kept["parts"]) == len(parts)
    # Again, from what is kept.
    hub.forget()
    hub.online = False
    open_with(page, site, hub)
    initialize(page, NAME)
    assert tokens(page) == expected and hub.requests == []
    assert page.evaluate("(name) => manager.cache.delete(name)", NAME) is True
    left = page.evaluate("""async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('models');
      const names = [];
      for await (const name of folder.keys()) names.push(name);
      return names;
    }""")
    assert left == []


def test_a_broken_transfer_goes_on_in_the_part_where_it_stopped(page, site, hub, parts, expected):
    hub.versions = {f"{NAME}/resolve/main/{part.name}": ("ETag", '"1"') for part in parts}
    # Slow enough that something has come before it breaks.
    hub.rate = 600_000
    hub.cut_after = [parts[0].stat().st_size // 2]
    open_with(page, site, hub)
    initialize(page, NAME)
    assert tokens(page) == expected
    assert len(hub.requests) == len(parts) + 1


def test_the_url_of_any_part_is_the_model(page, site, parts, expected):
    site.models.update({part.name: part for part in parts})
    open_modules(page, site)
    progress = initialize(page, f"models/{parts[1].name}")
    assert tokens(page) == expected
    assert {step["totalBytes"] for step in progress if step["totalBytes"]} == {total(parts)}
    [kept] = page.evaluate("manager.cache.list()")
    assert kept["size"] == total(parts)


def test_a_part_that_is_not_there_is_named_before_anything_is_fetched(page, site, parts):
    site.models.update({part.name: part for part in parts if part != parts[2]})
    open_modules(page, site)
    message = page.evaluate("(model) => manager.initialize(model).catch(({ message }) => message)", f"models/{parts[0].name}")
    assert parts[2].name in message
    assert page.evaluate("manager.cache.list()") == []


def test_another_part_in_a_parts_place_is_refused(page, site, parts):
    site.models.update({part.name: part for part in parts})
    site.models[parts[1].name] = parts[2]
    open_modules(page, site)
    model = f"models/{parts[0].name}"
    error = page.evaluate("(model) => manager.initialize(model).catch(({ code, message }) => ({ code, message }))", model)
    assert error["code"] == "invalid-model"
    assert f"Expected part 2 of {len(parts)}, found part 3 of {len(parts)}" in error["message"]


def test_picked_parts_in_any_order_are_one_model(page, site, parts, expected):
    open_modules(page, site)
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), { type: 'file', multiple: true }))")
    page.set_input_files("input", [str(part) for part in reversed(parts)])
    page.evaluate("manager.initialize([...document.querySelector('input').files])")
    assert tokens(page) == expected
    [kept] = page.evaluate("manager.cache.list()")
    assert kept["size"] == total(parts) and kept["model"] == f"file:{parts[0].name}"
    # At the next visit, the copies.
    open_modules(page, site)
    initialize(page, kept["model"])
    assert tokens(page) == expected
    message = page.evaluate("""async ([name, data]) => manager.initialize([new File([data], name)]).catch(({ message }) => message)""",
                            [parts[1].name, "x"])
    assert parts[0].name in message


def test_a_graphics_card_leaves_a_model_in_parts_to_the_processor(tab, site, parts):
    site.models.update({part.name: part for part in parts})
    open_modules(tab, site, json.dumps({"device": "auto"}))
    tab.evaluate("""async () => { window.told = await manager.initialize('models/' + %s, undefined, { device: 'gpu' })
      .catch(({ message }) => message); }""" % json.dumps(parts[0].name))
    assert "several files" in tab.evaluate("told")


def test_the_page_takes_dropped_and_chosen_parts_and_keeps_them(page, site, parts):
    page.goto(site.url)
    page.wait_for_selector(READY, state="attached")
    page.click("#model-button")
    page.set_input_files("#model-file", [str(part) for part in parts])
    # It has no chat template either, and the page says so.
    page.wait_for_selector(".toast >> text=/no chat template, so conversations are written as ChatML/")
    wait_for(page, "(name) => document.querySelector('#model-name').textContent === name", parts[0].stem)
    page.wait_for_selector(READY, state="attached")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    assert page.inner_text("#model-name") == parts[0].stem
    page.click("#model-button")
    page.wait_for_selector(f"[data-model='file:{parts[0].name}'] >> text=In use")
    page.set_input_files("#model-file", [str(parts[0]), str(parts[2])])
    page.wait_for_selector(f".toast >> text={parts[1].name}")
