"""Bills by window, by UTC day and in all, in one pass over a journal; memory grows with days only. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from actor.machine import State
from actor.machine.budget import DAY_MS
from actor.machine.history import Step
from audit.costs.entries import Bill, Expenses, entries, told_between
from audit.feedback import Feedback

__all__ = ["Costs", "DayBooks", "WindowBill", "is_within"]

_FULL_DAYS: Final = 7


@dataclass(slots=True, kw_only=True)
class WindowBill:
    """What was paid while one window was worked on.

    Attributes:
        number: The window's number; None for what comes before the first.
        start_block: Its first block.
        opened_ms: When its work began, unix milliseconds.
        days: The costs by UTC day (unix days).
    """

    number: int | None = None
    start_block: int | None = None
    opened_ms: int | None = None
    days: dict[int, Bill] = field(default_factory=dict)

    def bill(self, since: int | None = None, until: int | None = None) -> Expenses:
        """The costs of some days: from ``since`` to ``until``, None for no limit."""
        bill = Bill()
        for day in sorted(self.days):
            if is_within(day, since, until):
                bill.add(self.days[day])
        return bill.expenses()


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What some days of a journal cost.

    Attributes:
        state: The state after the journal's last record.
        days: Costs by UTC day (unix days), of the days that were asked for.
        first_day: Day of the first record, asked for or not; None without one.
        last_day: Likewise of the last record.
    """

    state: State
    days: Mapping[int, Expenses]
    first_day: int | None
    last_day: int | None

    def total(self) -> Expenses:
        """All of them."""
        return sum(self.days.values(), Expenses())

    def full_days(self) -> list[int]:
        """The last UTC days, at most seven, with windows, and with records on days before and after them."""
        if self.first_day is None or self.last_day is None:
            return []
        full = [day for day, bill in self.days.items() if self.first_day < day < self.last_day and bill.windows]
        return sorted(full)[-_FULL_DAYS:]


class DayBooks:
    """Takes every step of a journal in order.

    Attributes:
        window: The window in work, as far as it goes.
    """

    def __init__(self) -> None:
        self.window = WindowBill()
        self._days: dict[int, Bill] = {}  # of windows whose work has ended
        self._first_day: int | None = None
        self._last_day: int | None = None
        self._feedback = Feedback(whole=True)

    def enter(self, step: Step) -> WindowBill | None:
        """Enter the next step; gives the window whose work it ended.

        What a record costs belongs to the window before it, for it may end that one and begin the next.
        """
        record, before, after = step.record, step.before, step.after
        self._last_day = day = record.at_ms // DAY_MS
        if self._first_day is None:
            self._first_day = day
        for on, told in entries(step, self.window.bill):
            self._bill(on).enter(told)
        if record.name in Feedback.TELLING:
            self._hear(step, day)
        if after.totals.windows == before.totals.windows or after.window is None:
            return None
        ended = self.window
        _add(self._days, ended.days)
        self.window = WindowBill(
            number=after.window.number, start_block=after.window.start_block, opened_ms=record.at_ms
        )
        self._bill(day).enter({"windows": 1})
        return ended

    def costs(self, state: State, *, since: int | None = None, until: int | None = None) -> Costs:
        """The costs of the days from ``since`` to ``until``, None for no limit; ``state`` is the one at the end."""
        days: dict[int, Bill] = {}
        _add(days, self._days)
        _add(days, self.window.days)
        asked = {day: bill.expenses() for day, bill in days.items() if is_within(day, since, until)}
        return Costs(state=state, days=asked, first_day=self._first_day, last_day=self._last_day)

    def _hear(self, step: Step, day: int) -> None:
        """What a validator's word changes."""
        if step.record.name == "SubmissionStarted":
            self._feedback.take(step.record, step.event)
            return
        known = self._feedback.totals.copy()
        self._feedback.take(step.record, step.event)
        told = told_between(known, self._feedback.totals)
        if any(told.values()):
            self._bill(day).enter(told)

    def _bill(self, day: int) -> Bill:
        bill = self.window.days.get(day)
        if bill is None:
            bill = self.window.days[day] = Bill()
        return bill


def _add(days: dict[int, Bill], more: Mapping[int, Bill]) -> None:
    for day, bill in more.items():
        days.setdefault(day, Bill()).add(bill)


def is_within(day: int, since: int | None, until: int | None) -> bool:
    """Whether the day is among those from ``since`` to ``until``, None for no limit."""
    return (since is None or day >= since) and (until is None or day <= until)
