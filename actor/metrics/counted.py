"""What this process counts, record by record. One thread counts, any thread may read meanwhile.

Every series exists from the start with 0: Prometheus sees no rise in a counter that appears with 1.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

from actor.machine import State
from events import catalogue as ev
from events.catalogue import EVENTS
from events.journal.record import Record
from events.windows import EXPLAINED, UNEXPLAINED, USED, WindowLog

__all__ = [
    "CAUSES",
    "DISK_S",
    "EDGE_S",
    "EVENT_NAMES",
    "FAILURES",
    "OTHER",
    "SUBMISSION_OUTCOMES",
    "Counted",
    "Durations",
    "failure_key",
]

OTHER: Final = "other"
CAUSES: Final = (*EXPLAINED, UNEXPLAINED)
EVENT_NAMES: Final = tuple(EVENTS)
SUBMISSION_OUTCOMES: Final = ("accepted", "rejected", "failed", "rate_limited")

# Why a step failed, as records name it; what is not here is counted as "other".
FAILURES: Final[Mapping[str, tuple[str, ...]]] = {
    "scrape": (
        *("auth", "forbidden", "credits", "usage_capped", "rate_limited", "invalid_request", "server"),
        *("timeout", "connection", "broken", "malformed", "crash", OTHER),
    ),
    "analysis": (
        *("auth", "quota", "model", "rate_limit", "refused_format", "refused_parameter", "context", "declined"),
        *("request", "server"),
        *("timeout", "connection", "broken", "malformed", "votes", "bug", "crash", OTHER),
    ),
    "submission": ("timeout", "connection", "http", "unexpected", OTHER),
    "chain": ("timeout", "unreachable", "no_subnet", "network", "bug", OTHER),
    "effect": (
        *("PollStatus", "PollChain", "ScrapeWindow", "LookUpAuthors", "HoldWindow", "AnalyzePost"),
        *("StartSubmission", "SubmitPost", "EndBackoff", "AbandonPost", "SignCheckpoint", OTHER),
    ),
}


def failure_key(step: str, kind: str) -> tuple[str, str]:
    """The two labels of a failure."""
    return step, kind if kind in FAILURES[step] else OTHER


# Upper ends of buckets, in seconds: for answers from a network, and for what a disk does.
EDGE_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
DISK_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Durations:
    """A histogram with fixed buckets.

    Args:
        ends: Upper ends of the buckets, in seconds, ascending; beyond the last one there is one more.
    """

    def __init__(self, ends: Sequence[float]) -> None:
        self.total_s = 0.0
        self._ends = tuple(ends)
        self._counts = [0] * (len(self._ends) + 1)

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(self._ends, seconds)] += 1
        self.total_s += seconds

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Each bucket's upper end as Prometheus writes it, with how many durations were at most that long."""
        so_far = 0
        for end, count in zip([*map(str, self._ends), "+Inf"], self._counts, strict=True):
            so_far += count
            yield end, so_far


_STEPS: Final = ("scrape", "analysis", "submission")
_OUTCOMES: Final = {
    ev.SubmissionAccepted: "accepted",
    ev.SubmissionRejected: "rejected",
    ev.SubmissionFailed: "failed",
    ev.RateLimited: "rate_limited",
}


