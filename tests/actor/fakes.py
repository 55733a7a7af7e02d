"""Hand-written outside worlds behind the ports, and a clock that tests move."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from bittensor_core import Keypair

from actor.analyzer import Analysis
from actor.edges.hotkey import signer_from_keypair
from actor.perform import Ports
from actor.ports import Accepted, AnalysisLike, Block, Scraped, SubmitAnswer
from events.catalogue import Post, SubmissionBody
from tests.kit import T0_MS, post

__all__ = ["FakeAnalyzer", "FakeApi", "FakeClock", "FakeScraper", "analysis", "fake_ports", "settle"]


class FakeClock:
    """Time stands still until ``advance``; sleepers wake in order."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return T0_MS + round(self.at_s * 1000)

    def elapsed_s(self) -> float:
        """Seconds since the test began."""
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        """Wait for ``advance``."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.at_s + seconds, id(future), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let time pass, and everything that it wakes run."""
        until = self.at_s + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, future = heapq.heappop(self._sleepers)
            self.at_s = max(self.at_s, due)
            if not future.done():
                future.set_result(None)
            await settle()
        self.at_s = until
        await settle()


async def settle() -> None:
    """Let every task run until all of them wait."""
    for _ in range(50):
        await asyncio.sleep(0)


def analysis() -> Analysis:
    """A good analysis."""
    return Analysis(
        tokens={"talisman_ai": 1.0},
        sentiment=0.5,
        model="m",
        prompt_version="1",
        rung="json_schema",
        raw_answer="{}",
        calls=1,
        prompt_tokens=100,
        completion_tokens=10,
    )


@dataclass
class FakeScraper:
    """Gives the unseen ones of ``posts``, or raises."""

    posts: list[Post] = field(default_factory=lambda: [post(1), post(2)])
    error: Exception | None = None
    calls: int = 0

    async def scrape_posts(self, count: int, *, is_seen: Callable[[str], bool]) -> Scraped:  # noqa: ARG002
        """One search."""
        self.calls += 1
        if self.error is not None:
            raise self.error
        new = tuple(p for p in self.posts if not is_seen(p.id))
        return Scraped(posts=new, posts_read=len(self.posts), users_read=1, requests=1, unusable=0)

    async def aclose(self) -> None:
        """Nothing to close."""


@dataclass
class FakeAnalyzer:
    """Answers at once, when ``gate`` is set, or raises."""

    error: Exception | None = None
    gate: asyncio.Event | None = None
    calls: list[str] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0

    async def analyze(self, text: str) -> AnalysisLike:
        """One analysis."""
        self.calls.append(text)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.error is not None:
                raise self.error
            return analysis()
        finally:
            self.busy -= 1

    async def aclose(self) -> None:
        """Nothing to close."""


@dataclass
class FakeApi:
    """A block number and a list of answers; accepts when the list is empty."""

    block: Block = field(default_factory=lambda: Block(current_block=700))
    status_error: Exception | None = None
    answers: list[SubmitAnswer | Exception] = field(default_factory=list)
    gate: asyncio.Event | None = None
    polls: int = 0
    sent: list[SubmissionBody] = field(default_factory=list)

    async def status(self) -> Block:
        """One poll."""
        self.polls += 1
        if self.status_error is not None:
            raise self.status_error
        return self.block

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        """One attempt."""
        self.sent.append(body)
        if self.gate is not None:
            await self.gate.wait()
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return Accepted(
            status="new",
            http_status=200,
            answer="{}",
            block=self.block,
            selected_for_validation=None,
            validation_id=None,
        )

    async def aclose(self) -> None:
        """Nothing to close."""


def fake_ports(
    *,
    clock: FakeClock,
    scraper: FakeScraper | None = None,
    analyzer: FakeAnalyzer | None = None,
    api: FakeApi | None = None,
) -> Ports:
    """Ports of a world where everything works, but for what is given."""
    return Ports(
        scraper=scraper or FakeScraper(),
        analyzer=analyzer or FakeAnalyzer(),
        api=api or FakeApi(),
        signer=signer_from_keypair(Keypair.create_from_uri("//Alice")),
        clock=clock,
    )
