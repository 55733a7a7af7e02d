"""Walk along the chain of a journal's files, and tell a torn tail from damage when it breaks. Only reads.

The recovery table of the design is `classify`. A tail may be cut off only when it is what an interrupted write leaves
behind: at the very end, beyond HEAD, and with no record after it. Everything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from events.journal.head import START, Place
from events.journal.layout import first_seq, segment_name, way_out
from events.journal.record import LONGEST_LINE, BadRecordError, Head, Record, follows, parse
from events.journal.store import JournalDamagedError, SecondWriterError

__all__ = [
    "TOO_LONG",
    "BrokenChainError",
    "Walk",
    "check_bytes",
    "classify",
    "damaged",
    "hash_before",
    "lines_of",
    "record_after",
    "refusal_text",
    "start_before",
    "whole_seq",
]

TOO_LONG: Final = f"more than {LONGEST_LINE >> 20} MiB without a record"
_RECORD_START: Final = b'{"seq":'
_END_LENGTH: Final = len(b',"hash":"') + 64 + len(b'"}\n')


class BrokenChainError(Exception):
    """The chain cannot be followed beyond ``place``.

    Attributes:
        place: The end of the last good record, and where the bad bytes begin.
        line: The bad bytes up to the next newline.
        gap: A whole file is missing or out of place; ``line`` is the first one of the file that is there.
    """

    def __init__(self, place: Place, reason: str, line: bytes, *, gap: bool = False) -> None:
        super().__init__(reason)
        self.place = place
        self.line = line
        self.gap = gap


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines from here on; of one that is longer than any record the beginning, and nothing behind it."""
    while line := file.readline(LONGEST_LINE + 1):
        yield line
        if len(line) > LONGEST_LINE:
            return


class Walk:
    """The verified records from one place on; iterate only once."""

    def __init__(self, directory: Path, segments: Sequence[str], start: Place = START) -> None:
        self._directory = directory
        self._segments = segments
        self._segment = start.segment
        self._offset = start.offset
        self._last: Head | Record = start.head
        self._left = start

    @property
    def head(self) -> Head:
        return Head(seq=self._last.seq, hash=self._last.hash)

    @property
    def place(self) -> Place:
        """Where the next record belongs: behind the last one, or at the start of the empty file that follows it."""
        return Place(head=self.head, segment=self._segment, offset=self._offset)

    @property
    def end(self) -> tuple[str, int]:
        """The file of ``place``, and the byte in it."""
        return self._segment, self._offset

    @property
    def ended(self) -> Place:
        return self.place if self._offset else self._left

    def __iter__(self) -> Iterator[Record]:
        for name in self._segments:
            if name < self._segment:
                continue
            self._enter(name)
            with (self._directory / name).open("rb") as file:
                file.seek(self._offset)
                for line in lines_of(file):
                    yield self._follow(line)

    def _enter(self, name: str) -> None:
        if name == self._segment:
            return
        expected = self._last.seq + 1
        if first_seq(name) != expected:
            with (self._directory / name).open("rb") as file:
                line = file.readline(LONGEST_LINE)
            place = Place(head=self.head, segment=name, offset=0)
            raise BrokenChainError(place, f"expected the segment {segment_name(expected)} before it", line, gap=True)
        self._left = self.ended
        self._segment, self._offset = name, 0

    def _follow(self, line: bytes) -> Record:
        if len(line) > LONGEST_LINE:
            raise BrokenChainError(self.place, TOO_LONG, line)
        try:
            record = parse(line, self._last)
        except BadRecordError as error:
            raise BrokenChainError(self.place, str(error), line) from error
        self._offset += len(line)
        self._last = record
        return record


def check_bytes(directory: Path, segments: Sequence[str], end: Place, *, goes_on: Callable[[], bool]) -> None:
    """Look whether the chain's hashes lead from the first byte to ``end``; what the records say is not read.

    A fifth of what `Walk` takes: a microsecond a record.

    Args:
        directory: The journal.
        segments: Its segments.
        end: Where a record ends that is known to belong to the chain.
        goes_on: Asked once for each segment; False gives up.

    Raises:
        BrokenChainError: They do not: a byte was changed.
    """
    place = START
    for name in (name for name in segments if name <= end.segment):
        if not goes_on():
            return
        place = _check_segment(directory / name, Place(head=place.head, segment=name, offset=0), end)
    if place != end:
        raise BrokenChainError(
            place, f"expected record {end.head.seq} to end at byte {end.offset} with the hash {end.head.hash}", b""
        )


def _check_segment(path: Path, start: Place, end: Place) -> Place:
    """Where the last record ended that was looked at: the file's last one, or ``end``."""
    seq, digest, offset = start.head.seq, start.head.hash, 0
    stop = end.offset if path.name == end.segment else path.stat().st_size
    with path.open("rb") as file:
        while offset < stop:
            line = file.readline(LONGEST_LINE + 1)
            previous, digest = digest, follows(line, digest)
            if not digest:
                raise _broken(Place(head=Head(seq=seq, hash=previous), segment=path.name, offset=offset), line)
            seq, offset = seq + 1, offset + len(line)
    return Place(head=Head(seq=seq, hash=digest), segment=path.name, offset=offset)


