"""I8: what a journal itself can show of crashes: runs in order, torn tails set aside, gaps declared, one history.

That the hash chain is whole and reaches what HEAD witnessed is checked by reading the journal; an audit of one that is
not ends there.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from audit.recent import Recent
from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from events import catalogue as ev
from events.journal.layout import QUARANTINE

__all__ = ["OneHistory"]

_BETWEEN_RUNS: Final = (ev.JournalCreated, ev.ApiMoved, ev.ActorStarted, ev.TailRepaired, ev.GapDeclared)
_KEPT_QUARANTINES: Final = 10_000
_CHUNK: Final = 1 << 20


class OneHistory(Rule):
    """I8. A declared gap is a note: records are missing, and the journal says so."""

    name = "I8"
    demands = "after a crash the journal goes on from what it held: epochs ascend, torn tails and gaps are declared"
    unreadable = True

    def __init__(self) -> None:
        self._epoch: tuple[int, int] = (0, 0)
        self._quarantined: Recent[str, int] = Recent(_KEPT_QUARANTINES)
        self._opening: int | None = None
        self._first = ""
        self._listed: int | None = 0
        self._hashes = hashlib.sha256()

    def see(self, entry: Entry) -> Iterator[Finding]:
        """The record's place, then what it claims."""
        event, record = entry.event, entry.record
        self._first = self._first or record.hash
        yield from self._place(entry)
        match event:
            case ev.ActorStarted():
                yield from self._start(entry, event)
            case ev.TailRepaired():
                yield from self._repair(entry, event)
            case ev.GapDeclared():
                yield from self._gap(entry, event)
            case ev.CheckpointSigned():
                yield from self._sign(entry, event)
        self._hashes.update(record.hash.encode())

    def _place(self, entry: Entry) -> Iterator[Finding]:
        event, books, last = entry.event, entry.books, entry.books.last
        first = books.identity is None and not isinstance(event, ev.TailRepaired)  # of a first record torn in two
        if first != isinstance(event, ev.JournalCreated):
            found = f"{entry.record.name} as record {entry.record.seq}"
            yield self.finding(entry, found=found, expected="JournalCreated first, and only once")
        elif self._opening is not None and not isinstance(event, _BETWEEN_RUNS):
            found = f"{entry.record.name} behind the opening of the journal"
            yield self.finding(entry, self._opening, found=found, expected="ActorStarted")
        elif last is not None and not books.running and not isinstance(event, _BETWEEN_RUNS):
            found = f"{entry.record.name} while no process ran"
            yield self.finding(entry, last.seq, found=found, expected="ActorStarted before it")
        opening = isinstance(event, ev.ApiMoved | ev.TailRepaired | ev.GapDeclared)
        self._opening = entry.record.seq if opening else None

    def _start(self, entry: Entry, event: ev.ActorStarted) -> Iterator[Finding]:
        epoch, seq = self._epoch
        if event.epoch <= epoch:
            yield self.finding(
                entry, seq, found=f"epoch {event.epoch} behind epoch {epoch}", expected="a higher one at each start"
            )
        self._epoch = (max(epoch, event.epoch), entry.record.seq)

    def _repair(self, entry: Entry, event: ev.TailRepaired) -> Iterator[Finding]:
        named = f"{event.segment.removesuffix('.jsonl')}-{event.offset:012d}-{event.sha256}.bin"
        if event.quarantine != named or event.length <= 0:
            yield self.finding(entry, found=f"the quarantine file {event.quarantine}", expected=named)
        if (seq := self._quarantined.get(event.quarantine)) is not None:
            yield self.finding(entry, seq, found=f"{event.quarantine} declared twice", expected="once")
        self._quarantined[event.quarantine] = entry.record.seq
        yield from self._file(entry, event)

    def _file(self, entry: Entry, event: ev.TailRepaired) -> Iterator[Finding]:
        if self.directory is None or event.quarantine != (self.directory / event.quarantine).name:
            return
        try:
            digest = _digest(self.directory / QUARANTINE / event.quarantine, event.length)
        except (OSError, ValueError):  # no file can have a name with a zero byte in it
            expected = f"{event.length} bytes in {QUARANTINE}/"
            yield self.finding(entry, found=f"{event.quarantine} is not there", expected=expected, kind="note")
            return
        if digest != event.sha256:
            other = f"is no regular file of {event.length} bytes" if digest is None else "holds other bytes"
            found = f"{event.quarantine} {other}"
            yield self.finding(entry, found=found, expected="the bytes that were cut off")

    def _gap(self, entry: Entry, event: ev.GapDeclared) -> Iterator[Finding]:
        known = event.salvage
        self._epoch = (max(self._epoch[0], known.epoch), entry.record.seq)
        yield self.finding(
            entry,
            found=f"a gap: {event.lost_bytes} bytes are lost, {known.records} records behind it could still be read",
            expected="a journal without one",
            kind="note",
        )

    def _sign(self, entry: Entry, event: ev.CheckpointSigned) -> Iterator[Finding]:
        last = entry.books.last
        before = (0, "") if last is None else (last.seq, last.hash)
        if event.journal not in {None, self._first}:
            found = f"a checkpoint of the journal that begins with {str(event.journal)[:12]}…"
            yield self.finding(entry, 1, found=found, expected=f"of this one, which begins with {self._first[:12]}…")
        if (event.seq, event.head) != before:
            found = f"a checkpoint of record {event.seq}, hash {event.head[:12]}…"
            yield self.finding(entry, found=found, expected=f"of record {before[0]}, hash {before[1][:12]}…")
            self._listed = None  # where the next list should begin cannot be told
        elif event.since is not None:  # version 1 lists no hashes
            listed, digest = self._listed, self._hashes.hexdigest()
            if listed is not None and (event.since, event.hashes_sha256) != (listed, digest):
                found = f"a list of hashes behind record {event.since} that does not fit"
                expected = f"the hashes of records {listed + 1} to {event.seq}"
                yield self.finding(entry, listed, found=found, expected=expected)
            self._listed, self._hashes = event.seq, hashlib.sha256()


def _digest(file: Path, length: int) -> str | None:
    """SHA-256 of a regular file of this length, None of any other: a pipe or a device may have no end."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size != length:
        return None
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while length > 0 and (chunk := stream.read(min(length, _CHUNK))):
            digest.update(chunk)
            length -= len(chunk)
    return digest.hexdigest()
