"""Seal a draft only after reading it back: what this build could not read again never reaches a journal."""

from __future__ import annotations

from events.journal.record import BadRecordError, Draft, Head, Record, parse, seal

__all__ = ["seal_checked"]


def seal_checked(draft: Draft, head: Head) -> tuple[bytes, Record]:
    """The line that continues ``head`` with ``draft``, and the record that it reads back as.

    Raises:
        ValueError: The event does not survive the way through JSON, for example a NaN or a list for a tuple.
    """
    name = type(draft.event).__name__
    try:
        line, _ = seal(draft, head)
        record = parse(line, head)
        same = record.event() == draft.event and record.at_ms == draft.at_ms
    except (TypeError, ValueError, OverflowError, BadRecordError) as error:
        raise ValueError(f"{name} cannot be recorded: {error}; nothing was written") from error
    if not same or (record.source, record.dest) != (draft.source, draft.dest):
        raise ValueError(f"{name} reads back as another event, {record.data}; nothing was written")
    return line, record
