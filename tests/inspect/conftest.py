"""One browser and one server for the tests of a file that only look.

Not for all tests: as long as the browser's client lives, its event loop counts as running in this thread, and no other
test could run one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.inspect.kit import ROOT, SAMPLE, Served, browser_program, inspected
from tests.patience import GIVE_UP_S

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    expect.set_options(timeout=GIVE_UP_S * 1000)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser_program(), args=list(_FLAGS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def sample() -> Iterator[Served]:
    """The recorded journal, served."""
    with inspected(SAMPLE.relative_to(ROOT)) as served:
        yield served
