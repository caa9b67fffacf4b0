"""All settings of a reply, in the settings dialog."""

from steps import READY, ask, change_settings, open_page
from test_controls import focused


def open_settings(page):
    page.click("#settings-button")
    page.wait_for_selector("#settings-dialog[open]")


def unfold(page):
    page.click("#more-settings > summary")
    page.wait_for_selector("[name=topK]")


def kept(page):
    return page.evaluate("JSON.parse(localStorage.getItem('swiftlet-settings'))")


def test_defaults_are_told_and_each_is_reset_on_its_own(page, site):
    open_page(page, site)
    open_settings(page)
    # The Quick model's makers recommend these two.
    assert page.get_attribute("[name=temperature]", "placeholder") == "0.2"
    assert "Default: 0.9." in page.inner_text("[data-field=topP] .hint")
    assert page.is_hidden("[name=topK]")
    unfold(page)
    assert "Default: 40." in page.inner_text("[data-field=topK] .hint")
    assert page.is_hidden("[aria-label='Back to the default: Top-k']")
    page.fill("[name=topK]", "7")
    page.fill("[name=minP]", "0,1")
    page.fill("[name=stop]", "END")
    page.uncheck("[name=speculation]")
    assert page.inner_text("#more-settings > summary") == "More (4 changed)"
    assert [kept(page)[name] for name in ["topK", "minP", "stop", "speculation"]] == [7, 0.1, "END", False]
    page.click("[aria-label='Back to the default: Top-k']")
    assert page.input_value("[name=topK]") == "" and kept(page)["topK"] is None
    assert focused(page) == "set-topK"
    page.reload()
    page.wait_for_selector(READY, state="attached")
    open_settings(page)
    assert page.inner_text("#more-settings > summary") == "More (3 changed)"
    assert page.input_value("[name=minP]") == "0.1"
    page.click("#reset-settings")
    assert page.inner_text("#more-settings > summary") == "More"


def test_what_cannot_be_is_said_and_changes_nothing(page, site):
    open_page(page, site)
    open_settings(page)
    page.fill("[name=temperature]", "0.5")
    page.fill("[name=temperature]", "warm")
    page.wait_for_selector("text=Temperature is a number from 0 to 100; “warm” is not.")
    assert page.get_attribute("[name=temperature]", "aria-invalid") == "true"
    assert kept(page)["temperature"] == 0.5
    page.fill("[name=temperature]", "0.7")
    assert page.locator("[name=temperature][aria-invalid]").count() == 0
    assert page.inner_text("#temperature-problem") == ""
    page.fill("[name=temperature]", "")
    assert kept(page)["temperature"] is None


def test_settings_of_a_reply_reach_the_engine(page, site):
    page.goto(site.url + "blank.html")
    change_settings(page, maxTokens=24, temperature=1.5, seed=7, speculation=False)
    open_page(page, site)
    first = ask(page, "Tell me something.")
    page.click("#new-conversation")
    assert ask(page, "Tell me something.") == first
    word = first.split()[1]
    open_settings(page)
    unfold(page)
    page.fill("[name=stop]", word)
    page.keyboard.press("Escape")
    page.click("#new-conversation")
    assert word not in ask(page, "Tell me something.")
    open_settings(page)
    page.fill("[name=stop]", "")
    page.fill("[name=seed]", "8")
    page.keyboard.press("Escape")
    page.click("#new-conversation")
    assert ask(page, "Tell me something.") != first
