"""What the records of the last day say beyond the folded state. From events alone: it may begin anywhere in a journal.

Memory is bounded, however long it is fed.
"""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from actor.machine import State
from actor.machine.budget import DAY_MS
from audit.feedback import Feedback
from audit.filters import Recent
from events import catalogue as ev
from events.describe import describe, is_trouble
from events.journal import Record
from events.windows import WindowLog, WindowOutcome

__all__ = ["OPEN", "NamedBlock", "PostSeen", "PostsSeen", "Quotas", "Seen", "SeenTrouble", "WindowsSeen"]

OPEN: Final = "open"

_WINDOWS: Final = 4_096
_BLOCKS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedBlock:
    """A block number of the API's: the record that names it, and that record's time (unix milliseconds)."""

    block: int
    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class _Ended:
    """Windows with a known outcome. Those that no record names ended at some time between the two given."""

    from_ms: int
    to_ms: int
    outcome: WindowOutcome


class Quotas(NamedTuple):
    """What decides about a window beside the records, as `WindowLog` takes it."""

    quota: tuple[int, int | None]
    attempts: int
    holds: bool


class WindowsSeen:
    """Fed records in order.

    Args:
        state: What is known of the miner near the first record: its quota decides what a full window is.
    """

    def __init__(self, state: State) -> None:
        self.quotas = Quotas(
            (state.policy.max_submissions_per_window, state.served_max_submissions),
            state.policy.submit_attempts,
            state.policy.on_analysis_error == "hold",
        )
        self._log = WindowLog(quota=self.quotas.quota, attempts=self.quotas.attempts, holds=self.quotas.holds)
        self._ended: deque[_Ended] = deque(maxlen=_WINDOWS)
        self._last_ms: int | None = None
        self._blocks: deque[NamedBlock] = deque(maxlen=_BLOCKS)

    def take(self, record: Record, event: ev.Event) -> None:
        self._last_ms = record.at_ms
        for outcome in self._log.take(record, event):
            last = self.last_block if outcome.number is None else None
            self._ended.append(_Ended(record.at_ms if last is None else last.at_ms, record.at_ms, outcome))
        if isinstance(event, ev.WindowOpened):
            self._blocks.append(NamedBlock(block=event.current_block, seq=record.seq, at_ms=record.at_ms))
        elif isinstance(event, ev.WindowsRevised):
            self._blocks.clear()  # the numbers before were wrong
            self._blocks.append(NamedBlock(block=event.current_block, seq=record.seq, at_ms=record.at_ms))
        elif isinstance(event, ev.ApiMoved):
            self._blocks.clear()  # another API may count other blocks

    @property
    def last_block(self) -> NamedBlock | None:
        """The last block that a record names."""
        return self._blocks[-1] if self._blocks else None

    @property
    def block_s(self) -> float | None:
        """Seconds for each block, the median between the last windows; None before there are two."""
        paces = [
            (after.at_ms - before.at_ms) / 1000 / (after.block - before.block)
            for before, after in pairwise(self._blocks)
            if after.block > before.block and after.at_ms > before.at_ms
        ]
        return statistics.median(paces) if paces else None

    def since(self, since_ms: int) -> Counter[str]:
        """How many windows ended since then, by outcome. Windows that no record names count pro rata by time.

        As in an audit, the records end here: the newest window counts where it was worked on, and else is `OPEN`.
        """
        counts: Counter[str] = Counter()
        last_ms = self._last_ms
        if last_ms is not None and last_ms >= since_ms:
            counts.update(outcome.outcome for outcome in self._log.end())
            counts[OPEN] += self._log.undecided
        for ended in self._ended:
            if ended.to_ms < since_ms:
                continue
            length_ms = ended.to_ms - ended.from_ms
            share = 1.0 if length_ms <= 0 else (ended.to_ms - max(ended.from_ms, since_ms)) / length_ms
            if count := round(ended.outcome.count * share):
                counts[ended.outcome.outcome] += count
        return counts


_POSTS: Final = 512
_DAYS: Final = 3


@dataclass(slots=True, kw_only=True)
class PostSeen:
    """One post; each field is None or empty until a record tells it.

    Attributes:
        post_id: The post.
        author: Who wrote it.
        window: Number of the window that it was chosen for.
        sent_in: Number of the window that it was last sent in.
        failure: Why its analysis, or the last attempt to send it, failed.
        tokens: Relevance by subnet.
        sentiment: As analyzed; None while it was not, or when that failed.
        score: As sent.
        attempts: Submissions begun.
        verdict: "accepted", "rejected" or "abandoned".
        told: What the API said about it, or why it was given up.
        selected: The API's word that it selected the post for validation.
    """

    post_id: str
    author: str = ""
    window: int | None = None
    sent_in: int | None = None
    failure: str | None = None
    tokens: Mapping[str, float] = field(default_factory=dict)
    sentiment: float | None = None
    score: float | None = None
    attempts: int = 0
    verdict: str | None = None
    told: str = ""
    selected: bool | None = None

    def tell(self, event: ev.Event) -> None:
        match event:
            case ev.PostAnalyzed():
                self.tokens, self.sentiment, self.failure = event.tokens, event.sentiment, None
            case ev.AnalysisFailed():
                self.failure = event.reason
            case ev.SubmissionStarted():
                self.sent_in, self.attempts, self.score = event.window, event.attempt, event.body.score
                self.tokens, self.author = event.body.tokens, event.body.author
            case ev.SubmissionAccepted():
                self.verdict, self.told, self.selected = "accepted", event.status, event.selected_for_validation
            case ev.SubmissionRejected():
                self.verdict, self.told = "rejected", f"HTTP {event.http_status}: {event.reason}"
            case ev.SubmissionFailed() | ev.RateLimited():
                self.failure = event.reason
            case ev.PostAbandoned():
                self.verdict, self.told = "abandoned", event.reason


