"""X, LLM, coordination API and hotkey as a test writes them: they answer what they were told to, and keep count.

Nothing here opens a connection or waits by itself: latencies are sleeps of the clock that a test owns.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer import Analysis
from actor.analyzer.port import Completion, LLMError
from actor.block_watch import BlockWatch
from actor.machine.state import State, Window
from actor.perform import Ports
from actor.ports import (
    Accepted,
    AnalysisLike,
    Block,
    Clock,
    Failed,
    FoundAuthors,
    Limited,
    Rejected,
    Scraped,
    Signer,
    SubmitAnswer,
)
from actor.testing.clock import VirtualClock
from actor.testing.made import polled, post
from actor.testing.stand_ins import HOTKEY
from events.catalogue import Author, ChainPolled, Post, SubmissionBody
from events.codec import changed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = [
    "Asked",
    "ScriptedAnalyzer",
    "ScriptedApi",
    "ScriptedChain",
    "ScriptedLLM",
    "ScriptedScraper",
    "ScriptedSigner",
    "TrustingWatch",
    "accept",
    "analysis",
    "completion",
    "fail",
    "limit",
    "reject",
    "scripted_ports",
]


def accept(status: str = "new", **numbers: int) -> Accepted:
    """2xx; ``numbers`` are the answer's block numbers, as `Block` names them."""
    return Accepted(
        status=status,
        http_status=200,
        answer="{}",
        block=Block(**numbers),
        selected_for_validation=None,
        validation_id=None,
    )


def reject(http_status: int = 409, reason: str = "conflict") -> Rejected:
    """409 or 422: final for the post."""
    return Rejected(http_status=http_status, reason=reason, answer="{}", block=Block())


def fail(http_status: int = 500, reason: str = "HTTP 500") -> Failed:
    """Anything that another attempt may help."""
    return Failed(kind="http", reason=reason, http_status=http_status, answer="", block=Block())


def limit(**numbers: int) -> Limited:
    """429; ``numbers`` are the answer's block numbers, as `Block` names them."""
    return Limited(reason="rate limit", answer="", block=Block(**numbers), reset_block=None, reset_s=None)


def analysis(relevance: float = 1.0, sentiment: float = 0.5) -> Analysis:
    """A good analysis; relevance 0 means that no subnet is relevant."""
    return Analysis(
        tokens={"talisman_ai": relevance} if relevance else {},
        sentiment=sentiment,
        model="m",
        prompt_version="1",
        rung="json_schema",
        raw_answer="{}",
        calls=1,
        prompt_tokens=100,
        completion_tokens=10,
    )


_COUNTER_BYTES: Final = 8


@dataclass(kw_only=True)
class ScriptedScraper:
    """X: gives the unseen ones of ``posts``, or raises.

    Attributes:
        posts: What a search finds, at any time; add to it as time passes.
        error: What every search raises; None finds posts. A `ScrapeError` is X's failure, anything else a bug.
        latency_s: What a search takes of ``clock``'s time.
        calls: Searches so far.
        unknown: Ids of authors whom X does not know.
        lookup_error: What every question for authors raises, as ``error``; None answers.
        looked_up: The authors that were asked for, one entry for each question.
    """

    posts: list[Post] = field(default_factory=lambda: [post(1), post(2)])
    error: Exception | None = None
    clock: Clock | None = None
    latency_s: float = 0.0
    calls: int = 0
    unknown: set[str] = field(default_factory=set)
    lookup_error: Exception | None = None
    looked_up: list[tuple[str, ...]] = field(default_factory=list)

    async def scrape_posts(
        self,
        count: int,  # noqa: ARG002
        *,
        spare: int = 0,  # noqa: ARG002
        since_id: str | None = None,  # noqa: ARG002
        keywords: tuple[str, ...],  # noqa: ARG002
        max_pages: int,  # noqa: ARG002
        is_seen: Callable[[str], bool],
        with_authors: bool = True,
    ) -> Scraped:
        self.calls += 1
        await _take(self.clock, self.latency_s)
        if self.error is not None:
            raise _afresh(self.error)
        new = tuple(p for p in self.posts if not is_seen(p.id))
        since = min((p.timestamp for p in self.posts), default=0)  # whatever a test made up was asked for
        if not with_authors:
            new = tuple(changed(p, author="", account_created=0, account_age=0, followers=0) for p in new)
        users = int(with_authors)
        return Scraped(posts=new, posts_read=len(self.posts), users_read=users, requests=1, unusable=0, since=since)

    async def look_up_authors(self, author_ids: Sequence[str]) -> FoundAuthors:
        self.looked_up.append(tuple(author_ids))
        await _take(self.clock, self.latency_s)
        if self.lookup_error is not None:
            raise _afresh(self.lookup_error)
        known = {
            p.author_id: Author(id=p.author_id, username=p.author, created=p.account_created, followers=p.followers)
            for p in self.posts
            if p.author_id in author_ids and p.author_id not in self.unknown
        }
        return FoundAuthors(authors=tuple(known.values()), users_read=len(known))

    async def aclose(self) -> None:
        """Nothing to close."""


