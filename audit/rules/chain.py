"""I8: what a journal itself can show of crashes: runs in order, torn tails set aside, gaps declared, one history.

That the hash chain is whole and reaches what HEAD witnessed is checked by reading the journal; an audit of one that is
not ends there.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import orjson

from actor.machine import State, state_sha256
from actor.machine.state import REDUCER
from audit.filters import Recent
from audit.rules.begun import Beginning
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev
from events.catalogue import Event
from events.codec import canonical_json
from events.journal import GENESIS, Record, at_text
from events.journal.layout import QUARANTINE

__all__ = ["FoldedState", "OneHistory", "WrittenAsDocumented"]

_BETWEEN_RUNS: Final = (ev.JournalCreated, ev.ApiMoved, ev.ActorStarted, ev.TailRepaired, ev.GapDeclared)
_OPENINGS: Final = frozenset({"ApiMoved", "TailRepaired", "GapDeclared"})
_KEPT_QUARANTINES: Final = 10_000
_CHUNK: Final = 1 << 20


class OneHistory(Rule):
    """I8. A declared gap is a note: records are missing, and the journal says so."""

    name = "I8"
    demands = "after a crash the journal goes on from what it held: epochs ascend, torn tails and gaps are declared"
    lacks = "the first list of hashes, which began before"
    unreadable = True

    def __init__(self) -> None:
        self._epoch: tuple[int, int] = (0, 0)
        self._quarantined: Recent[str, int] = Recent(_KEPT_QUARANTINES)
        self._opening: int | None = None
        self._first = ""
        self._listed: int | None = 0
        self._hashes = hashlib.sha256()

    def begin(self, begun: Beginning) -> None:
        """Go on with what the state says of starts and torn writes; where the list of hashes began is not known."""
        super().begin(begun)
        seq = begun.last.seq
        self._epoch = (begun.state.epoch, seq)
        for name in begun.state.quarantined:
            self._quarantined[name] = seq
        self._opening = seq if begun.last.name in _OPENINGS else None
        self._first, self._listed = begun.first_hash, None

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Judge the place of the record, then what it says."""
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
        first = books.identity is None and not isinstance(event, ev.TailRepaired)  # of a torn first record
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


class FoldedState(Rule):
    """I5. ``check`` compares in detail; this says where the journal and the fold part."""

    name = "I5"
    demands = "the folded state is the recorded one: from, to, and the digest in every checkpoint"
    lacks = ""
    unreadable = True

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare names, and digests where there is one."""
        record, last = entry.record, entry.books.last
        if entry.refused is not None:
            yield self.finding(entry, found=entry.refused, expected="a record that this build's machine would write")
        elif last is not None and record.source != last.dest:
            yield self.finding(
                entry,
                last.seq,
                found=f"from {record.source}",
                expected=f"from {last.dest}, as the record before went to",
            )
        if isinstance(entry.event, ev.CheckpointSigned) and entry.before is not None:
            yield from self._digest(entry, entry.event, entry.before)

    def _digest(self, entry: Entry, event: ev.CheckpointSigned, state: State) -> Iterator[Finding]:
        if event.reducer != REDUCER:
            return  # another version of the fold may come to another state
        try:
            digest = state_sha256(state)
        except TypeError as error:
            digest = str(error)  # a number that no journal can hold
        if event.state_sha256 != digest:
            found = f"a checkpoint of the state {event.state_sha256[:12]}…"
            yield self.finding(entry, event.seq, found=found, expected=f"{digest[:12]}…, as the records before it fold")


# The hash covers bytes, so a chain is whole whatever form its lines have. But of two equal keys one reader takes the
# first and another the last, and each finds its own story in a journal that both call whole. And what this program
# never writes, such as fields in another order, somebody else wrote.
_EXPECTED: Final = "what docs/reference/journal-format.md says, as this program writes it"
_HEAD: Final = b'{"seq":%d,"at":"%b","v":%d,"event":%b,"from":%b,"to":%b,"data":%b'


class WrittenAsDocumented(Rule):
    """Writes the line anew from what was read of it; another hash means that the line had another form."""

    name = "form"
    demands = (
        "a record is written in the documented form: no key twice, no spaces, fields in their order, 0.0 where a "
        "number may have a fraction; no duration is negative"
    )
    lacks = ""
    unreadable = True

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare the hash, then look at the time that it took."""
        record, last = entry.record, entry.books.last
        written = None if entry.event is None else _written(entry.event)
        same = record.raw == written
        if _hash(record, GENESIS.hash if last is None else last.hash, record.raw if same else None) != record.hash:
            yield self.finding(
                entry,
                found="a line of another form: a reader that takes the first of two equal keys reads another story",
                expected=_EXPECTED,
            )
        elif written is not None and not same and (place := _unlike(record, written)) is not None:
            yield self.finding(entry, found=f"{place} in another form than any writer gives it", expected=_EXPECTED)
        latency_ms = getattr(entry.event, "latency_ms", 0)
        if latency_ms < 0:
            yield self.finding(entry, found=f"a duration of {latency_ms} ms", expected="0 ms or more")


def _written(event: Event) -> bytes | None:
    """The event's JSON; None where it holds what none can hold."""
    try:
        return canonical_json(event)
    except TypeError:
        return None


def _hash(record: Record, before: str, data: bytes | None) -> str | None:
    """The hash of the record in its documented form; None where its data, if that is not known yet, has none."""
    try:
        data = data or orjson.dumps(orjson.loads(record.raw))
    except ValueError:  # nested more deeply than anything that this program writes
        return None
    texts = map(_quoted, (record.name, record.source, record.dest))
    prefix = _HEAD % (record.seq, at_text(record.at_ms).encode(), record.v, *texts, data)
    return hashlib.sha256(before.encode() + prefix).hexdigest()


@lru_cache(maxsize=128)
def _quoted(text: str) -> bytes:
    return orjson.dumps(text)


def _unlike(record: Record, written: bytes) -> str | None:
    """The first place where the data differs from how its event would be written, None where there is none.

    Older versions had fewer fields in the same order, so only the fields that were written are compared.
    """
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
