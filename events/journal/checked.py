"""Seal a draft only after reading it back: what this build could not read again never reaches a journal.

What is read back is the event's JSON, before it becomes a part of the line: there alone a value can change on its way
(NaN becomes null). The other fields are numbers and texts of known types, which JSON returns as they went in.
"""

from __future__ import annotations

from typing import Any

import orjson

from events.catalogue import EVENTS, Event
from events.codec import canonical_json, reads_back
from events.journal.record import Draft, Head, Record, decode_event, seal_data
from events.upcast import VERSIONS

__all__ = ["seal_checked"]


def seal_checked(draft: Draft, head: Head | Record) -> tuple[bytes, Record]:
    """The line that continues ``head`` with ``draft``, and the record that it reads back as.

    Raises:
        ValueError: The event does not survive the way through JSON, for example a NaN or a list for a tuple.
    """
    name = type(draft.event).__name__
    try:
        if type(draft.at_ms) is not int or type(draft.source) is not str or type(draft.dest) is not str:
            raise TypeError("at_ms is an integer, source and dest are texts")
        written = canonical_json(draft.event)
        data = orjson.loads(written)
        known = EVENTS.get(name) is type(draft.event)
        same = (known and reads_back(draft.event, data)) or _decoded(name, data) == draft.event
        line, digest = seal_data(draft, head, written)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} cannot be recorded: {error}; nothing was written") from error
    if not same:
        raise ValueError(f"{name} reads back as another event, {data}; nothing was written")
    return line, Record(
        seq=head.seq + 1,
        at_ms=draft.at_ms,
        v=VERSIONS[name],
        name=name,
        source=draft.source,
        dest=draft.dest,
        data=data,
        hash=digest,
    )


def _decoded(name: str, data: dict[str, Any]) -> Event:
    return decode_event(name, VERSIONS.get(name, 1), data, where="read back")