@dataclass(kw_only=True)
class ScriptedAnalyzer:
    """The LLM: the same analysis for every text but those in ``answers``; or raises.

    Attributes:
        answers: Analyses, or errors to raise, by normalized text.
        error: What every analysis raises; None analyzes. An `AnalysisError` is a failure, anything else a bug.
        gate: Answers wait for it; None answers at once.
        latency_s: What an analysis takes of ``clock``'s time.
        calls: The texts that were analyzed.
        model: As its analyses name it; another one finds answers on record to be another's.
        prompt_version: Likewise.
        server: Where the LLM is; empty tells the journal nothing of it.
        busy: Analyses in flight.
        most_busy: The most that ever were.
    """

    answers: dict[str, AnalysisLike | Exception] = field(default_factory=dict)
    error: Exception | None = None
    gate: asyncio.Event | None = None
    clock: Clock | None = None
    latency_s: float = 0.0
    calls: list[str] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    model: str = "m"
    prompt_version: str = "1"
    server: str = ""

    def recall(self, rung: str, dropped: tuple[str, ...], *, age_s: float) -> None:
        """It takes everything."""

    async def analyze(self, text: str) -> AnalysisLike:
        self.calls.append(text)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await _take(self.clock, self.latency_s, self.gate)
            answer = self.error or self.answers.get(text) or self._analysis()
            if isinstance(answer, Exception):
                raise _afresh(answer)
            return answer
        finally:
            self.busy -= 1

    def _analysis(self) -> AnalysisLike:
        return changed(analysis(), model=self.model, prompt_version=self.prompt_version)

    async def aclose(self) -> None:
        """Nothing to close."""


@dataclass(kw_only=True)
class ScriptedApi:
    """The coordination API: a block number, and a list of answers to submissions; accepts when the list is empty.

    Attributes:
        block: What the status says.
        chain: Tells the current block in place of ``block``'s; None leaves it where it is.
        status_error: What the status raises; None answers. A `StatusError` is an outage, anything else a bug.
        answers: Answers to the next submissions, or errors to raise, first come first served.
        gate: Submissions wait for it; None answers at once.
        latency_s: What an answer takes of ``clock``'s time.
        polls: Status requests so far.
        sent: The bodies that came.
    """

    block: Block = field(default_factory=lambda: Block(current_block=700))
    chain: Callable[[], int] | None = None
    status_error: Exception | None = None
    answers: list[SubmitAnswer | Exception] = field(default_factory=list)
    gate: asyncio.Event | None = None
    clock: Clock | None = None
    latency_s: float = 0.0
    polls: int = 0
    sent: list[SubmissionBody] = field(default_factory=list)

    async def status(self) -> Block:
        self.polls += 1
        await _take(self.clock, self.latency_s)
        if self.status_error is not None:
            raise _afresh(self.status_error)
        return self._block()

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        self.sent.append(body)
        await _take(self.clock, self.latency_s, self.gate)
        answer = self.answers.pop(0) if self.answers else changed(accept(), block=self._block())
        if isinstance(answer, Exception):
            raise _afresh(answer)
        return answer

    async def aclose(self) -> None:
        """Nothing to close."""

    def _block(self) -> Block:
        return self.block if self.chain is None else changed(self.block, current_block=self.chain())


@dataclass(slots=True, kw_only=True)
class ScriptedSigner:
    """A hotkey that nobody has: it signs the same in every run, and never twice alike, as a real one does.

    Its signatures protect nothing, and no check but `has_signed` accepts them.
    """

    ss58_address: str = HOTKEY
    _signed: int = field(default=0, init=False, repr=False)

    def sign(self, message: bytes) -> bytes:
        """64 bytes: a counter, and a digest of it with the message."""
        self._signed += 1
        return _signature(self._signed.to_bytes(_COUNTER_BYTES, "big"), message)

    def has_signed(self, address: str, message: bytes, signature: bytes) -> bool:
        """Whether this is such a signature of the message, and the address this one's."""
        return address == self.ss58_address and signature == _signature(signature[:_COUNTER_BYTES], message)


