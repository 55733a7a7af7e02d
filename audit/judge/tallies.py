"""What is counted of posts, attempts, answers and trouble: one small tally for each. Pure, from events alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from actor.machine import State
from audit.rules.books import Books
from events import catalogue as ev
from events.journal import Record

__all__ = [
    "Histogram",
    "LatencyTally",
    "PostAccounts",
    "PostTally",
    "SubmissionAccounts",
    "SubmissionTally",
    "Summary",
    "TroubleAccounts",
    "TroubleTally",
]

_STEP: Final = math.log(1.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is told of many durations, in milliseconds; ``median_ms`` and ``p95_ms`` are within 5 %."""

    count: int
    total_ms: int
    median_ms: int
    p95_ms: int
    max_ms: int


class Histogram:
    """Counts durations in buckets of 5 %, so that a million of them take no more room than a hundred.

    Some 600 buckets reach from a millisecond to centuries. Count, total and the largest are exact.
    """

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._count = 0
        self._total_ms = 0
        self._max_ms = 0

    def add(self, duration_ms: int) -> None:
        """One more; a negative one, which only a clock that went back can show, counts as 0."""
        duration_ms = max(0, duration_ms)
        self._buckets[round(math.log1p(duration_ms) / _STEP)] += 1
        self._count += 1
        self._total_ms += duration_ms
        self._max_ms = max(self._max_ms, duration_ms)

    def summary(self) -> Summary:
        """As of now; all zero without a duration."""
        return Summary(
            count=self._count,
            total_ms=self._total_ms,
            median_ms=self._quantile(0.5),
            p95_ms=self._quantile(0.95),
            max_ms=self._max_ms,
        )

    def _quantile(self, share: float) -> int:
        """The middle of the bucket that holds the duration of this rank."""
        rank, passed = math.ceil(share * self._count), 0
        for bucket in sorted(self._buckets):
            passed += self._buckets[bucket]
            if passed >= rank:
                return min(self._max_ms, round(math.expm1(bucket * _STEP)))
        return 0


@dataclass(slots=True, kw_only=True)
class PostAccounts:
    """Chosen posts and their verdicts: accepted by the API's word, rejected by HTTP status, abandoned by reason.

    ``held`` is how many had to wait for an analysis, whatever became of them, ``salvaged`` how many accepted ones are
    known only from behind a gap.
    """

    chosen: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    abandoned: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    pending: int = 0
    held: int = 0
    salvaged: int = 0


class PostTally:
    """Posts and verdicts. Being left out has no event: it follows from the analysis and the policy."""

    def __init__(self) -> None:
        self.accounts = PostAccounts()

    def take(self, event: ev.Event, books: Books) -> None:
        """Count one more event, given the books before it."""
        accounts = self.accounts
        match event:
            case ev.PostsScraped():
                accounts.chosen += len(event.posts)
            case ev.AuthorsLookedUp():
                known = {author.id for author in event.authors}
                nobody = [p for p in books.pending.values() if not p.post.author and p.post.author_id in event.asked]
                accounts.left_out += sum(post.post.author_id not in known for post in nobody)
            case ev.PostAnalyzed() | ev.AnalysisFailed():
                accounts.left_out += _leaves_out(event, books)
                accounts.held += _held_first(event, books)
            case ev.SubmissionAccepted():
                accounts.accepted[event.status] += 1
            case ev.SubmissionRejected():
                accounts.rejected[str(event.http_status)] += 1
            case ev.PostAbandoned():
                accounts.abandoned[event.reason] += 1
            case ev.GapDeclared():
                accounts.salvaged += event.salvage.accepted
                lost = {post_id for post_id, post in books.pending.items() if post.analysis is None}
                accounts.left_out += len(lost.difference(event.salvage.settled))


def _leaves_out(event: ev.PostAnalyzed | ev.AnalysisFailed, books: Books) -> bool:
    post, policy = books.pending.get(event.post_id), books.policy
    if post is None or post.analysis is not None:
        return False
    if isinstance(event, ev.PostAnalyzed):
        return not event.tokens and not policy.submit_irrelevant
    return not books.holds(event) and (policy.on_analysis_error == "skip" or not policy.submit_irrelevant)


def _held_first(event: ev.PostAnalyzed | ev.AnalysisFailed, books: Books) -> int:
    """How many posts have to wait with this record that never had to before."""
    if isinstance(event, ev.PostAnalyzed) or event.post_id not in books.pending or not books.holds(event):
        return 0
    return sum(post.analysis is None and post.held is None for post in books.pending.values())


