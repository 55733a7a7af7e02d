"""The screens in the documents: UPDATE_DOCS=1 takes them again."""

from __future__ import annotations

import os
import struct

import pytest
from playwright.sync_api import Browser

from tests.inspect.kit import ROOT, Served, opened

FOLDER = ROOT / "docs" / "operators"
MOST_BYTES = 300_000
SCREENS = {"inspector-light": ("light", 1100, 760), "inspector-phone": ("phone", 390, 780)}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_shows_the_page_as_it_is(browser: Browser, sample: Served, name: str) -> None:
    """Of that size; which pixels stand there depends on the machine's fonts, so that nobody compares them."""
    look, width, height = SCREENS[name]
    with opened(browser, f"{sample.url}#r=3290", look) as seen:
        seen.page.set_viewport_size({"width": width, "height": height})
        seen.at(3290)
        seen.page.locator(".gantt svg").wait_for()
        shot = seen.page.screenshot()
    if os.environ.get("UPDATE_DOCS"):
        (FOLDER / f"{name}.png").write_bytes(shot)
    kept = (FOLDER / f"{name}.png").read_bytes()
    assert struct.unpack(">II", kept[16:24]) == (width, height) == struct.unpack(">II", shot[16:24])


def test_screens_are_small() -> None:
    """All of them together."""
    assert sum((FOLDER / f"{name}.png").stat().st_size for name in SCREENS) < MOST_BYTES
