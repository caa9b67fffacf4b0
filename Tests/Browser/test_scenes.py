"""Every state of the page, light and dark, on a large screen and on a phone: axe finds nothing, and nothing is cut off. On
the large screen the keyboard reaches everything, and one sees where it is.

With a folder as `SWIFTLET_PICTURES` each state leaves a picture there, to be looked at.
"""

import os
import pathlib
import re

import pytest

from keyboard import keyboard
from scenes import LOOKS, MORE_LOOKS, SCENES, Play
from steps import axe, wait_for
from test_models import hub  # noqa: F401

PICTURES = os.environ.get("SWIFTLET_PICTURES")
SHOWN = {**LOOKS, **MORE_LOOKS} if PICTURES else LOOKS
# What only breathes, as a mark that something is under way, does so for ever.
STILL = "document.getAnimations().every(({ effect }) => effect.getTiming().iterations === Infinity)"
# What is wider than its place, but for what is meant to scroll.
CUT_OFF = """() => {
  const isShown = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const places = [document.documentElement, ...document.querySelectorAll('main, aside, .stage, .dock, .dialog-body, .notice')];
  const wide = places.filter((node) => isShown(node) && node.scrollWidth > node.clientWidth);
  const edge = (place) => place
    ? place.getBoundingClientRect().left + place.clientWidth - parseFloat(getComputedStyle(place).paddingRight)
    : innerWidth;
  const parts = 'button, a, input, select, textarea, h1, h2, h3, legend, label, dt, dd, p, summary';
  const beyond = [...document.querySelectorAll(parts)].filter((node) => {
    const { left, right, width } = node.getBoundingClientRect();
    return width > 1 && isShown(node) && !node.closest('.table-scroller, .finder-results')
      && (left < 0 || right > edge(node.closest('.dialog-body')) + 0.5);
  });
  return [...wide, ...beyond].map((node) => node.outerHTML.slice(0, 120));
}"""
# States that end when the focus goes.
PASSING = ["menu of a conversation", "renaming"]


@pytest.mark.parametrize("look", SHOWN)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_axe_finds_nothing_and_nothing_is_cut_off(launch, site, hub, scene, look):  # noqa: F811
    scheme, width, height = SHOWN[look]
    context = launch(color_scheme=scheme, viewport={"width": width, "height": height}, has_touch=width < 400,
                     args=["--host-resolver-rules=MAP example.test 127.0.0.1"])
    faults = []
    for tab, state in scene(Play(context, site, hub, width < 400)):
        wait_for(tab, STILL)
        if PICTURES:
            tab.screenshot(path=pathlib.Path(PICTURES) / f"{scene.__name__} {re.sub('[^a-zA-Z ]', '', state)} {look}.png".replace(" ", "-"))
        faults += [(state, *found) for found in axe(tab)]
        faults += [(state, "cut off", node) for node in tab.evaluate(CUT_OFF)]
        if look == "light" and state not in PASSING:
            faults += [(state, "keyboard", fault) for fault in keyboard(tab)]
    assert not faults, "\n".join(map(str, faults))
