"""How records are written: in the one form that docs/journal-format.md documents, with durations that can be.

The hash covers bytes, so a chain is whole whatever form its lines have. But of two equal keys one reader takes the
first and another the last, and each finds its own story in a journal that both call whole. And what this program never
writes, such as fields in another order, somebody else wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import orjson

from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from events.catalogue import Event
from events.codec import canonical_json
from events.journal import GENESIS, Record, at_text

__all__ = ["WrittenAsDocumented"]

_EXPECTED: Final = "what docs/journal-format.md says, as this program writes it"
_HEAD: Final = b'{"seq":%d,"at":"%b","v":%d,"event":%b,"from":%b,"to":%b,"data":%b'


class WrittenAsDocumented(Rule):
    """The line is written anew from what was read of it; another hash means another line."""

    name = "form"
    demands = (
        "a record is written in the documented form: no key twice, no spaces, fields in their order, 0.0 where a "
        "number may have a fraction; no duration is negative"
    )
    unreadable = True

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare the hash, then look at the time that it took."""
        record, last = entry.record, entry.books.last
        if _hash(record, GENESIS.hash if last is None else last.hash) != record.hash:
            yield self.finding(
                entry,
                found="a line of another form: a reader that takes the first of two equal keys reads another story",
                expected=_EXPECTED,
            )
        elif entry.event is not None and (place := _unlike(record, entry.event)) is not None:
            yield self.finding(entry, found=f"{place} in another form than any writer gives it", expected=_EXPECTED)
        latency_ms = getattr(entry.event, "latency_ms", 0)
        if latency_ms < 0:
            yield self.finding(entry, found=f"a duration of {latency_ms} ms", expected="0 ms or more")


def _hash(record: Record, before: str) -> str | None:
    """The hash of the record in its documented form; None where its data has none."""
    try:
        data = orjson.dumps(orjson.loads(record.raw))
    except ValueError:  # nested more deeply than anything that this program writes
        return None
    texts = [orjson.dumps(text) for text in (record.name, record.source, record.dest)]
    prefix = _HEAD % (record.seq, at_text(record.at_ms).encode(), record.v, *texts, data)
    return hashlib.sha256(before.encode() + prefix).hexdigest()


def _unlike(record: Record, event: Event) -> str | None:
    """Where the data is not what the event would be written as, None where nowhere.

    Older versions lacked fields, never their order; so only what was written is compared.
    """
    if record.raw == (written := canonical_json(event)):
        return None
    return _first_unlike(record.name, orjson.loads(record.raw), orjson.loads(written))


def _first_unlike(path: str, found: object, expected: object) -> str | None:
    if isinstance(found, dict) and isinstance(expected, dict):
        if list(found) != [key for key in expected if key in found]:
            return f"the fields of {path} stand"
        pairs = [(f"{path}.{key}", value, expected[key]) for key, value in found.items()]
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = [(f"{path}[{place}]", *both) for place, both in enumerate(zip(found, expected, strict=True))]
    else:
        return None if (type(found), found) == (type(expected), expected) else f"{path} stands"
    return next((unlike for pair in pairs if (unlike := _first_unlike(*pair)) is not None), None)
