"""Moments and days that a record names are shown whatever they are."""

from __future__ import annotations

import pytest

from audit.moments import day_text, in_calendar, second_text

YEAR_1_S, YEAR_10000_S = -62_135_596_800, 253_402_300_800
DAY_S = 86_400


@pytest.mark.parametrize(
    ("at_s", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.000Z"),
        (YEAR_1_S, "0001-01-01T00:00:00.000Z"),
        (YEAR_10000_S - 1, "9999-12-31T23:59:59.000Z"),
        (YEAR_1_S - 1, "-62135596801 s"),
        (YEAR_10000_S, "253402300800 s"),
        (2**62, "4611686018427387904 s"),
        (10**4_000, "1" + "0" * 38 + "…"),
    ],
)
def test_a_second_is_a_date_or_its_number(at_s: int, text: str) -> None:
    """Within the years that a calendar has, and beyond; never longer than a line takes."""
    assert second_text(at_s) == text
    assert (in_calendar(at_s * 1000) is None) == (not text.endswith("Z"))


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (20_779, "2026-11-22"),
        (-1, "1969-12-31"),
        (YEAR_1_S // DAY_S, "0001-01-01"),
        (YEAR_10000_S // DAY_S - 1, "9999-12-31"),
        (YEAR_10000_S // DAY_S, "day 2932897"),
        (-(10**9), "day -1000000000"),
        (10**4_000, "day 1" + "0" * 34 + "…"),
    ],
)
def test_a_day_is_a_date_or_its_number(day: int, text: str) -> None:
    """Likewise."""
    assert day_text(day) == text
