"""Moments and days that a record names from outside, as text: one that no calendar year holds is its number. Pure."""

from __future__ import annotations

from typing import Final

from actor.machine.budget import DAY_MS
from events.describe import printable
from events.journal import at_text

__all__ = ["day_text", "in_calendar", "second_text"]

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
