"""Rows of the table ``records``: one for each record, in the journal's order. Pure."""

from __future__ import annotations

from typing import Final

from audit.exporting.columns import Column
from audit.history import Step
from audit.steps import is_worked_on, opens_window
from events.catalogue import CheckpointSigned
from events.describe import describe

__all__ = ["RECORD_COLUMNS", "window_of"]


def window_of(step: Step) -> int | None:
    """The window that the record names, else the one that it is work of; None outside of both."""
    named: int | None = getattr(step.event, "window", None)
    if named is not None:
        return named
    if step.before.window is not None and (is_worked_on(step.before) or isinstance(step.event, CheckpointSigned)):
        return step.before.window.number
    return step.after.window.number if step.after.window is not None and opens_window(step) else None


def _post_id(step: Step) -> str | None:
    post_id: str | None = getattr(step.event, "post_id", None)
    return post_id


RECORD_COLUMNS: Final = (
    Column("seq", "integer", "the record's number, from 1", lambda s: s.record.seq),
    Column("at", "moment", "when it happened, by the miner's host", lambda s: s.record.at_ms),
    Column("at_ms", "integer", "the same in unix milliseconds", lambda s: s.record.at_ms),
    Column("event", "text", "the event's name", lambda s: s.record.name),
    Column("version", "integer", "version of the event's fields", lambda s: s.record.v),
    Column("from_state", "text", "the state before", lambda s: s.record.source),
    Column("to_state", "text", "the state after", lambda s: s.record.dest),
    Column("window", "integer", "the window that it names, else the one that it is work of", window_of),
    Column("post_id", "text", "the post that it is about, where there is one", _post_id),
    Column("text", "text", "one line for people, as `replay` prints it", lambda s: describe(s.event)),
    Column("data", "json", "the event's fields as written", lambda s: s.record.raw),
    Column("hash", "text", "the record's hash, 64 hex digits", lambda s: s.record.hash),
)
