"""One record: sealing, reading back, and refusing what is not the next link."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.catalogue import ActorStopped, ApiUnreachable
from events.journal.record import GENESIS, BadRecordError, Draft, Head, at_text, parse, seal
from tests.journal.kit import NOW_MS, draft

LINE, HEAD = seal(draft(1), GENESIS)


def test_a_line_is_one_json_object_in_the_documented_order() -> None:
    """Any JSON reader can read a journal."""
    assert LINE.endswith(b"\n")
    assert LINE.count(b"\n") == 1
    assert list(json.loads(LINE)) == ["seq", "at", "v", "event", "from", "to", "data", "hash"]


def test_the_hash_is_the_documented_one() -> None:
    """SHA-256 over the previous hash's digits and the line up to its own hash: a few lines for a third party."""
    prefix, _, rest = LINE.rpartition(b',"hash":"')
    digest = hashlib.sha256(b"0" * 64 + prefix).hexdigest()
    assert rest == digest.encode() + b'"}\n'
    assert Head(seq=1, hash=digest) == HEAD


def test_a_record_reads_back_whole() -> None:
    """Number, time, states, event and hash."""
    record = parse(LINE, GENESIS)
    assert (record.seq, record.at_ms, record.v, record.name) == (1, NOW_MS + 1, 1, "ApiUnreachable")
    assert (record.source, record.dest) == ("WaitingForWindow", "WaitingForWindow")
    assert record.event() == ApiUnreachable(reason="number 1")
    assert record.head == HEAD


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_times_keep_their_milliseconds(at_ms: int) -> None:
    """UTC text with three digits, there and back."""
    line, _ = seal(Draft(at_ms=at_ms, event=ApiUnreachable(reason=""), source="", dest=""), GENESIS)
    assert parse(line, GENESIS).at_ms == at_ms
    assert f'"at":"{at_text(at_ms)}"'.encode() in line
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    assert at_text(at_ms) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_makes_one_line(reason: str, state: str) -> None:
    """Newlines, quotes and what looks like a record inside a text stay inside it."""
    event = ActorStopped(reason=reason + '\n{"seq":1,"hash":"', posts_processed=0)
    line, head = seal(Draft(at_ms=0, event=event, source=state, dest=state), GENESIS)
    assert line.count(b"\n") == 1
    assert parse(line, GENESIS).event() == event
    assert parse(line, GENESIS).head == head


def test_a_flip_of_any_bit_is_found() -> None:
    """The chain covers every byte, the commit mark included."""
    for at in range(8 * len(LINE)):
        bad = bytearray(LINE)
        bad[at // 8] ^= 1 << at % 8
        with pytest.raises(BadRecordError):
            parse(bytes(bad), GENESIS)


def test_every_shorter_line_is_torn() -> None:
    """No prefix of a record is a record, not even without its place in the chain."""
    for length in range(len(LINE)):
        with pytest.raises(BadRecordError):
            parse(LINE[:length], None)


def test_a_record_does_not_follow_another_head() -> None:
    """Moved, repeated and skipped records break the chain."""
    second, _ = seal(draft(2), HEAD)
    with pytest.raises(BadRecordError, match="does not continue record 0"):
        parse(second, GENESIS)
    with pytest.raises(BadRecordError, match="expected seq 8, found 2"):
        parse(second, Head(seq=7, hash=HEAD.hash))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"seq":1,', b'{"seq":"1",'),
        (b'"v":1', b'"v":1.0'),
        (b'"v":1', b'"w":1'),
        (b'"at":"2026', b'"at":"x026'),
        (b'Z","v"', b'","v"'),
        (b'"data":{', b'"data":[{'),
        (b'"reason":"', b'"reason":"\xff'),
        (b'"reason":', b'"depth":%b,"reason":' % (b"[" * 100_000 + b"]" * 100_000)),
    ],
)
def test_what_is_no_record_is_refused_without_a_place_too(old: bytes, new: bytes) -> None:
    """Reading a line alone checks its shape, and that a reader of any kind can read it."""
    with pytest.raises(BadRecordError):
        parse(LINE.replace(old, new), None)


def test_an_event_of_a_newer_build_is_named() -> None:
    """The chain verifies, the meaning is not known: update."""
    record = parse(LINE.replace(b'"v":1', b'"v":2'), None)
    with pytest.raises(ValueError, match=r"record 1: ApiUnreachable version 2 is unknown.*update user-miner"):
        record.event()
    unknown = parse(LINE.replace(b'"ApiUnreachable"', b'"MoonLanded"'), None)
    with pytest.raises(ValueError, match="unknown event 'MoonLanded'"):
        unknown.event()