class Counted:
    """Sums over the records of this process.

    Attributes:
        records: By event.
        failures: By step and kind.
        submissions: Answered attempts by outcome.
        windows: Missed windows by cause.
        windows_used: Windows whose search brought posts, or in which posts were sent.
        windows_opened: Windows told.
        holds: Windows that a budget did not allow to be searched, by budget.
        x: What was read at X: "posts", "users", and "requests" made.
        llm: "prompt" and "completion" tokens, "calls" and "failed_calls".
        validations: Validators' words on posts, by "passed" and "failed".
        scores: Validators' words on windows.
        last_score: The last of them, None before one.
        durations: How long each step took, failures included.
        last_ms: Time of the last record of an event, unix milliseconds, 0 before one.
    """

    def __init__(self) -> None:
        self.records = dict.fromkeys(EVENT_NAMES, 0)
        self.failures = {key: 0 for step, kinds in FAILURES.items() for key in product([step], kinds)}
        self.submissions = dict.fromkeys(SUBMISSION_OUTCOMES, 0)
        self.windows = dict.fromkeys(CAUSES, 0)
        self.windows_used = 0
        self.windows_opened = 0
        self.holds = {"x": 0, "llm": 0}
        self.x = {"posts": 0, "users": 0, "requests": 0}
        self.llm = {"prompt": 0, "completion": 0, "calls": 0, "failed_calls": 0}
        self.validations = {"passed": 0, "failed": 0}
        self.scores = 0
        self.last_score: float | None = None
        self.durations = {step: Durations(EDGE_S) for step in _STEPS}
        self.last_ms = {"SubmissionAccepted": 0, "WindowOpened": 0, "PostsScraped": 0}
        self._log: WindowLog | None = None
        self._known: int | None = None
        self._counts: Final[Mapping[type, Callable[[Any], None]]] = {
            ev.PostsScraped: self._scraped,
            ev.ScrapeFailed: lambda e: self._fail("scrape", e.kind, e.latency_ms),
            ev.AuthorsLookedUp: self._looked_up,
            ev.AuthorLookupFailed: lambda e: self._fail("scrape", e.kind),
            ev.ChainPollFailed: lambda e: self._fail("chain", e.kind),
            ev.BudgetSpent: self._held,
            ev.PostAnalyzed: self._analyzed,
            ev.AnalysisFailed: self._analysis_failed,
            ev.SubmissionAccepted: self._answered,
            ev.SubmissionRejected: self._answered,
            ev.RateLimited: self._answered,
            ev.SubmissionFailed: lambda e: self._fail("submission", e.kind, e.latency_ms),
            ev.EffectCrashed: lambda e: self._fail("effect", e.effect.partition(":")[0]),
            ev.ValidationObserved: self._judged,
            ev.ScoreObserved: self._scored,
        }

    def take(self, record: Record, event: ev.Event, after: State) -> None:
        self.records[record.name] += 1
        if record.name in self.last_ms:
            self.last_ms[record.name] = record.at_ms
        self._count_windows(record, event, after)
        if (count := self._counts.get(type(event))) is not None:
            count(event)
        if (outcome := _OUTCOMES.get(type(event))) is not None:
            self.submissions[outcome] += 1

    def _count_windows(self, record: Record, event: ev.Event, after: State) -> None:
        if isinstance(event, ev.WindowOpened):
            self.windows_opened += 1
        if self._log is None:
            self._log = self._resumed(record, after)
        for outcome in self._log.take(record, event):
            if outcome.number is not None and outcome.number == self._known:
                self._known = None  # the process before worked on it
            elif outcome.outcome == USED:
                self.windows_used += 1
            else:
                self.windows[outcome.outcome] += outcome.count

    def _resumed(self, record: Record, state: State) -> WindowLog:
        """The newest window that was known before this process: those between it and the next one were missed."""
        quota = (state.policy.max_submissions_per_window, state.served_max_submissions)
        policy = state.policy
        log = WindowLog(quota=quota, attempts=policy.submit_attempts, holds=policy.on_analysis_error == "hold")
        newest = state.newest
        if newest is not None:
            spent = newest == state.window and not state.to_scrape
            log.resume(newest.number, newest.start_block, newest.blocks, record, spent=spent)
            self._known = newest.number if spent else None
        return log

    def _scraped(self, event: ev.PostsScraped) -> None:
        self.x["posts"] += event.posts_read
        self.x["users"] += event.users_read
        self.x["requests"] += event.requests
        self._add("scrape", event.latency_ms)

    def _looked_up(self, event: ev.AuthorsLookedUp) -> None:
        self.x["users"] += event.users_read
        self.x["requests"] += 1

    def _analyzed(self, event: ev.PostAnalyzed | ev.AnalysisFailed) -> None:
        self.llm["prompt"] += event.prompt_tokens
        self.llm["completion"] += event.completion_tokens
        self.llm["calls"] += event.calls
        self.llm["failed_calls"] += event.failed_calls
        if event.calls:  # an answer that was on record took no time
            self._add("analysis", event.latency_ms)

    def _analysis_failed(self, event: ev.AnalysisFailed) -> None:
        self._analyzed(event)
        self._fail("analysis", event.kind)

    def _answered(self, event: ev.SubmissionAccepted | ev.SubmissionRejected | ev.RateLimited) -> None:
        self._add("submission", event.latency_ms)

    def _held(self, event: ev.BudgetSpent) -> None:
        self.holds[event.budget] += 1

    def _judged(self, event: ev.ValidationObserved) -> None:
        self.validations["passed" if event.passed else "failed"] += 1

    def _scored(self, event: ev.ScoreObserved) -> None:
        self.scores += 1
        self.last_score = event.score

    def _fail(self, step: str, kind: str, latency_ms: int | None = None) -> None:
        self.failures[failure_key(step, kind)] += 1
        if latency_ms is not None:
            self._add(step, latency_ms)

    def _add(self, step: str, latency_ms: int) -> None:
        self.durations[step].add(latency_ms / 1000)
