"""What the page asks of a journal: one narrow interface, whoever keeps the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

from actor.machine.explain import explain
from actor.machine.history import Step
from actor.machine.state import STATES
from actor.machine.table import ROWS
from audit.index.strip import COLUMNS, MARKS
from audit.inspect.flat import Change, Flat, changes
from audit.inspect.judge import Judged
from audit.inspect.query import Query
from audit.replay.why import GUARD_MEANINGS, effect_text, effects_between
from events.catalogue import EVENTS
from events.describe import describe, is_trouble
from events.windows import EXPLAINED

__all__ = ["MOST_FOUND", "Source", "reason_of", "row_of", "words"]

MOST_FOUND: Final = 20_000
_NAMES: Final = {name: number for number, name in enumerate(EVENTS)}
_STATES: Final = {name: number for number, name in enumerate(STATES)}


class Source(Protocol):
    """One journal. Records are numbered from 1; what is asked for beyond the last one is an error of the caller.

    Attributes:
        name: For people, the journal's path.
    """

    name: str

    def follow(self) -> bool:
        """Take in some of what was added; whether there may be more at once. Called from one thread."""

    def about(self) -> dict[str, Any]:
        """Whose journal it is, how far it was read, totals, and what stopped the reading."""

    def windows(self, first: int) -> list[list[Any]]:
        """The strip from entry ``first`` on, a list of the values of `audit.inspect.windows.COLUMNS` for each."""

    def rows(self, first: int, last: int) -> list[list[Any]]:
        """Light rows of records ``first`` to ``last``, as `row_of` makes them."""

    def record(self, seq: int) -> dict[str, Any]:
        """One record whole, with its hash."""

    def state(self, seq: int) -> Flat:
        """The folded state after a record; that after record 0 is the beginning."""

    def reason(self, seq: int) -> dict[str, Any]:
        """What a record changed and why, as `reason_of` makes it."""

    def setter(self, path: str, seq: int) -> int:
        """The last record up to ``seq`` that set the value at a path of the state; 0 when none did."""

    def gantt(self, index: int) -> dict[str, Any]:
        """The lanes of one entry of the strip (`audit.inspect.gantt`)."""

    def find(self, query: Query, start: int) -> tuple[list[int], int | None]:
        """Records from ``start`` on that a query admits, and where to go on; None at the end."""

    def costs(self) -> list[dict[str, Any]]:
        """The days of ``costs``, oldest first."""

    def audit(self) -> Judged:
        """The report of ``audit`` on the records so far, or on fewer while the rest is judged."""

    def steps(self, first: int, last: int) -> Iterable[Step] | Iterator[Step]:
        """The steps of records ``first`` to ``last``."""


def row_of(step: Step) -> list[Any]:
    """A record in short: number, time, event, states before and after, trouble, post, line for people.

    Event and states are their places in the lists of `words`.
    """
    record, event = step.record, step.event
    post_id = getattr(event, "post_id", None)
    return [
        record.seq,
        record.at_ms,
        _NAMES[record.name],
        _STATES[step.before.state],
        _STATES[step.after.state],
        int(is_trouble(event)),
        post_id,
        describe(event),
    ]


def reason_of(step: Step) -> dict[str, Any]:
    """Why a record led where it led: the guards of each row of the table for it, the row taken, and what came of it."""
    told = explain(step.before, step.event, step.record.at_ms)
    begun, ended = effects_between(step.before, step.after)
    changed: list[Change] = changes(step.before, step.after)
    return {
        "guards": ["".join("01"[value] for _, value in row.guards) for row in told.rows],
        "taken": next((n for n, row in enumerate(told.rows) if row is told.taken), None),
        "changes": changed,
        "begun": [effect_text(effect) for effect in begun],
        "ended": [effect_text(effect) for effect in ended],
    }


def words() -> dict[str, Any]:
    """The words that rows and reasons point to: events, states, the table, guards, marks and reasons of a miss."""
    return {
        "events": list(EVENTS),
        "states": list(STATES),
        "table": [[row.event, row.source, row.dest, list(row.guards)] for row in ROWS],
        "guards": dict(GUARD_MEANINGS),
        "columns": list(COLUMNS),
        "marks": dict(MARKS),
        "missed": dict(EXPLAINED),
    }
