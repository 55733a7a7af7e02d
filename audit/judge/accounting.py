"""Accounting over a journal: windows, time, answers, verdicts and trouble. From events alone, in one pass, flat memory.

It counts what is recorded and puts down what was missed to its recorded cause. It judges nothing; the rules do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from audit.feedback import Feedback, FeedbackTotals
from audit.judge.tallies import (
    LatencyTally,
    PostAccounts,
    PostTally,
    SubmissionAccounts,
    SubmissionTally,
    Summary,
    TroubleAccounts,
    TroubleTally,
)
from audit.judge.uptime import ClockAccounts, ClockWatch, RunAccounts, Runs
from audit.rules.begun import Beginning, begun_log, is_before
from audit.rules.books import Books
from events import catalogue as ev
from events.journal import Record
from events.windows import USED, WindowLog, WindowOutcome

__all__ = ["Accounting", "Accounts", "WindowAccounts"]

_SHOWN_SEQS: Final = 5


@dataclass(slots=True, kw_only=True)
class WindowAccounts:
    """Windows, told or not.

    Attributes:
        seen: All of them: told, and those between that were never heard of.
        used: Their search brought posts, or posts were sent in them.
        missed: How many by cause, the words of `events.windows`.
        undecided: Told, and the journal ends before it shows what becomes of them.
        records: For each cause the first records that show it.
    """

    seen: int = 0
    used: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    undecided: int = 0
    records: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """All of it; ``latency`` is by step, ``states`` by name."""

    windows: WindowAccounts
    posts: PostAccounts
    submissions: SubmissionAccounts
    runs: RunAccounts
    trouble: TroubleAccounts
    validators: FeedbackTotals
    clock: ClockAccounts
    latency: Mapping[str, Summary]
    states: Mapping[str, Summary]


class Accounting:
    """Fed every record with the auditor's books before it.

    Args:
        begun: What is known of the records before the first one that is fed; None where that is the journal's first.
            Windows that were told before are left out, posts that were chosen before count as pending.
    """

    def __init__(self, begun: Beginning | None = None) -> None:
        self._begun = begun
        self._log = WindowLog() if begun is None else begun_log(begun)
        self._windows = WindowAccounts()
        self._posts = PostTally()
        self._submissions = SubmissionTally()
        self._runs = Runs()
        self._trouble = TroubleTally()
        self._feedback = Feedback(whole=begun is None)
        self._clock = ClockWatch()
        self._latency = LatencyTally()
        if begun is not None:
            self._runs.begin(begun.state, begun.last)
            self._trouble.begin(begun.state, begun.last)
            self._clock.begin(begun.state, begun.last)

    def take(self, record: Record, event: ev.Event, books: Books) -> None:
        for outcome in self._log.take(record, event):
            self._settle(outcome)
        self._posts.take(event, books)
        self._submissions.take(event, books)
        self._runs.take(record, event)
        self._trouble.take(record, event)
        self._feedback.take(record, event)
        self._clock.take(record, event)
        self._latency.take(event)

    def result(self, books: Books) -> Accounts:
        """The accounts of a journal that has ended; ``books`` as they are then. Call it once."""
        for outcome in self._log.end():
            self._settle(outcome)
        undecided = self._log.undecided_since(0 if self._begun is None else self._begun.last.seq)
        self._windows.undecided = undecided
        self._windows.seen += undecided
        self._posts.accounts.pending = len(books.pending)
        return Accounts(
            windows=self._windows,
            posts=self._posts.accounts,
            submissions=self._submissions.accounts,
            runs=self._runs.result(),
            trouble=self._trouble.result(),
            validators=self._feedback.totals,
            clock=self._clock.accounts,
            latency=self._latency.summaries(),
            states=self._runs.states(),
        )

    def _settle(self, window: WindowOutcome) -> None:
        if is_before(self._begun, window.seqs):
            return
        accounts = self._windows
        accounts.seen += window.count
        if window.outcome == USED:
            accounts.used += 1
            return
        accounts.missed[window.outcome] += window.count
        shown = accounts.records.setdefault(window.outcome, [])
        if len(shown) < _SHOWN_SEQS:
            shown.append(window.seqs[-1])
