"""The real edges with two things around them: how long an answer takes on virtual time, and planted bugs.

Everything real happens first, one request at a time for each service, so that it does not depend on the machine's
speed who is served first; then the answer "arrives" after a delay that is drawn from a seed.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from actor.ports import (
    AnalysisLike,
    AnalyzerPort,
    ApiPort,
    Block,
    FoundAuthors,
    Scraped,
    ScraperPort,
    Signer,
    SubmitAnswer,
)
from events.catalogue import SubmissionBody
from tests.sample.loop import WorldTime

__all__ = ["Mishaps", "SlowAnalyzer", "SlowApi", "SlowScraper", "UnsteadySigner"]

T = TypeVar("T")

# Seconds that an answer takes, shortest and longest.
_USUAL_S: Final = {
    "status": (0.03, 0.12),
    "submit": (0.06, 0.4),
    "scrape": (0.3, 1.4),
    "authors": (0.2, 0.8),
    "analyze": (0.9, 4.5),
}


class Mishaps:
    """What is about to be slow or to trip over a bug of ours: "status", "submit", "scrape", "authors" and so on."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"{seed}:delays")  # noqa: S311  (a story, not a secret)
        self._delays: dict[str, deque[float]] = defaultdict(deque)
        self._bugs: dict[str, deque[Exception | None]] = defaultdict(deque)

    def slow(self, name: str, *seconds: float) -> None:
        """The next answers take so long."""
        self._delays[name].extend(seconds)

    def bug(self, name: str, error: Exception, *, times: int = 1, after: int = 0) -> None:
        """After so many good answers, this build cannot make anything of the next ones."""
        self._bugs[name].extend([None] * after)
        self._bugs[name].extend([error] * times)

    def clear(self) -> None:
        """From here on everything is as usual."""
        self._delays.clear()
        self._bugs.clear()

    def delay_s(self, name: str) -> float:
        """How long the next answer takes."""
        usual = round(self._random.uniform(*_USUAL_S[name]), 3)
        return self._delays[name].popleft() if self._delays[name] else usual

    def next_bug(self, name: str) -> Exception | None:
        """What the next answer trips over."""
        return self._bugs[name].popleft() if self._bugs[name] else None


class _Slow:
    """One service at its own pace."""

    def __init__(self, time: WorldTime, mishaps: Mishaps) -> None:
        self._time = time
        self._mishaps = mishaps
        self._turn = asyncio.Lock()

    async def _answered(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        delay_s, bug = self._mishaps.delay_s(name), self._mishaps.next_bug(name)
        with self._time.busy():
            async with self._turn:
                outcome = await asyncio.gather(call(), return_exceptions=True)
        await self._time.clock.sleep(delay_s)
        if bug is not None:
            raise bug
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    async def _closed(self, inner: ScraperPort | AnalyzerPort | ApiPort) -> None:
        with self._time.busy():
            await inner.aclose()


class SlowScraper(_Slow):
    """X."""

    def __init__(self, inner: ScraperPort, time: WorldTime, mishaps: Mishaps) -> None:
        super().__init__(time, mishaps)
        self._inner = inner

    async def scrape_posts(self, count: int, **asked: Any) -> Scraped:
        """As the inner one."""
        search = partial(self._inner.scrape_posts, count, **asked)
        return await self._answered("scrape", search)

    async def look_up_authors(self, author_ids: Sequence[str]) -> FoundAuthors:
        """As the inner one."""
        return await self._answered("authors", lambda: self._inner.look_up_authors(author_ids))

    async def aclose(self) -> None:
        """As the inner one."""
        await self._closed(self._inner)


class SlowAnalyzer(_Slow):
    """The LLM."""

    def __init__(self, inner: AnalyzerPort, time: WorldTime, mishaps: Mishaps) -> None:
        super().__init__(time, mishaps)
        self._inner = inner
        self.model = inner.model
        self.prompt_version = inner.prompt_version
        self.server = inner.server

    def recall(self, rung: str, dropped: tuple[str, ...], *, age_s: float) -> None:
        """As the inner one."""
        self._inner.recall(rung, dropped, age_s=age_s)

    async def analyze(self, text: str) -> AnalysisLike:
        """As the inner one."""
        return await self._answered("analyze", lambda: self._inner.analyze(text))

    async def aclose(self) -> None:
        """As the inner one."""
        await self._closed(self._inner)


class SlowApi(_Slow):
    """The coordination API."""

    def __init__(self, inner: ApiPort, time: WorldTime, mishaps: Mishaps) -> None:
        super().__init__(time, mishaps)
        self._inner = inner

    async def status(self) -> Block:
        """As the inner one."""
        return await self._answered("status", self._inner.status)

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        """As the inner one."""
        return await self._answered("submit", lambda: self._inner.submit(body))

    async def aclose(self) -> None:
        """As the inner one."""
        await self._closed(self._inner)


class UnsteadySigner:
    """The hotkey; checkpoints may trip, submissions may not."""

    def __init__(self, inner: Signer, mishaps: Mishaps) -> None:
        self._inner = inner
        self._mishaps = mishaps

    @property
    def ss58_address(self) -> str:
        """As the inner one."""
        return self._inner.ss58_address

    def sign(self, message: bytes) -> bytes:
        """As the inner one."""
        bug = self._mishaps.next_bug("sign") if message.startswith(b"user-miner-checkpoint") else None
        if bug is not None:
            raise bug
        return self._inner.sign(message)