@dataclass(slots=True, kw_only=True)
class SubmissionAccounts:
    """Attempts: how many, those that failed by kind, 429s, and accepted posts by the attempts that each one took."""

    attempts: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    rate_limited: int = 0
    attempts_of_accepted: Counter[str] = field(default_factory=Counter)


class SubmissionTally:
    """Attempts and their answers."""

    def __init__(self) -> None:
        self.accounts = SubmissionAccounts()

    def take(self, event: ev.Event, books: Books) -> None:
        """Count one more event, given the books before it."""
        accounts = self.accounts
        match event:
            case ev.SubmissionStarted():
                accounts.attempts += 1
            case ev.SubmissionFailed():
                accounts.failed[event.kind] += 1
            case ev.RateLimited():
                accounts.rate_limited += 1
            case ev.SubmissionAccepted() if (post := books.pending.get(event.post_id)) is not None:
                accounts.attempts_of_accepted[str(len(post.attempts))] += 1


class LatencyTally:
    """How long each paid or sent step took, as measured when it was made, failures included."""

    _STEPS: Final[Mapping[type, str]] = {
        ev.PostsScraped: "scrape",
        ev.ScrapeFailed: "scrape",
        ev.PostAnalyzed: "analysis",
        ev.AnalysisFailed: "analysis",
        ev.SubmissionAccepted: "submission",
        ev.SubmissionRejected: "submission",
        ev.SubmissionFailed: "submission",
        ev.RateLimited: "submission",
    }

    def __init__(self) -> None:
        self._histograms = {step: Histogram() for step in ("scrape", "analysis", "submission")}

    def take(self, event: ev.Event) -> None:
        if (step := self._STEPS.get(type(event))) is not None:
            self._histograms[step].add(int(getattr(event, "latency_ms", 0)))

    def summaries(self) -> Mapping[str, Summary]:
        """By step."""
        return {step: histogram.summary() for step, histogram in self._histograms.items()}


@dataclass(slots=True, kw_only=True)
class TroubleAccounts:
    """What went wrong around the miner.

    Attributes:
        failed_searches: By kind, those of windows with carried posts too, and questions for authors.
        failed_analyses: By kind.
        crashed: Effects that raised, by name.
        outages: Of the status endpoint; one that lasts at the end counts up to the last record.
        mismatches: Differences between the API's numbers and the settings.
        taken_back: Windows that the API told of and that were none.
        repaired_tails: Interrupted writes that were set aside.
        gaps: Declared gaps.
        lost_bytes: What they lost.
    """

    failed_searches: Counter[str] = field(default_factory=Counter)
    failed_analyses: Counter[str] = field(default_factory=Counter)
    crashed: Counter[str] = field(default_factory=Counter)
    outages: Summary = field(default_factory=lambda: Histogram().summary())
    mismatches: int = 0
    taken_back: int = 0
    repaired_tails: int = 0
    gaps: int = 0
    lost_bytes: int = 0


class TroubleTally:
    """Failures, crashes, outages and damage."""

    def __init__(self) -> None:
        self._accounts = TroubleAccounts()
        self._outages = Histogram()
        self._down_since_ms: int | None = None
        self._last_ms = 0

    def begin(self, state: State, last: Record) -> None:
        """Begin behind the record ``last``, in this state; an outage that goes on counts from there."""
        self._last_ms = last.at_ms
        self._down_since_ms = last.at_ms if state.api_down else None

    def take(self, record: Record, event: ev.Event) -> None:
        self._last_ms = record.at_ms
        accounts = self._accounts
        match event:
            case ev.ScrapeFailed() | ev.AuthorLookupFailed():
                accounts.failed_searches[event.kind] += 1
            case ev.AnalysisFailed():
                accounts.failed_analyses[event.kind] += 1
            case ev.EffectCrashed():
                accounts.crashed[event.effect.partition(":")[0]] += 1
            case ev.ConfigMismatched():
                accounts.mismatches += 1
            case ev.WindowsRevised():
                accounts.taken_back += 1
            case ev.TailRepaired():
                accounts.repaired_tails += 1
            case ev.GapDeclared():
                accounts.gaps += 1
                accounts.lost_bytes += event.lost_bytes
            case ev.ApiUnreachable():
                self._down_since_ms = record.at_ms
            case ev.ApiRecovered():
                self._recover(record.at_ms)

    def result(self) -> TroubleAccounts:
        """At the journal's end. Call it once."""
        self._recover(self._last_ms)
        self._accounts.outages = self._outages.summary()
        return self._accounts

    def _recover(self, at_ms: int) -> None:
        if self._down_since_ms is not None:
            self._outages.add(at_ms - self._down_since_ms)
        self._down_since_ms = None
