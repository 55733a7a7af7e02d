"""What the inspector's tests share: a server in a process of its own, a real browser, and journals to look at."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from audit.inspect.journal import JournalSource
from events.money import Money
from events.prices import Prices
from tests.audit.replay_kit import SAMPLE
from tests.patience import GIVE_UP_S, wait_for

__all__ = [
    "NODE",
    "ROOT",
    "SAMPLE",
    "Seen",
    "Served",
    "browser_program",
    "inspected",
    "opened",
    "sample_source",
    "source_of",
    "violations",
]

ROOT: Final = Path(__file__).resolve().parents[2]
NODE: Final = ROOT / ".venv" / "page" / "node_modules"
_OPTIONS: Final = {"light": (1440, 900), "dark": (1440, 900), "phone": (390, 844)}


def browser_program() -> str:
    """Where Chromium is; a machine without it fails here, for a test that is passed over proves nothing."""
    found = shutil.which("chromium")
    if found is None:
        raise FileNotFoundError("install chromium (apt-get install --no-install-recommends chromium)")
    return found


@cache
def sample_source() -> JournalSource:
    """The recorded journal, read once for all tests."""
    return source_of(SAMPLE)


def source_of(journal: Path) -> JournalSource:
    """A journal, read to its end."""
    source = JournalSource(journal, Money(Prices()))
    while source.follow():
        pass
    return source


@dataclass(slots=True)
class Served:
    """``user-miner inspect`` in a process."""

    process: subprocess.Popen[str]
    url: str

    @property
    def origin(self) -> str:
        """The address without the token."""
        return self.url[: self.url.index("/", len("http://"))]

    def get(self, path: str, **options: Any) -> httpx.Response:
        """One request, by what stands behind the token."""
        return httpx.get(f"{self.url}{path}", timeout=GIVE_UP_S, trust_env=False, **options)

    def ask(self, path: str) -> Any:
        """An answer of the first journal."""
        answer = self.get(f"api/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def audit(self) -> dict[str, Any] | None:
        """The report of all records, once it is there."""
        records = self.ask("about")["records"]
        wait_for(lambda: self.ask("audit")[0] >= records, "the audit")
        report: dict[str, Any] | None = self.ask("audit")[1]
        return report


@contextmanager
def inspected(*journals: Path, flags: tuple[str, ...] = ()) -> Iterator[Served]:
    """Serve the journals; the process is gone afterwards."""
    command = [sys.executable, "-m", "user_miner", "inspect", *map(str, journals), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), process.communicate(timeout=GIVE_UP_S)
            yield Served(process=process, url=url)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=GIVE_UP_S)
            finally:
                process.kill()


@dataclass(slots=True)
class Seen:
    """A page, and what it said or asked for that it should not have."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def watch(self, own: str) -> None:
        """Note console messages, errors, and requests to anywhere but ``own``."""

        def console(message: ConsoleMessage) -> None:
            self.said.append(f"{message.type}: {message.text}")

        def request(found: Request) -> None:
            if not found.url.startswith((own, "data:", "blob:")):
                self.asked.append(found.url)

        self.page.on("console", console)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", request)

    def text(self, selector: str) -> str:
        """What stands there."""
        return self.page.locator(selector).first.inner_text()

    def has(self, selector: str, text: str) -> None:
        """Wait until it stands there."""
        self.page.locator(selector).filter(has_text=text).first.wait_for(timeout=GIVE_UP_S * 1000, state="attached")

    def at(self, seq: int) -> None:
        """Wait until this record is selected and its state shown."""
        for selector, text in ((".side h2", f"State after record {seq:,}"), (".scrubber .place b", f"{seq:,}")):
            expect(self.page.locator(selector)).to_have_text(text)

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)


@contextmanager
def opened(browser: Browser, url: str, look: str = "light", **options: Any) -> Iterator[Seen]:
    """A page in a context of its own; whatever it says on the console is a failure."""
    width, height = _OPTIONS[look]
    scheme: Any = "dark" if look == "dark" else "light"
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, service_workers="block", **options
    )
    try:
        seen = Seen(page=context.new_page())
        seen.watch(url.partition("#")[0].rpartition("/")[0])
        seen.page.set_default_timeout(GIVE_UP_S * 1000)
        seen.page.goto(url)
        yield seen
        assert seen.said == []
        assert seen.asked == []
    finally:
        context.close()


def violations(seen: Seen) -> list[str]:
    """What axe-core finds wrong with the page as it is."""
    seen.page.evaluate((NODE / "axe-core" / "axe.min.js").read_text("utf-8"))
    found = seen.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {json.dumps([node['html'][:120] for node in each['nodes'][:3]])}"
        for each in found["violations"]
    ]
