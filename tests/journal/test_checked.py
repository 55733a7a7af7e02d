"""What is written is what is read back, for every event; what would read back differently is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.catalogue import ApiUnreachable, ConfigMismatched, Event, Policy, RateLimited, ScrapeFailed
from events.journal import GENESIS, Draft, Head, parse, read_journal
from events.journal.record import seal_checked
from tests.journal.kit import NOW_MS

RECORDED = [
    record
    for name in ("whole", "repaired")
    for record in read_journal(Path(__file__).parent / "recorded" / "v1" / name)
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def _draft(event: Any, at_ms: int = NOW_MS, source: Any = "Backoff") -> Draft:
    return Draft(at_ms=at_ms, event=event, source=source, dest="Scraping")


@pytest.mark.parametrize("event", [record.event() for record in RECORDED], ids=lambda event: type(event).__name__)
def test_the_record_is_what_the_line_reads_back_as(event: Event) -> None:
    """It is put together without reading the line, so it must not differ in anything."""
    line, record = seal_checked(_draft(event), GENESIS)
    assert record == parse(line, GENESIS)
    assert record.event() == event


@given(TEXTS, TEXTS, TEXTS, st.integers(-62_135_596_800_000, 253_402_300_799_999), st.integers(0, 2**62))
def test_any_text_and_any_time(reason: str, source: str, dest: str, at_ms: int, seq: int) -> None:
    """State names are texts like others, and the calendar is the only limit of time."""
    head = Head(seq=seq, hash=GENESIS.hash)
    line, record = seal_checked(Draft(at_ms=at_ms, event=ApiUnreachable(reason=reason), source=source, dest=dest), head)
    assert record == parse(line, head)


def test_what_would_read_back_differently_is_refused() -> None:
    """NaN, infinity, a list for a tuple, a number or a truth value of another type; a name or a time that is none."""
    limited: dict[str, Any] = {
        "post_id": "1",
        "answer": "",
        "reason": "",
        "start_block": None,
        "reset_block": None,
        "latency_ms": 1,
    }
    drafts = [
        _draft(RateLimited(**limited, reset_s=math.nan)),
        _draft(RateLimited(**limited, reset_s=math.inf)),
        _draft(ScrapeFailed(window=True, kind="", reason="")),
        _draft(ScrapeFailed(window=1.0, kind="", reason="")),  # type: ignore[arg-type]
        _draft(ScrapeFailed(window=1, kind="", reason="", http_status="200")),  # type: ignore[arg-type]
        _draft(ConfigMismatched(setting="MINE", configured=1, served=1)),  # type: ignore[arg-type]
        _draft(ApiUnreachable(reason=["x"])),  # type: ignore[arg-type]
        _draft(ApiUnreachable(reason={"x"})),  # type: ignore[arg-type]
        _draft(ApiUnreachable(reason=b"x")),  # type: ignore[arg-type]
        _draft(Policy()),
        _draft(ScrapeFailed(window=1, kind="", reason="", retry_after_s=3)),
        _draft(ApiUnreachable(reason=""), at_ms=True),
        _draft(ApiUnreachable(reason=""), source=7),
    ]
    for draft in drafts:
        with pytest.raises(ValueError, match="nothing was written"):
            seal_checked(draft, GENESIS)
