"""Points in a journal, by number and by time, with a clock that goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.machine.history import folded
from audit.errors import UsageError
from audit.moments import parse_moment, parse_unit, points
from events import catalogue as ev
from events.journal import at_text
from tests.kit import T0_MS, Drive

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-22", "2026-11-22T00:00:00.000Z", "2026-11-22T23:59:59.999Z"),
        ("2026-11-22T14", "2026-11-22T14:00:00.000Z", "2026-11-22T14:59:59.999Z"),
        ("2026-11-22T14:32", "2026-11-22T14:32:00.000Z", "2026-11-22T14:32:59.999Z"),
        ("2026-11-22 14:32Z", "2026-11-22T14:32:00.000Z", "2026-11-22T14:32:59.999Z"),
        ("2026-11-22T14:32:05Z", "2026-11-22T14:32:05.000Z", "2026-11-22T14:32:05.999Z"),
        ("2026-11-22T14:32:05.1", "2026-11-22T14:32:05.100Z", "2026-11-22T14:32:05.199Z"),
        ("2026-11-22T14:32:05.123Z", "2026-11-22T14:32:05.123Z", "2026-11-22T14:32:05.123Z"),
        ("9999-12-31", "9999-12-31T00:00:00.000Z", "9999-12-31T23:59:59.999Z"),
        ("1969-12-31", "1969-12-31T00:00:00.000Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_names_the_unit_that_it_is_written_in(text: str, first: str, last: str) -> None:
    """A day, an hour, a minute, a second, a part of one; in UTC."""
    assert tuple(map(at_text, parse_unit(text, "--since"))) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11",
        "2026-13-01",
        "2026-02-30",
        "2026-11-22T24:00",
        "2026-11-22T14:60",
        "2026-11-22T14:32:05.1234Z",
        "2026-11-22T14:32+01:00",
        "2026-11-22T14:32:05.123ZZ",
        "٢٠٢٦-11-22",
        "-1",
        "1.5",
        "9" * 5_000,
    ],
)
def test_what_is_no_point_is_wrong_use(text: str) -> None:
    """One line that says what would be one."""
    with pytest.raises(UsageError, match=r"expected a record's number or a UTC time such as 2026-11-22"):
        parse_moment(text, "--at")


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1)), st.integers(10, 23))  # noqa: DTZ001
def test_a_record_s_own_time_cut_anywhere_covers_it(moment: datetime, length: int) -> None:
    """Whatever part of a printed time an operator copies, the record lies in what it names."""
    at_ms = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    text = at_text(at_ms)[:length].rstrip("T:.")
    if len(text) in {10, 13, 16, 19, 21, 22, 23}:
        first, last = parse_unit(text, "--until")
        assert first <= at_ms <= last


def clocked(*offsets_s: float) -> Drive:
    """A journal whose records bear these times after T0, each another state: created, started, then news of the API."""
    drive = Drive()
    news: list[ev.Event] = [ev.ApiUnreachable(reason="x"), ev.ApiRecovered()]
    events: list[ev.Event] = [
        ev.JournalCreated(hotkey="5", netuid=45, api_url="http://127.0.0.1:8001"),
        ev.ActorStarted(build="1", epoch=1, pid=1, policy=ev.Policy()),
        *news * 3,
    ]
    for event, offset in zip(events, offsets_s, strict=False):
        drive.at_ms = T0_MS + round(offset * 1000)
        drive.on(event)
    return drive


def found(drive: Drive, *asked: str) -> list[int]:
    """The records that these moments mean."""
    moments = [parse_moment(text, "--at") for text in asked]
    result = points(folded(drive.records), moments)
    states = {0: folded_initial(), **{record.seq: state for record, state in folded(drive.records)}}
    assert [point.state for point in result] == [states[point.seq] for point in result]
    return [point.seq for point in result]


def folded_initial() -> object:
    """The state before the first record."""
    return points([], [parse_moment("0", "--at")])[0].state


def test_a_number_is_that_record() -> None:
    """0 is before the first one; several moments are found in one pass, in the order in which they were asked for."""
    drive = clocked(0, 1, 2, 3)
    assert found(drive, "3", "0", "1") == [3, 0, 1]
    with pytest.raises(UsageError, match="--at 5: the journal ends at record 4"):
        found(drive, "5")
    with pytest.raises(UsageError, match="--at 1: the journal ends at record 0"):
        found(Drive(), "1")


def test_a_time_is_the_last_record_that_is_not_later() -> None:
    """T0 is 14:32:05.123; before the first record there is the state before it, behind the last one the last."""
    drive = clocked(0, 1, 2, 60, DAY_MS / 1000)
    asked = (
        "2026-11-22T14:32:05",
        "2026-11-22T14:32:06.122Z",
        "2026-11-22T14:32",
        "2026-11-22",
        "2027-01-01",
        "2026-11-21",
    )
    assert found(drive, *asked) == [1, 1, 3, 4, 5, 0]


def test_where_the_clock_went_back_the_journal_s_order_decides() -> None:
    """Records that bear a later time but were written earlier lie before that point: they had happened."""
    drive = clocked(0, 10, 20, 5, 6, 30)
    assert found(drive, "2026-11-22T14:32:12") == [5]
    assert found(drive, "2026-11-22T14:32:10") == [4]
    assert found(drive, "2026-11-22T14:32:26") == [5]


def test_numbers_and_times_can_be_mixed() -> None:
    """A time needs the whole journal, a number no more than its record."""
    assert found(clocked(0, 10, 20, 5), "2", "2026-11-22T14:32:12") == [2, 4]

    def broken() -> object:
        yield from folded(clocked(0, 1).records)
        raise AssertionError("read on")

    assert [point.seq for point in points(broken(), [parse_moment("1", "--at")])] == [1]  # type: ignore[arg-type]
