"""Runs and time: starts, stops, crashes, the time between, how long each state lasted, and a clock that jumped. Pure.

A crash leaves no record. It shows at the next start, so its downtime is counted from the last record before: an upper
bound. Time without a process belongs to no state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from actor.machine.state import STATES, State
from audit.judge.tallies import Histogram, Summary
from events import catalogue as ev
from events.journal import Record

__all__ = ["ClockAccounts", "ClockWatch", "RunAccounts", "Runs"]

_SHOWN_SEQS: Final = 5
# What a start may write before ActorStarted.
_OPENING: Final = (ev.JournalCreated, ev.ApiMoved, ev.TailRepaired, ev.GapDeclared)
# So much more time than the answer took; a busy host does not explain it.
_AHEAD_MS: Final = 30_000


@dataclass(slots=True, kw_only=True)
class RunAccounts:
    """Processes.

    Attributes:
        starts: How many.
        stops: Clean ends.
        crashes: Starts without a clean end before.
        crashed_at: The first of those starts' records.
        down: Times without a process, those after a crash from the last record on.
        running: The journal ends without a clean end: a process runs, or crashed.
    """

    starts: int = 0
    stops: int = 0
    crashes: int = 0
    crashed_at: list[int] = field(default_factory=list)
    down: Summary
    running: bool = False


class Runs:
    """Fed every record."""

    def __init__(self) -> None:
        self._accounts = RunAccounts(down=Histogram().summary())
        self._down = Histogram()
        self._dwell: dict[str, Histogram] = {state: Histogram() for state in STATES}
        self._state: str | None = None
        self._since_ms = 0
        self._last_ms: int | None = None

    def begin(self, state: State, last: Record) -> None:
        """Begin behind the record ``last``, in this state; a visit that goes on counts from there."""
        self._state, self._since_ms = (state.state if state.running else None), last.at_ms
        self._last_ms = last.at_ms

    def take(self, record: Record, event: ev.Event) -> None:
        if isinstance(event, _OPENING):
            return
        if isinstance(event, ev.ActorStarted):
            self._start(record)
        elif isinstance(event, ev.ActorStopped):
            self._accounts.stops += 1
            self._leave(record.at_ms)
        elif record.dest != self._state:
            self._leave(record.at_ms)
            self._state, self._since_ms = record.dest, record.at_ms
        self._last_ms = record.at_ms

    def result(self) -> RunAccounts:
        self._accounts.down = self._down.summary()
        self._accounts.running = self._state is not None
        return self._accounts

    def states(self) -> Mapping[str, Summary]:
        """How long each state lasted, every visit by itself, the one that goes on at the journal's end included."""
        if self._state is not None and self._last_ms is not None:
            self._dwell.setdefault(self._state, Histogram()).add(self._last_ms - self._since_ms)
        return {state: histogram.summary() for state, histogram in self._dwell.items()}

    def _start(self, record: Record) -> None:
        accounts = self._accounts
        accounts.starts += 1
        if self._last_ms is not None:
            self._down.add(record.at_ms - self._last_ms)
            if self._state is not None:
                accounts.crashes += 1
                if len(accounts.crashed_at) < _SHOWN_SEQS:
                    accounts.crashed_at.append(record.seq)
                self._leave(self._last_ms)
        self._state, self._since_ms = record.dest, record.at_ms

    def _leave(self, at_ms: int) -> None:
        if self._state is not None:
            self._dwell.setdefault(self._state, Histogram()).add(at_ms - self._since_ms)
        self._state = None


@dataclass(slots=True, kw_only=True)
class ClockAccounts:
    """This host's clock.

    Attributes:
        went_back: Records whose time lies before that of the record before.
        largest_back_ms: The largest of these steps.
        back_at: The first of these records.
        ran_ahead: Answers that came 30 s or more after what they took: the clock was set ahead, or the host slept.
        largest_ahead_ms: The largest of these.
        ahead_at: The first of these records.
    """

    went_back: int = 0
    largest_back_ms: int = 0
    back_at: list[int] = field(default_factory=list)
    ran_ahead: int = 0
    largest_ahead_ms: int = 0
    ahead_at: list[int] = field(default_factory=list)


class ClockWatch:
    """Fed every record. Compares the times of records with each other, and with what searches and submissions took."""

    def __init__(self) -> None:
        self.accounts = ClockAccounts()
        self._last_ms: int | None = None
        self._asked_ms: int | None = None
        self._floor_ms = 0
        self._searched_ms = 0

    def begin(self, state: State, last: Record) -> None:
        """Begin behind the record ``last``, in this state; an answer that is due is not compared."""
        self._last_ms, self._searched_ms = last.at_ms, state.searched_ms or 0
        self._floor_ms = round(state.policy.blocks_per_window * state.policy.block_s * 250)

    def take(self, record: Record, event: ev.Event) -> None:
        accounts = self.accounts
        if self._last_ms is not None and record.at_ms < self._last_ms:
            accounts.went_back += 1
            accounts.largest_back_ms = max(accounts.largest_back_ms, self._last_ms - record.at_ms)
            if len(accounts.back_at) < _SHOWN_SEQS:
                accounts.back_at.append(record.seq)
        self._last_ms = record.at_ms
        match event:
            case ev.SubmissionStarted():
                self._asked_ms = record.at_ms
            case (
                ev.SubmissionAccepted()
                | ev.SubmissionRejected()
                | ev.SubmissionFailed()
                | ev.RateLimited()
                | ev.PostsScraped()
                | ev.ScrapeFailed()
            ):
                self._answer(record, event.latency_ms)
            case ev.ActorStarted():
                self._asked_ms = None
                self._floor_ms = round(event.policy.blocks_per_window * event.policy.block_s * 250)
        if isinstance(event, ev.PostsScraped | ev.ScrapeFailed):
            self._searched_ms = record.at_ms
        if record.dest == "Scraping" and (record.source != "Scraping" or self._searched_ms == record.at_ms):
            self._asked_ms = max(record.at_ms, self._searched_ms + self._floor_ms)  # searches are so far apart

    def _answer(self, record: Record, latency_ms: int) -> None:
        accounts = self.accounts
        if self._asked_ms is not None:
            ahead_ms = record.at_ms - self._asked_ms - latency_ms
            if ahead_ms >= _AHEAD_MS:
                accounts.ran_ahead += 1
                accounts.largest_ahead_ms = max(accounts.largest_ahead_ms, ahead_ms)
                if len(accounts.ahead_at) < _SHOWN_SEQS:
                    accounts.ahead_at.append(record.seq)
        self._asked_ms = None
