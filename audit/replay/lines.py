"""How replay prints: the columns of a line, durations, JSON of a record. Pure, and what comes out is safe to print."""

from __future__ import annotations

from typing import Any, Final

import orjson

from events.catalogue import Event
from events.describe import describe, inert_json, is_trouble, printable
from events.journal import Record, at_text

__all__ = ["entry_line", "json_line", "record_fields", "record_line", "short", "span", "when"]

_NAME_WIDTH: Final = 18
_LONGEST_LINE: Final = 2_000
_SECOND_MS: Final = 1_000
_MINUTE_MS: Final = 60 * _SECOND_MS
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_DATE: Final = len("2026-11-22T")
_TO_SECONDS: Final = len("2026-11-22T14:32:05")


def short(text: str, limit: int = 200) -> str:
    """A text from outside on one line."""
    return printable(text, limit)


def when(at_ms: int, *, beside: int | None = None) -> str:
    """A time to the second; without its date where the line above bears the same one."""
    text = at_text(at_ms)[:_TO_SECONDS] + "Z"
    same = beside is not None and at_text(beside)[:_DATE] == text[:_DATE]
    return " " * _DATE + text[_DATE:] if same else text


def span(ms: int) -> str:
    """A duration for people, two units at most."""
    if ms < 0:
        return "unknown time (the clock went back)"
    if ms < _MINUTE_MS:
        return f"{ms / _SECOND_MS:.1f} s"
    if ms < _HOUR_MS:
        return f"{ms // _MINUTE_MS} min {ms % _MINUTE_MS // _SECOND_MS:02d} s"
    if ms < _DAY_MS:
        return f"{ms // _HOUR_MS} h {ms % _HOUR_MS // _MINUTE_MS:02d} min"
    return f"{ms // _DAY_MS} d {ms % _DAY_MS // _HOUR_MS:02d} h"


def entry_line(seq: int, moment: str, text: str, *, trouble: bool = False) -> str:
    """A line about one or more records, of which ``seq`` is the last."""
    return short(f"{seq:>6} {moment} {'!' if trouble else ' '} {text}".rstrip(), _LONGEST_LINE) + "\n"


def record_line(record: Record, event: Event) -> str:
    """One line for one record, with the states it led from and to."""
    arrow = record.dest if record.source == record.dest else f"{record.source} → {record.dest}"
    mark = "!" if is_trouble(event) else " "
    text = f"{record.seq:>6} {at_text(record.at_ms)} {mark}{record.name:<{_NAME_WIDTH}} {describe(event)}  [{arrow}]"
    return short(text, _LONGEST_LINE) + "\n"


def record_fields(record: Record, event: Event) -> dict[str, Any]:
    """A record as it is given to machines."""
    return {
        "seq": record.seq,
        "at": at_text(record.at_ms),
        "event": record.name,
        "from": record.source,
        "to": record.dest,
        "text": describe(event),
        "data": record.data,
        "hash": record.hash,
    }


def json_line(value: object) -> str:
    """One line of JSON without a character that could steer a terminal."""
    return inert_json(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE).decode())
