"""Accounting over a journal: windows, time, answers, verdicts and trouble, from events alone. Pure, one pass, flat memory.

It counts what is recorded and puts down what was missed to its recorded cause. It judges nothing; the rules do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from audit.histogram import Histogram, Summary
from audit.rules.books import Books
from audit.uptime import Clock, ClockAccounts, RunAccounts, Runs
from audit.windows import USED, WindowLog, WindowOutcome
from events import catalogue as ev
from events.journal import Record

__all__ = ["Accounting", "Accounts", "PostAccounts", "SubmissionAccounts", "TroubleAccounts", "WindowAccounts"]

_SHOWN_SEQS: Final = 5


@dataclass(slots=True, kw_only=True)
class WindowAccounts:
    """Windows, told or not.

    Attributes:
        seen: All of them: told, and those between that were never heard of.
        used: Their search brought posts, or posts were sent in them.
        missed: How many by cause, the words of `audit.windows`.
        undecided: Told, and the journal ends before it shows what becomes of them.
        failed_searches: Searches that failed by kind, those of windows with carried posts too.
        records: For each cause the first records that show it.
    """

    seen: int = 0
    used: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    undecided: int = 0
    failed_searches: Counter[str] = field(default_factory=Counter)
    records: dict[str, list[int]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PostAccounts:
    """Chosen posts and their verdicts: accepted by the API's word, rejected by HTTP status, abandoned by reason.

    ``salvaged`` is how many of the accepted are known only from behind a gap.
    """

    chosen: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    abandoned: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    pending: int = 0
    salvaged: int = 0


@dataclass(slots=True, kw_only=True)
class SubmissionAccounts:
    """Attempts: how many, those that failed by kind, 429s, and accepted posts by the attempts that each one took."""

    attempts: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    rate_limited: int = 0
    attempts_of_accepted: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class TroubleAccounts:
    """What went wrong around the miner.

    Attributes:
        outages: Of the status endpoint; one that lasts at the end counts up to the last record.
        crashed: Effects that raised, by name.
        failed_analyses: By kind.
        mismatches: Differences between the API's numbers and the settings.
        repaired_tails: Interrupted writes that were set aside.
        gaps: Declared gaps.
        lost_bytes: What they lost.
    """

    outages: Summary = field(default_factory=lambda: Histogram().summary())
    crashed: Counter[str] = field(default_factory=Counter)
    failed_analyses: Counter[str] = field(default_factory=Counter)
    mismatches: int = 0
    repaired_tails: int = 0
    gaps: int = 0
    lost_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """All of it; ``states`` and ``latency`` are by name."""

    windows: WindowAccounts
    posts: PostAccounts
    submissions: SubmissionAccounts
    latency: Mapping[str, Summary]
    states: Mapping[str, Summary]
    runs: RunAccounts
    clock: ClockAccounts
    trouble: TroubleAccounts


class Accounting:
    """Fed every record with the auditor's books before it."""

    def __init__(self) -> None:
        self._log = WindowLog()
        self._runs = Runs()
        self._clock = Clock()
        self._windows = WindowAccounts()
        self._posts = PostAccounts()
        self._submissions = SubmissionAccounts()
        self._trouble = TroubleAccounts()
        self._latency = {step: Histogram() for step in ("scrape", "analysis", "submission")}
        self._outages = Histogram()
        self._down_since_ms: int | None = None
        self._last_ms = 0

    def take(self, record: Record, event: ev.Event, books: Books) -> None:
        """Count one more record."""
        self._last_ms = record.at_ms
        for outcome in self._log.take(record, event):
            self._window(outcome)
        self._runs.take(record, event)
        self._clock.take(record, event)
        self._count(record, event)
        self._count_post(event, books)

    def result(self, books: Books) -> Accounts:
        """The accounts of a journal that has ended; ``books`` as they are then. Call it once."""
        for outcome in self._log.end():
            self._window(outcome)
        self._windows.undecided = self._log.undecided
        self._windows.seen += self._log.undecided
        self._posts.pending = len(books.pending)
        if self._down_since_ms is not None:
            self._outages.add(self._last_ms - self._down_since_ms)
        self._trouble.outages = self._outages.summary()
        return Accounts(
            windows=self._windows,
            posts=self._posts,
            submissions=self._submissions,
            latency={step: histogram.summary() for step, histogram in self._latency.items()},
            states=self._runs.states(),
            runs=self._runs.result(),
            clock=self._clock.result(),
            trouble=self._trouble,
        )

    def _window(self, window: WindowOutcome) -> None:
        accounts = self._windows
        accounts.seen += window.count
        if window.outcome == USED:
            accounts.used += 1
            return
        accounts.missed[window.outcome] += window.count
        shown = accounts.records.setdefault(window.outcome, [])
        if len(shown) < _SHOWN_SEQS:
            shown.append(window.seqs[-1])

    def _count(self, record: Record, event: ev.Event) -> None:
        """What needs no look at the post."""
        trouble, latency = self._trouble, self._latency
        match event:
            case ev.PostsScraped() | ev.ScrapeFailed():
                latency["scrape"].add(event.latency_ms)
                if isinstance(event, ev.ScrapeFailed):
                    self._windows.failed_searches[event.kind] += 1
            case ev.PostAnalyzed() | ev.AnalysisFailed():
                latency["analysis"].add(event.latency_ms)
                if isinstance(event, ev.AnalysisFailed):
                    trouble.failed_analyses[event.kind] += 1
            case ev.SubmissionAccepted() | ev.SubmissionRejected() | ev.SubmissionFailed() | ev.RateLimited():
                latency["submission"].add(event.latency_ms)
                if isinstance(event, ev.SubmissionFailed):
                    self._submissions.failed[event.kind] += 1
                elif isinstance(event, ev.RateLimited):
                    self._submissions.rate_limited += 1
            case ev.ApiUnreachable():
                self._down_since_ms = record.at_ms
            case ev.ApiRecovered() if self._down_since_ms is not None:
                self._outages.add(record.at_ms - self._down_since_ms)
                self._down_since_ms = None
            case ev.EffectCrashed():
                trouble.crashed[event.effect.partition(":")[0]] += 1
            case ev.ConfigMismatched():
                trouble.mismatches += 1
            case ev.TailRepaired():
                trouble.repaired_tails += 1
            case ev.GapDeclared():
                trouble.gaps += 1
                trouble.lost_bytes += event.lost_bytes

    def _count_post(self, event: ev.Event, books: Books) -> None:
        posts, policy = self._posts, books.policy
        match event:
            case ev.PostsScraped():
                posts.chosen += len(event.posts)
            case ev.PostAnalyzed():
                posts.left_out += not event.tokens and not policy.submit_irrelevant and self._is_due(event, books)
            case ev.AnalysisFailed():
                left_out = policy.on_analysis_error == "skip" or not policy.submit_irrelevant
                posts.left_out += left_out and self._is_due(event, books)
            case ev.SubmissionStarted():
                self._submissions.attempts += 1
            case ev.SubmissionAccepted():
                posts.accepted[event.status] += 1
                post = books.pending.get(event.post_id)
                if post is not None:
                    self._submissions.attempts_of_accepted[str(len(post.attempts))] += 1
            case ev.SubmissionRejected():
                posts.rejected[str(event.http_status)] += 1
            case ev.PostAbandoned():
                posts.abandoned[event.reason] += 1
            case ev.GapDeclared():
                posts.salvaged += event.salvage.accepted
                lost = [post_id for post_id, post in books.pending.items() if post.analysis is None]
                posts.left_out += len(set(lost) - set(event.salvage.settled))

    @staticmethod
    def _is_due(event: ev.PostAnalyzed | ev.AnalysisFailed, books: Books) -> bool:
        post = books.pending.get(event.post_id)
        return post is not None and post.analysis is None
