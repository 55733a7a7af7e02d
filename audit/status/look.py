"""Reads the present of a journal: its state, and its last day. Never writes, never locks.

A snapshot stands for the records before it, as it does when the miner starts: a long journal is read from the newest
one, or from the file in which the last day begins, whichever comes first. What lies before is not looked at: that is
for ``user-miner verify``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from actor.machine import INITIAL, REDUCER, IllegalEventError, State, decode_state, fold_record
from actor.machine.budget import DAY_MS
from actor.machine.history import FoldError
from audit.status.seen import Seen
from events.journal import BadRecordError, JournalDamagedError, JournalReader, Record, parse
from events.journal.head import START, read_witness
from events.journal.layout import first_seq, list_segments
from events.journal.record import LONGEST_LINE, Head
from events.journal.snapshot import StoredSnapshot, newest_usable

__all__ = ["Look"]

_PROGRESS_EVERY: Final = 1_000


class Look:
    """A journal as far as it was read.

    Args:
        directory: The journal.
        now_ms: The present moment, unix milliseconds: what is older than a day need not be read.

    Attributes:
        directory: The journal.
        state: The fold of all records up to ``record``.
        record: The last record; None before the first.
        snapshot_seq: The record whose snapshot stood for those before it; None when all were folded.
        seen: What the records of the last day tell beside the state.
        seen_from: The record that this begins with: the first one of a file; 0 without any file.
        free_bytes: Room on the journal's disk when it was looked at last; None where that cannot be told.

    Raises:
        JournalError: The journal's files are not those of a journal.
        OSError: They cannot be read.
    """

    def __init__(self, directory: Path, now_ms: int) -> None:
        self.directory = directory
        self.state = INITIAL
        self.record: Record | None = None
        self.free_bytes: int | None = None
        segments = list_segments(directory)
        stored, cached = _snapshot(directory, segments)
        self.snapshot_seq = None if stored is None else stored.place.head.seq
        day = _segment_of_day(directory, segments, now_ms)
        self.seen_from = 0 if day is None else first_seq(day)
        self.seen = Seen(INITIAL if self.seen_from <= 1 else cached)
        self._snapshot_head = None if stored is None else stored.place.head
        self._cached = cached
        begin = None if day is None or stored is None else _first(directory / min(day, stored.place.segment))
        self._from_first = begin is None or begin.seq == 1
        if begin is None or begin.seq == 1:
            self._reader = JournalReader(directory)
        else:
            self._reader = JournalReader(directory, after=begin.head)
            self._take(begin)  # the reader goes on from its hash

    def refresh(self, on_progress: Callable[[int], None] = lambda _seq: None) -> bool:
        """Read what was added since; whether anything was. ``on_progress`` is told now and then which record is read.

        Raises:
            JournalDamagedError: The chain breaks, or the journal was rolled back or replaced since.
            FoldError: This build's machine does not agree with a record.
            OSError: The journal cannot be read any more.
        """
        with suppress(OSError):
            self.free_bytes = shutil.disk_usage(self.directory).free
        try:
            return self._refresh(on_progress)
        except JournalDamagedError:
            reached = 0 if self.record is None else self.record.seq
            if self._snapshot_head is None or reached >= self._snapshot_head.seq or not self._from_first:
                raise
            self._drop_snapshot()
            return self._refresh(on_progress)  # up to the same damage, with the state of the good records

    def _drop_snapshot(self) -> None:
        """Begin anew with the first record: the chain breaks before the snapshot's."""
        self.state, self.record, self.seen = INITIAL, None, Seen(INITIAL)
        self.snapshot_seq = self._snapshot_head = None
        self._reader = JournalReader(self.directory)

    def _refresh(self, on_progress: Callable[[int], None]) -> bool:
        before = self.record
        self._reader.check_kept()
        for record in self._reader:
            self._take(record)
            if record.seq % _PROGRESS_EVERY == 0:
                on_progress(record.seq)
        return self.record is not before

    def adopt(self, state: State, record: Record, seen: Seen, reader: JournalReader) -> bool:
        """Go on behind a record that somebody else read up to, and where ``reader`` stands; before the first `refresh`.

        False, and nothing is changed, where ``seen`` began with other quotas than those known here.
        """
        if seen.quotas != self.seen.quotas:
            return False
        self.state, self.record, self.seen = state, record, seen
        self._snapshot_head, self._from_first, self._reader = None, False, reader
        return True

    @property
    def tail_bytes(self) -> int:
        """Bytes of a record that is being written, or was never finished."""
        return self._reader.tail_bytes

    def _take(self, record: Record) -> None:
        head, before = self._snapshot_head, self.state
        try:
            if head is None or record.seq > head.seq:
                self.state = fold_record(self.state, record)
            elif record.seq == head.seq:
                self._adopt(head, record)
            if record.seq == self.seen_from and self.snapshot_seq is None:
                self.seen = Seen(before)
            if record.seq >= self.seen_from:
                self.seen.take(record, record.event())
        except IllegalEventError as error:
            raise FoldError(str(error)) from error
        except ValueError as error:
            raise FoldError(f"{error}: run the build that wrote it, or a newer one") from error
        if (head is None or record.seq >= head.seq) and record.dest != self.state.state:
            raise FoldError(f"record {record.seq} says to {record.dest}, this build is in {self.state.state}")
        self.record = record

    def _adopt(self, head: Head, record: Record) -> None:
        if record.hash != head.hash:
            raise FoldError(f"the snapshot of record {head.seq} is of another history; remove it")
        self.state = self._cached


def _snapshot(directory: Path, segments: list[str]) -> tuple[StoredSnapshot | None, State]:
    """The newest snapshot that fits, with its state."""
    witness = read_witness(directory)
    place = START if witness is None else witness.place
    stored = newest_usable(directory, segments, reducer=REDUCER, witness=place, on_warning=lambda _line: None)
    if stored is None:
        return None, INITIAL
    try:
        return stored, decode_state(stored.state)
    except ValueError:
        return None, INITIAL


def _segment_of_day(directory: Path, segments: list[str], now_ms: int) -> str | None:
    """The file in which the last day begins, the first one when all begin later; None without any.

    Records with later times than the present were written by a clock that was ahead: then their last day counts.
    """
    firsts = [(name, first.at_ms) for name in segments if (first := _first(directory / name)) is not None]
    since_ms = max([now_ms, *(at_ms for _, at_ms in firsts[-1:])]) - DAY_MS
    earlier = [name for name, at_ms in firsts if at_ms <= since_ms]
    return earlier[-1] if earlier else segments[0] if segments else None


def _first(path: Path) -> Record | None:
    """The first record of a segment, its place in the chain unchecked; None where it is not whole."""
    with path.open("rb") as file:
        line = file.readline(LONGEST_LINE)
    try:
        return parse(line, None)
    except BadRecordError:
        return None
