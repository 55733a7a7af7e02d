"""Points in a journal as an operator names them: a record's number, or a time in UTC. Pure.

A time names the whole unit that it is written in: ``2026-11-22`` is that day, ``2026-11-22T14:32`` that minute. As a
point it means the last record, in the journal's order, whose own time is not behind that unit. A host's clock may be
set back, so records before that one may bear later times; the journal's order is the order in which things happened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from actor.machine import INITIAL, State
from actor.machine.budget import DAY_MS
from audit.errors import UsageError
from events.describe import printable
from events.journal import Record, at_text

__all__ = ["Moment", "Point", "day_text", "in_calendar", "parse_moment", "parse_unit", "points", "second_text"]

_SEQ: Final = re.compile(r"[0-9]{1,18}")
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?)?)?Z?", flags=re.ASCII
)
# What the last part written stands for, by how many parts there are: a day, hour, minute, second.
_UNIT_MS: Final = {3: 86_400_000, 4: 3_600_000, 5: 60_000, 6: 1_000}
_ENDLESS: Final = 2**63
_TIMES: Final = "a UTC time such as 2026-11-22, 2026-11-22T14:32 or 2026-11-22T14:32:05.123Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was asked for; exactly one of ``seq`` and ``until_ms`` is set.

    Attributes:
        text: As the operator wrote it, with the option, for messages.
        seq: The record's number; 0 is before the first one.
        until_ms: The last millisecond of the time's unit, unix.
    """

    text: str
    seq: int | None = None
    until_ms: int | None = None

    def covers(self, record: Record) -> bool:
        """Whether the record lies at or before it."""
        return record.seq <= self.seq if self.seq is not None else record.at_ms <= (self.until_ms or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The last record at or before a moment, and the state after it; ``record`` None is before the first one."""

    record: Record | None
    state: State

    @property
    def seq(self) -> int:
        return 0 if self.record is None else self.record.seq


def parse_moment(text: str, option: str) -> Moment:
    """A record's number or a time.

    Raises:
        UsageError: It is neither.
    """
    if _SEQ.fullmatch(text):
        return Moment(text=f"{option} {text}", seq=int(text))
    unit = _unit(text)
    if unit is None:
        raise UsageError(f"{option} {text}: expected a record's number or {_TIMES}")
    return Moment(text=f"{option} {text}", until_ms=unit[1])


def parse_unit(text: str, option: str) -> tuple[int, int]:
    """The first and the last millisecond, unix, of the unit that a time names.

    Raises:
        UsageError: It is no time.
    """
    unit = _unit(text)
    if unit is None:
        raise UsageError(f"{option} {text}: expected {_TIMES}")
    return unit


def points(history: Iterable[tuple[Record, State]], moments: Sequence[Moment]) -> list[Point]:
    """The point of each moment, in one pass that ends as soon as they are known.

    Raises:
        UsageError: The journal ends before a record that was asked for.
    """
    found: list[tuple[Record | None, State]] = [(None, INITIAL)] * len(moments)
    last_asked = max(_ENDLESS if moment.seq is None else moment.seq for moment in moments)
    ended = 0
    for record, state in history if last_asked else ():
        ended = record.seq
        for index, moment in enumerate(moments):
            if moment.covers(record):
                found[index] = record, state
        if ended >= last_asked:
            break
    for moment in moments:
        if moment.seq is not None and moment.seq > ended:
            raise UsageError(f"{moment.text}: the journal ends at record {ended}")
    return [Point(record=record, state=state) for record, state in found]


def _unit(text: str) -> tuple[int, int] | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    *parts, fraction = match.groups()
    numbers = [int(part) for part in parts if part is not None]
    try:
        start_ms = round(datetime(*numbers, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc, arg-type]
    except ValueError:
        return None  # no such day or hour
    if fraction is None:
        return start_ms, start_ms + _UNIT_MS[len(numbers)] - 1
    start_ms += int(fraction.ljust(3, "0"))
    return start_ms, start_ms + 10 ** (3 - len(fraction)) - 1


_CALENDAR_MS: Final = range(-62_135_596_800_000, 253_402_300_800_000)  # the years 1 to 9999
_LONGEST_NUMBER: Final = 40


def in_calendar(at_ms: int) -> int | None:
    """The same unix milliseconds, None where they are of no year from 1 to 9999."""
    return at_ms if at_ms in _CALENDAR_MS else None


def second_text(at_s: int) -> str:
    """Unix seconds as the journal writes moments, or ``4611686018427387904 s``."""
    return printable(f"{at_s} s", _LONGEST_NUMBER) if in_calendar(at_s * 1000) is None else at_text(at_s * 1000)


def day_text(day: int) -> str:
    """A UTC day, such as 2026-11-22, from unix days, or ``day 2932897``."""
    if in_calendar(day * DAY_MS) is None:
        return printable(f"day {day}", _LONGEST_NUMBER)
    return at_text(day * DAY_MS)[: len("2026-11-22")]
