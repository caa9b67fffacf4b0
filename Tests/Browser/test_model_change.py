"""Another model is chosen: the one that works stays until the new one is ready, and comes back when it is not."""

import pytest

from steps import READY, ask, open_page, wait_for, wait_for_megabytes

OTHER = "other.gguf"


def choose_file(page, path, name):
    """Picks a file in the model dialog."""
    page.click("#model-button")
    page.wait_for_selector("#model-dialog[open]")
    page.set_input_files("#model-file", path)


def remembered(page):
    return page.evaluate("JSON.parse(localStorage.getItem('swiftlet-settings')).model ?? 'quick'")


def choose_smart(page):
    page.click("#model-button")
    page.click("[data-model^=llama] button:has-text('Download')")


def test_a_model_that_cannot_be_fetched_leaves_the_one_that_works(page, site):
    open_page(page, site)
    ask(page, "Say hello.")
    choose_smart(page)
    page.wait_for_selector("#loading[data-step=error]")
    assert "Smart could not be loaded" in page.inner_text("#loading")
    assert page.get_attribute("#model-status", "data-step") == "ready"
    ask(page, "Say it again.", 2)
    page.click("text=Keep the present one")
    page.wait_for_selector("#loading", state="hidden")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    assert "Quick" in page.inner_text("#model-name") and page.is_hidden("#loading")


def test_the_old_model_answers_while_the_new_one_loads(page, site, quick_model, tmp_path):
    # Of the right size, and a model as far as it comes.
    smart = tmp_path / "smart.gguf"
    with open(quick_model, "rb") as source, open(smart, "wb") as target:
        target.write(source.read(8_000_000))
        target.truncate(2_019_377_696)
    site.models["Llama-3.2-3B-Instruct-Q4_K_M.gguf"] = smart
    open_page(page, site)
    site.rate = 3e6
    choose_smart(page)
    wait_for_megabytes(page, 1)
    assert len(ask(page, "Say hello.")) > 0
    assert page.is_visible("#loading .progress")
    page.click("#loading >> text=Cancel")
    page.wait_for_selector("#loading", state="hidden")
    ask(page, "Say it again.", 2)
    assert remembered(page) == "quick"


def test_a_new_model_takes_over_when_it_is_ready_and_is_remembered(page, site, quick_model, tmp_path):
    path = tmp_path / OTHER
    path.symlink_to(quick_model)
    open_page(page, site)
    choose_file(page, path, OTHER)
    page.wait_for_selector("#model-name >> text=other")
    page.wait_for_selector(READY, state="attached")
    ask(page, "Say hello.")
    assert remembered(page).startswith("file:other.gguf")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    assert "other" in page.inner_text("#model-name")


def test_without_memory_for_two_the_old_model_comes_back(context, page, site):
    context.add_init_script("Object.defineProperty(navigator, 'deviceMemory', { value: 4 })")
    open_page(page, site)
    ask(page, "Say hello.")
    choose_smart(page)
    page.wait_for_selector("#loading[data-step=error]")
    page.wait_for_selector(READY, state="attached")
    ask(page, "Say it again.", 2)
    assert remembered(page) == "quick"


def test_no_visit_says_that_no_model_is_loaded(context, page, site):
    open_page(page, site)
    context.add_init_script("""
      window.seen = [];
      const look = () => {
        const node = document.querySelector('#loading:not([hidden])');
        if (node) window.seen.push(node.innerText);
        requestAnimationFrame(look);
      };
      look();""")
    page.reload()
    page.wait_for_selector(READY, state="attached")
    assert [text for text in page.evaluate("seen") if "No model" in text] == []


@pytest.mark.alone
def test_a_resumed_download_tells_the_speed_of_the_network(page, site):
    site.rate = 40e6
    page.goto(site.url)
    wait_for_megabytes(page, 50)
    page.click("#loading >> text=Cancel")
    page.wait_for_selector("text=No model is loaded")
    page.evaluate("""() => {
      window.speeds = [];
      const figures = document.querySelector('.loading-figures');
      new MutationObserver(() => {
        const [, value, unit] = /([\\d.]+) (KB|MB|GB)\\/s/.exec(figures.innerText) ?? [];
        if (value) speeds.push(Number(value) * { KB: 1e3, MB: 1e6, GB: 1e9 }[unit]);
      }).observe(figures, { childList: true, subtree: true, characterData: true });
    }""")
    site.rate = 4e6
    page.click("text=Load the model")
    wait_for(page, "speeds.length > 8")
    assert max(page.evaluate("speeds")) < 9e6


def test_a_file_that_is_no_whole_model_says_what_to_do(page, site, quick_model, tmp_path):
    open_page(page, site)
    with open(quick_model, "rb") as file:
        beginning = file.read(20_000_000)
    for name, content, problem in [("other.gguf", b"%PDF-1.7 and more", "expected the magic"),
                                   ("half.gguf", beginning, "the file has 20000000 bytes"),
                                   ("empty.gguf", b"", "The file is empty")]:
        path = tmp_path / name
        path.write_bytes(content)
        choose_file(page, path, name)
        page.wait_for_selector(f".loading-title >> text={path.stem} could not be loaded")
        assert problem in page.inner_text(".loading-text")
        assert "Download it again" in page.inner_text(".loading-text")
        page.click("#loading >> text=Keep the present one")
        page.wait_for_selector("#loading", state="hidden")
