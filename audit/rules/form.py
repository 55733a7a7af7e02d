"""How records are written: in the one form that docs/journal-format.md documents, with durations that can be.

The hash covers bytes, so a chain is whole whatever form its lines have. But of two equal keys one reader takes the
first and another the last, and each finds its own story in a journal that both call whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import orjson

from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from events.journal import GENESIS, Record, at_text

__all__ = ["WrittenAsDocumented"]

_HEAD: Final = b'{"seq":%d,"at":"%b","v":%d,"event":%b,"from":%b,"to":%b,"data":%b'


class WrittenAsDocumented(Rule):
    """The line is written anew from what was read of it; another hash means another line."""

    name = "form"
    demands = (
        "a record is written in the documented form: no key twice, no spaces, fields in their order; no duration is "
        "negative"
    )
    unreadable = True

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare the hash, then look at the time that it took."""
        record, last = entry.record, entry.books.last
        if _hash(record, GENESIS.hash if last is None else last.hash) != record.hash:
            yield self.finding(
                entry,
                found="a line of another form: a reader that takes the first of two equal keys reads another story",
                expected="what docs/journal-format.md says, as this program writes it",
            )
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