def _signature(counter: bytes, message: bytes) -> bytes:
    return counter + hashlib.sha512(b"scripted" + counter + message).digest()[: 64 - _COUNTER_BYTES]


class TrustingWatch(BlockWatch):
    """Believes the API at once, on one answer, whatever it tells."""

    def hear(self, state: State, block: Block) -> Block:  # noqa: ARG002
        """All of it."""
        return block

    def hear_submission(self, state: State, block: Block) -> Block:  # noqa: ARG002
        """All of it, too."""
        return block

    def hear_limit(self, state: State, block: Block) -> Block:  # noqa: ARG002
        """All of it, too."""
        return block

    def is_confirmed(self, window: Window | None) -> bool:  # noqa: ARG002
        """Without a second answer."""
        return True

    def can_be_at(self, state: State, block: int) -> bool:  # noqa: ARG002
        """Anywhere."""
        return True


def _afresh(error: Exception) -> Exception:
    """The error without the way that it went before: each time that it is raised would make it longer."""
    return error.with_traceback(None)


async def _take(clock: Clock | None, seconds: float, gate: asyncio.Event | None = None) -> None:
    if clock is not None and seconds > 0:
        await clock.sleep(seconds)
    if gate is not None:
        await gate.wait()


@dataclass(kw_only=True)
class ScriptedChain:
    """The chain: tells how the hotkey stands, or raises.

    Attributes:
        found: What it tells.
        error: What every question raises; None answers. A `ChainError` is the chain's failure, anything else a bug.
        clock: Whose time an answer takes.
        latency_s: How much of it.
        calls: Questions so far.
    """

    found: ChainPolled = field(default_factory=polled)
    error: Exception | None = None
    clock: Clock | None = None
    latency_s: float = 0.0
    calls: int = 0

    async def standing(self, *, netuid: int, hotkey: str) -> ChainPolled:  # noqa: ARG002
        self.calls += 1
        await _take(self.clock, self.latency_s)
        if self.error is not None:
            raise _afresh(self.error)
        return self.found


def scripted_ports(
    *,
    clock: VirtualClock,
    scraper: ScriptedScraper | None = None,
    analyzer: ScriptedAnalyzer | None = None,
    api: ScriptedApi | None = None,
    signer: Signer | None = None,
    chain: ScriptedChain | None = None,
) -> Ports:
    """Ports of a world where everything works, but for what is given."""
    return Ports(
        scraper=scraper or ScriptedScraper(),
        analyzer=analyzer or ScriptedAnalyzer(),
        api=api or ScriptedApi(),
        signer=signer or ScriptedSigner(),
        clock=clock,
        chain=chain or ScriptedChain(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that came in."""

    model: str
    messages: tuple[Mapping[str, str], ...]
    response_format: Mapping[str, Any] | None
    max_tokens: int
    without: tuple[str, ...] = ()
    vote: int = 0


class ScriptedLLM:
    """Gives the next line of its script for every request.

    A line is the answer's text, a whole completion, an error to raise, or seconds to wait before the line after
    it. The last line repeats for ever.

    Attributes:
        asked: The requests so far.
        closed: Whether `aclose` was called.
    """

    def __init__(self, script: Iterable[str | Completion | LLMError | float]) -> None:
        self._script = deque(script)
        self.asked: list[Asked] = []
        self.closed = False

    async def complete(
        self,
        *,
        model: str,
        messages: Sequence[Mapping[str, str]],
        response_format: Mapping[str, Any] | None,
        max_tokens: int,
        without: Collection[str] = (),
        vote: int = 0,
    ) -> Completion:
        """Give the next line; see `actor.analyzer.LLM`."""
        asked = Asked(
            model=model,
            messages=tuple(messages),
            response_format=response_format,
            max_tokens=max_tokens,
            without=tuple(without),
            vote=vote,
        )
        self.asked.append(asked)
        line = self._next()
        while isinstance(line, float):
            await asyncio.sleep(line)
            line = self._next()
        if isinstance(line, LLMError):
            raise line
        return line if isinstance(line, Completion) else completion(line)

    async def aclose(self) -> None:
        """Note that it was called."""
        self.closed = True

    def _next(self) -> str | Completion | LLMError | float:
        return self._script.popleft() if len(self._script) > 1 else self._script[0]


def completion(
    text: str,
    *,
    finish_reason: str | None = "stop",
    prompt_tokens: int | None = 100,
    completion_tokens: int | None = 10,
) -> Completion:
    """Return a completion with this text."""
    return Completion(
        text=text,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        model="scripted",
        cut_off=finish_reason == "length",
    )