_ABOUT_A_POST: Final = (
    ev.PostAnalyzed,
    ev.AnalysisFailed,
    ev.SubmissionStarted,
    ev.SubmissionAccepted,
    ev.SubmissionRejected,
    ev.SubmissionFailed,
    ev.RateLimited,
    ev.PostAbandoned,
)
_VERDICTS: Final = (ev.SubmissionAccepted, ev.SubmissionRejected, ev.PostAbandoned)


class PostsSeen:
    """Fed records in order; knows the posts that were named last, and the verdicts of the last days."""

    def __init__(self) -> None:
        self._posts: Recent[str, PostSeen] = Recent(_POSTS)
        self._verdicts: Recent[int, Counter[str]] = Recent(_DAYS)

    def take(self, record: Record, event: ev.Event) -> None:
        if isinstance(event, ev.PostsScraped):
            for chosen in event.posts:
                self._posts[chosen.id] = PostSeen(post_id=chosen.id, author=chosen.author, window=event.window)
        elif isinstance(event, _ABOUT_A_POST):
            post = self._posts.get(event.post_id)
            if post is None:  # its search lies further back
                post = self._posts[event.post_id] = PostSeen(post_id=event.post_id)
            post.tell(event)
            if isinstance(event, _VERDICTS):
                day = record.at_ms // DAY_MS
                verdicts = self._verdicts[day] = self._verdicts.get(day) or Counter()
                verdicts[post.verdict or ""] += 1

    def of_window(self, number: int) -> Iterator[PostSeen]:
        """Posts that were chosen for, or sent in, the window of this number."""
        return (post for post in self._posts.values() if number in {post.window, post.sent_in})

    def get(self, post_id: str) -> PostSeen | None:
        """What is told of a post, None when no recent record names it."""
        return self._posts.get(post_id)

    def verdicts_of(self, day: int) -> Mapping[str, int]:
        """How many posts came to which verdict on a UTC day (unix days)."""
        return self._verdicts.get(day, Counter())


_ANSWERED: Final = (
    ev.WindowOpened,
    ev.WindowsRevised,
    ev.ApiRecovered,
    ev.SubmissionAccepted,
    ev.SubmissionRejected,
    ev.RateLimited,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTrouble:
    """A record that an operator should look at, and what it tells."""

    seq: int
    at_ms: int
    name: str
    text: str


class Seen:
    """Fed records in order.

    Args:
        state: What is known of the miner near the first record.

    Attributes:
        first_ms: Time of the first record that was fed; None before it.
        start: The last ActorStarted; None when it lies further back.
        api_down_ms: When the outage that goes on began; None when it began further back.
        answered_ms: When the API last answered, as far as records tell.
        trouble: The last record of trouble.
        state_ms: When the machine came into its present state; None when that lies further back.
        windows: What became of windows.
        posts: What became of posts.
        feedback: What validators told.
    """

    def __init__(self, state: State) -> None:
        self.first_ms: int | None = None
        self.start: ev.ActorStarted | None = None
        self.api_down_ms: int | None = None
        self.answered_ms: int | None = None
        self.trouble: SeenTrouble | None = None
        self.state_ms: int | None = None
        self.windows = WindowsSeen(state)
        self.posts = PostsSeen()
        self.feedback = Feedback()

    @property
    def quotas(self) -> Quotas:
        """What it began with."""
        return self.windows.quotas

    def take(self, record: Record, event: ev.Event) -> None:
        if self.first_ms is None:
            self.first_ms = record.at_ms
        self.windows.take(record, event)
        self.posts.take(record, event)
        self.feedback.take(record, event)
        self._note_process(record, event)
        if is_trouble(event):
            self.trouble = SeenTrouble(seq=record.seq, at_ms=record.at_ms, name=record.name, text=describe(event))
        if record.source != record.dest:
            self.state_ms = record.at_ms

    def _note_process(self, record: Record, event: ev.Event) -> None:
        if isinstance(event, ev.ActorStarted):
            self.start = event
        elif isinstance(event, ev.ApiUnreachable):
            self.api_down_ms = record.at_ms
        elif isinstance(event, ev.ApiRecovered):
            self.api_down_ms = None
        if isinstance(event, _ANSWERED) or (isinstance(event, ev.SubmissionFailed) and event.http_status is not None):
            self.answered_ms = record.at_ms
