"""X, LLM, coordination API and hotkey that answer what was recorded, so that a whole actor can live it again.

They know which event comes next, and nothing of the order: that is ``actor.testing.reproduce``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast

from actor.analyzer import Analysis, AnalysisError
from actor.analyzer.refresh import ChainError
from actor.machine.facts import observe
from actor.machine.scoring import CAPS
from actor.machine.state import State
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
    ScrapeError,
    StatusError,
    SubmitAnswer,
)
from actor.testing.clock import VirtualClock
from actor.testing.edges import TrustingWatch
from actor.testing.made import post
from events import catalogue as ev

__all__ = ["RecordedClock", "RecordedEdges", "RecordedWatch", "crash_of", "told_by_answer"]

_CRASH: Final = "crash"
_WORTHLESS: Final = dict.fromkeys(CAPS, 0)
_SERVED_AGAIN: Final = 10
_OUTCOMES: Final = (ev.SubmissionAccepted, ev.SubmissionRejected, ev.SubmissionFailed, ev.RateLimited)
# The API answered, and no number of it is news.
_NO_NEWS: Final = Block(max_submissions=0)
# What analyses and their failures tell alike.
_ASKED: Final = (
    "model",
    "prompt_version",
    "raw_answer",
    "calls",
    "prompt_tokens",
    "completion_tokens",
    "failed_calls",
    "unmeasured_calls",
    "repairs",
    "server",
    "dropped",
    "shown_chars",
)


class RecordedClock:
    """``actor.ports.Clock`` under which waiting takes no time: what is waited for comes when it was recorded."""

    def __init__(self, time: VirtualClock) -> None:
        self._time = time

    def now_ms(self) -> int:
        """The recorded wall clock."""
        return self._time.now_ms()

    def elapsed_s(self) -> float:
        """Grows by the recorded latencies."""
        return self._time.elapsed_s()

    async def sleep(self, seconds: float) -> None:  # noqa: ARG002  (see the class)
        """Wait for nothing."""
        await asyncio.sleep(0)


class RecordedEdges:
    """All edges in one: whoever is asked answers with ``event``.

    Attributes:
        event: What was recorded next.
        with_it: What the same answer of the API told beside it.
        at_ms: When it was recorded.
        model: The LLM whose recorded answers hold for the next post.
        prompt_version: Likewise the rules and question.
        server: Of nobody: no start is told what an LLM takes.
    """

    server = ""

    def __init__(self, time: VirtualClock, hotkey: str) -> None:
        self.model = ""
        self.prompt_version = ""
        self.event: ev.Event = ev.BackoffElapsed()
        self.with_it: tuple[ev.Event, ...] = ()
        self.at_ms = 0
        self._time = time
        self._hotkey = hotkey
        self._chosen: list[ev.Post] = []

    @property
    def ss58_address(self) -> str:
        return self._hotkey

    def seed(self) -> int:
        return self.event.seed if isinstance(self.event, ev.PostsScraped) else 0

    async def scrape_posts(
        self,
        count: int,  # noqa: ARG002
        *,
        spare: int = 0,  # noqa: ARG002
        since_id: str | None = None,  # noqa: ARG002
        keywords: tuple[str, ...],  # noqa: ARG002
        max_pages: int,  # noqa: ARG002
        is_seen: Callable[[str], bool],
        with_authors: bool = True,  # noqa: ARG002
    ) -> Scraped:
        """The recorded search; of candidates that were not chosen only the ids are known.

        X serves posts again that were chosen a while ago; it is up to the actor to have seen them. Those that were not
        chosen are served as worth nothing, so that none of them is above a chosen one where the best are taken.
        """
        found = await self._answer()
        if isinstance(found, ev.ScrapeFailed):
            raise ScrapeError(
                found.reason, kind=found.kind, http_status=found.http_status, retry_after_s=found.retry_after_s
            )
        search = cast("ev.PostsScraped", found)
        chosen = {found.id: found for found in search.posts}
        served = [chosen.get(post_id) or post(1, id=post_id, **_WORTHLESS) for post_id in search.candidates]
        served += self._chosen
        self._chosen = [*self._chosen, *search.posts][-_SERVED_AGAIN:]
        return Scraped(
            posts=tuple(candidate for candidate in served if not is_seen(candidate.id)),
            posts_read=search.posts_read,
            users_read=search.users_read,
            requests=search.requests,
            unusable=search.unusable,
            lost_pages=search.lost_pages,
            since=search.since,
            since_id=search.since_id,
            newest_id=search.newest_id,
        )

    async def look_up_authors(self, author_ids: Sequence[str]) -> FoundAuthors:  # noqa: ARG002
        found = await self._answer()
        if isinstance(found, ev.AuthorLookupFailed):
            raise ScrapeError(
                found.reason, kind=found.kind, http_status=found.http_status, retry_after_s=found.retry_after_s
            )
        told = cast("ev.AuthorsLookedUp", found)
        return FoundAuthors(authors=told.authors, users_read=told.users_read)

    def recall(self, rung: str, dropped: tuple[str, ...], *, age_s: float) -> None:
        """Nothing is asked that this could change."""

    async def analyze(self, text: str) -> AnalysisLike:  # noqa: ARG002
        found = await self._answer()
        if isinstance(found, ev.AnalysisFailed):
            told: Any = {name: getattr(found, name) for name in (*_ASKED, "kind")}
            raise AnalysisError(found.reason, **told)
        analyzed = cast("ev.PostAnalyzed", found)
        asked: Any = {name: getattr(analyzed, name) for name in _ASKED}
        return Analysis(tokens=analyzed.tokens, sentiment=analyzed.sentiment, rung=analyzed.rung, **asked)

    async def status(self) -> Block:
        """What the status must have said for this to be recorded."""
        found = await self._answer()
        if isinstance(found, ev.ApiUnreachable):
            raise StatusError(found.reason)
        if isinstance(found, ev.RateLimited) and found.start_block is None:  # asked for the numbers that it lacked
            raise StatusError("no answer is on record")
        if isinstance(found, _OUTCOMES):  # asked whether its numbers hold
            return _submit_answer(found, self.with_it).block
        return _block((found,))

    async def submit(self, body: ev.SubmissionBody) -> SubmitAnswer:  # noqa: ARG002
        found = await self._answer()
        return _submit_answer(found, self.with_it)

    async def standing(self, *, netuid: int, hotkey: str) -> ev.ChainPolled:  # noqa: ARG002
        found = await self._answer()
        if isinstance(found, ev.ChainPollFailed):
            error = ChainError(found.reason)
            error.kind = found.kind
            raise error
        return cast("ev.ChainPolled", found)

    def sign(self, message: bytes) -> bytes:  # noqa: ARG002
        try:
            return bytes.fromhex(cast("ev.CheckpointSigned", self.event).signature)
        except ValueError:  # a stand-in
            return b""

    async def aclose(self) -> None:
        """Nothing to close."""

    async def _answer(self) -> ev.Event:
        """Take the recorded time, and be there at the recorded moment."""
        if (latency_ms := getattr(self.event, "latency_ms", 0)) > 0:
            await self._time.sleep(latency_ms / 1000)
        self._time.set_wall(self.at_ms)
        return self.event


class RecordedWatch(TrustingWatch):
    """Takes windows back where that was recorded: which answers led to it no record tells."""

    def __init__(self, clock: Clock, edges: RecordedEdges) -> None:
        super().__init__(clock)
        self._edges = edges

    def revision(self, state: State) -> tuple[ev.WindowsRevised, ...]:  # noqa: ARG002
        found = self._edges.event
        return (found,) if isinstance(found, ev.WindowsRevised) else ()


def told_by_answer(outcome: ev.Event, behind: Iterable[ev.Event], state: State) -> tuple[ev.Event, ...]:
    """Which of the events behind a submission's outcome its answer told too, by its block numbers.

    ``state`` is the one after the outcome. A window that an answer told cannot come from elsewhere; other news may, and
    then it is a poll that brings them again.
    """
    told: list[ev.Event] = []
    for event in behind:
        if isinstance(event, ev.ApiRecovered | ev.ConfigMismatched):
            told.append(event)
        elif isinstance(event, ev.WindowOpened) and event.source == "submit":
            return (*told, event)
        else:
            break
    found = tuple(told)
    is_same = bool(found) and observe(state, _block(found, getattr(outcome, "start_block", None)), "submit") == found
    return found if is_same and not isinstance(outcome, ev.EffectCrashed) else ()


def _block(told: Iterable[ev.Event], start_block: int | None = None) -> Block:
    """Block numbers from which the machine observes exactly this."""
    numbers: dict[str, int] = {} if start_block is None else {"window_start_block": start_block}
    for event in told:
        if isinstance(event, ev.WindowOpened):
            numbers |= {"current_block": event.current_block}
        elif isinstance(event, ev.ConfigMismatched):
            name = "blocks_per_window" if event.setting == "BLOCKS_PER_WINDOW" else "max_submissions"
            numbers[name] = event.served
    return Block(**numbers)


def _submit_answer(found: ev.Event, told: tuple[ev.Event, ...]) -> SubmitAnswer:
    block = _block(told, getattr(found, "start_block", None))
    if told and block == Block():
        block = _NO_NEWS
    if isinstance(found, ev.SubmissionAccepted):
        return Accepted(
            status=found.status,
            http_status=found.http_status,
            answer=found.answer,
            block=block,
            selected_for_validation=found.selected_for_validation,
            validation_id=found.validation_id,
        )
    if isinstance(found, ev.SubmissionRejected):
        return Rejected(http_status=found.http_status, reason=found.reason, answer=found.answer, block=block)
    if isinstance(found, ev.RateLimited):
        return Limited(
            reason=found.reason,
            answer=found.answer,
            block=block,
            reset_block=found.reset_block,
            reset_s=found.reset_s,
        )
    failed = cast("ev.SubmissionFailed", found)
    return Failed(
        kind=cast("Any", failed.kind),
        reason=failed.reason,
        http_status=failed.http_status,
        answer=failed.answer,
        block=block,
    )


def crash_of(event: ev.Event) -> Exception | None:
    """The exception whose record this is: one of a class of that name that says the same; None for other events."""
    if isinstance(event, ev.EffectCrashed):
        text = event.error
    elif isinstance(event, ev.ScrapeFailed | ev.AuthorLookupFailed | ev.AnalysisFailed) and event.kind == _CRASH:
        text = event.reason
    else:
        return None
    name, _, said = text.partition(": ")
    crash: Exception = type(name, (Exception,), {})(said)
    return crash
