"""Bills by window, by UTC day and in all, in one pass over a journal; memory grows with days only. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from actor.machine import INITIAL, State
from actor.machine.budget import DAY_MS
from audit.costs.entries import Expenses, entries, told_between
from audit.feedback import Feedback
from events.journal import Record

__all__ = ["DayBooks", "WindowBill"]

_FULL_DAYS: Final = 7
_NOTHING: Final = Expenses()


@dataclass(slots=True, kw_only=True)
class WindowBill:
    """What was paid while one window was worked on.

    Attributes:
        number: The window's number; None for what comes before the first.
        start_block: Its first block.
        opened_ms: When its work began, unix milliseconds.
        bill: The costs, of the days that were asked for.
        in_work: The costs of all days.
    """

    number: int | None = None
    start_block: int | None = None
    opened_ms: int | None = None
    bill: Expenses = _NOTHING
    in_work: Expenses = _NOTHING


class DayBooks:
    """Takes every record of a journal in order; the days that are asked for are entered.

    Attributes:
        state: The state after the last record.
        days: Costs by UTC day (unix days).
        window: The window in work, as far as it goes.
        first_day: Day of the first record, asked for or not; None without one.
        last_day: Likewise of the last record.
    """

    def __init__(self, *, since: int | None = None, until: int | None = None) -> None:
        self.state: State = INITIAL
        self.days: dict[int, Expenses] = {}
        self.window = WindowBill()
        self.first_day: int | None = None
        self.last_day: int | None = None
        self._feedback = Feedback(whole=True)
        self._since = since
        self._until = until

    def enter(self, record: Record, after: State) -> WindowBill | None:
        """Enter the next record with the state after it; gives the window whose work it ended.

        What a record costs belongs to the window before it, for it may end that one and begin the next.
        """
        before, self.state = self.state, after
        self.last_day = record.at_ms // DAY_MS
        if self.first_day is None:
            self.first_day = self.last_day
        for day, bill in entries(record, before, after, lambda: self.window.in_work):
            self._add(day, bill)
        if record.name in Feedback.TELLING and (told := self._told(record)) != _NOTHING:
            self._add(self.last_day, told)
        if after.totals.windows == before.totals.windows or after.window is None:
            return None
        ended = self.window
        self.window = WindowBill(
            number=after.window.number, start_block=after.window.start_block, opened_ms=record.at_ms
        )
        self._add(self.last_day, Expenses(windows=1))
        return ended

    def _told(self, record: Record) -> Expenses:
        """What a validator's word changes."""
        known = self._feedback.totals.copy()
        self._feedback.take(record, record.event())
        return told_between(known, self._feedback.totals)

    def _add(self, day: int, bill: Expenses) -> None:
        self.window.in_work += bill
        if (self._since is None or day >= self._since) and (self._until is None or day <= self._until):
            self.window.bill += bill
            self.days[day] = self.days.get(day, Expenses()) + bill

    def total(self) -> Expenses:
        return sum(self.days.values(), Expenses())

    def full_days(self) -> list[int]:
        """The last UTC days, at most seven, with windows, and with records on days before and after them."""
        if self.first_day is None or self.last_day is None:
            return []
        full = [day for day, bill in self.days.items() if self.first_day < day < self.last_day and bill.windows]
        return sorted(full)[-_FULL_DAYS:]