def _broken(place: Place, line: bytes) -> BrokenChainError:
    try:
        parse(line, place.head)
    except BadRecordError as error:
        return BrokenChainError(place, str(error), line)
    return BrokenChainError(place, "the bytes changed while they were read", line)


def damaged(directory: Path, place: Place, reason: str, *, done: str = "nothing was changed") -> JournalDamagedError:
    """The refusal: file, offset, reason, what was ``done``, way out."""
    return JournalDamagedError(refusal_text(directory, place, reason, done=done))


def refusal_text(directory: Path, place: Place, reason: str, *, done: str = "nothing was changed") -> str:
    """File, offset, reason, what was ``done``, way out, in one line."""
    where = f"{directory / place.segment} at byte {place.offset}, after record {place.head.seq}"
    return f"{where}: {reason}; {way_out(directory, done=done)}"


def classify(
    broken: BrokenChainError, directory: Path, segments: Sequence[str], witness: Head
) -> JournalDamagedError | None:
    """The recovery table for a chain that breaks: the refusal, or None for a torn tail that may be moved away.

    Args:
        broken: Where and how it breaks.
        directory: The journal.
        segments: All its segments.
        witness: The record that HEAD speaks of.
    """
    place = broken.place
    if (seq := _duplicate(broken, directory, segments)) is not None:
        text = f"a second record {seq} that continues record {seq - 1}: two processes wrote"
        return SecondWriterError(refusal_text(directory, place, text))
    unlike_a_tail = _unlike_a_tail(broken, directory, segments, witness)
    return None if unlike_a_tail is None else damaged(directory, place, unlike_a_tail)


def _unlike_a_tail(broken: BrokenChainError, directory: Path, segments: Sequence[str], witness: Head) -> str | None:
    """Why the bad bytes are not what an interrupted write leaves behind, None when they are."""
    place, reason = broken.place, str(broken)
    if broken.gap:
        return reason
    if place.segment != segments[-1]:
        return f"{reason}; later segments exist, so this is no interrupted write"
    if place.head.seq < witness.seq:
        return f"{reason}; HEAD witnessed record {witness.seq}, so this is no interrupted write"
    if (directory / place.segment).stat().st_size - place.offset > LONGEST_LINE:
        return f"{reason}; {TOO_LONG} up to the end, so this is no interrupted write"
    if (seq := whole_seq(broken.line)) is not None and seq > place.head.seq + 1:
        return f"{reason}; this is a whole record {seq}, so records before it are missing"
    at = record_after(directory / place.segment, place.offset) if broken.line.endswith(b"\n") else None
    return None if at is None else f"{reason}; a whole record follows at byte {at}, so this is no interrupted write"


def record_after(path: Path, offset: int) -> int | None:
    """Where the first whole record behind the bad bytes at ``offset`` begins, None when there is none.

    A record is also looked for inside a line, since the newline between two records may be what was damaged.
    """
    with path.open("rb") as file:
        file.seek(offset)
        tail = file.read()
    at = tail.find(_RECORD_START, 1)
    while at >= 0:
        end = tail.find(b"\n", at) + 1
        if end and whole_seq(tail[at:end]) is not None:
            return offset + at
        at = tail.find(_RECORD_START, at + 1)
    return None


def whole_seq(line: bytes) -> int | None:
    """The number of the whole record that ``line`` is, wherever it belongs; None when it is none."""
    try:
        return parse(line, None).seq
    except BadRecordError:
        return None


def _duplicate(broken: BrokenChainError, directory: Path, segments: Sequence[str]) -> int | None:
    """The seq of a line that truly continues an earlier record than the last one: what only a second writer makes."""
    claimed = whole_seq(broken.line)
    if claimed is None or not 1 <= claimed <= broken.place.head.seq:
        return None
    try:
        parse(broken.line, _head_at(directory, segments, claimed - 1))
    except BadRecordError:
        return None
    return claimed


def _head_at(directory: Path, segments: Sequence[str], seq: int) -> Head | None:
    walk = Walk(directory, segments)
    records = iter(walk)
    try:
        while walk.head.seq < seq:
            next(records)
    except (BrokenChainError, StopIteration):
        return Head(seq=seq, hash="")  # continues nothing, so the line is judged as damage
    return walk.place.head


def start_before(directory: Path, segments: Sequence[str], seq: int) -> Place:
    """The start of the segment that holds record ``seq``; whoever reaches a known record proves the hash before it."""
    earlier = [name for name in segments if first_seq(name) <= seq]
    if len(earlier) < 2:  # noqa: PLR2004  (the first segment starts the chain)
        return START
    before, segment = earlier[-2:]
    path = directory / before
    digest = hash_before(path, path.stat().st_size)
    if digest is None:
        return START
    return Place(head=Head(seq=first_seq(segment) - 1, hash=digest), segment=segment, offset=0)


def hash_before(path: Path, offset: int) -> str | None:
    """The hash in the record that ends at ``offset``, None when no record ends there."""
    if offset < _END_LENGTH:
        return None
    with path.open("rb") as file:
        file.seek(offset - _END_LENGTH)
        end = file.read(_END_LENGTH)
    if len(end) < _END_LENGTH or not end.startswith(b',"hash":"') or not end.endswith(b'"}\n'):
        return None
    return end[len(b',"hash":"') : -3].decode("latin-1")
