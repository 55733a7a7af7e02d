"""Seal a draft only after reading it back: what this build could not read again never reaches a journal.

What is read back is the event's JSON, before it becomes a part of the line: there alone a value can change on its way
(NaN becomes null). The other fields are numbers and texts of known types, which JSON returns as they went in.
"""

from __future__ import annotations

from typing import Final

import msgspec

from events.catalogue import EVENTS
from events.codec import canonical_json, decode_json
from events.journal.record import Draft, Head, Record, seal_data
from events.upcast import VERSIONS

__all__ = ["seal_checked"]

# Writes what was read as orjson wrote it, mostly; where it does not, nothing is said yet.
_QUICK: Final = msgspec.json.Encoder()


def seal_checked(draft: Draft, head: Head | Record) -> tuple[bytes, Record]:
    """The line that continues ``head`` with ``draft``, and the record that it reads back as.

    Raises:
        ValueError: The event does not survive the way through JSON, for example a NaN or a list for a tuple.
    """
    name = type(draft.event).__name__
    try:
        if type(draft.at_ms) is not int or type(draft.source) is not str or type(draft.dest) is not str:
            raise TypeError("at_ms is an integer, source and dest are texts")
        if EVENTS.get(name) is not type(draft.event):
            raise TypeError("it is no event of the catalogue")
        written = canonical_json(draft.event)
        read = decode_json(type(draft.event), written, name)
        # Equal events may still be written otherwise: 1 and 1.0 are equal.
        same = read == draft.event and (_QUICK.encode(read) == written or canonical_json(read) == written)
        line, digest = seal_data(draft, head, written)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} cannot be recorded: {error}; nothing was written") from error
    if not same:
        raise ValueError(f"{name} reads back as another event, {read}; nothing was written")
    return line, Record(
        seq=head.seq + 1,
        at_ms=draft.at_ms,
        v=VERSIONS[name],
        name=name,
        source=draft.source,
        dest=draft.dest,
        raw=written,
        hash=digest,
    )
