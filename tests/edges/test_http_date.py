"""Dates in headers: whatever a server writes there, it is a moment or none."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.edges.text import http_date


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 09:28:00 +0200"])
def test_a_date_is_a_moment(value: str) -> None:
    """In any zone."""
    assert http_date(value) == datetime(2015, 10, 21, 7, 28, tzinfo=UTC)


def test_a_date_without_a_zone_is_utc() -> None:
    """-0000 says that the zone is unknown."""
    assert http_date("Wed, 21 Oct 2015 07:28:00 -0000") == datetime(2015, 10, 21, 7, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    ["", "soon", "7", "Mon, 99999999999 Jan 2020 00:00:00 GMT", f"Mon, 01 Jan 2020 00:00:00 +{'9' * 30}"],
)
def test_what_is_no_date_is_none(value: str) -> None:
    """Numbers that no calendar holds among them."""
    assert http_date(value) is None


@given(
    st.lists(
        st.sampled_from(["Mon,", "Jan", "2020", "-1", "99999999999", "0", "00:00:00", "GMT", "+9999", "-0000", "31"])
        | st.text(max_size=6),
        max_size=7,
    )
)
def test_no_value_of_a_server_raises(words: list[str]) -> None:
    """A moment has a zone, so that it can be compared."""
    found = http_date(" ".join(words))
    assert found is None or found.tzinfo is not None
