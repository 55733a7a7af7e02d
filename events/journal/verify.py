"""Verify a whole journal and report everything that is wrong with it. Never raises on damage, never writes.

Behind a break the check goes on: with the next line that is a record, whose own hash is then taken as given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from events.journal.head import Place, Witness, read_witness
from events.journal.layout import HEAD, first_seq, sorted_names
from events.journal.record import GENESIS, LONGEST_LINE, BadRecordError, Head, Record, parse
from events.journal.scan import TOO_LONG, record_after, whole_seq
from events.journal.store import JournalDamagedError

__all__ = ["Flaw", "HeadState", "VerifyReport", "verify_journal"]

HeadState: TypeAlias = Literal["whole", "one slot damaged", "damaged", "missing"]
_PROGRESS_EVERY: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing that is wrong: the file, the byte where it begins, and why."""

    file: str
    offset: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What a verification found.

    Attributes:
        records: How many records there are, those behind a break included.
        segments: How many files hold them.
        bytes: How long these were when the verification began.
        first_at_ms: When the first record says it was written, unix milliseconds; None without records.
        last_at_ms: The same of the last record.
        head: The last record.
        head_state: What became of the file HEAD.
        witnessed: The record that HEAD speaks of, None when it cannot be read.
        tail_bytes: Length of an interrupted write at the end: no damage, the next start moves it to quarantine.
        findings: Everything wrong, in the journal's order.
    """

    records: int
    segments: int
    bytes: int
    first_at_ms: int | None
    last_at_ms: int | None
    head: Head
    head_state: HeadState
    witnessed: Head | None
    tail_bytes: int
    findings: tuple[Flaw, ...]

    @property
    def ok(self) -> bool:
        return not self.findings


def verify_journal(directory: Path, *, on_progress: Callable[[int, int], None] | None = None) -> VerifyReport:
    """Read every record of ``directory`` and check the chain, the files' order and HEAD.

    Args:
        directory: The journal.
        on_progress: Called now and then with bytes done and bytes in all.
    """
    return _Verifier(directory, on_progress or (lambda _done, _total: None)).run()


class _Verifier:
    def __init__(self, directory: Path, on_progress: Callable[[int, int], None]) -> None:
        self._directory = directory
        self._on_progress = on_progress
        self._findings: list[Flaw] = []
        self._head_state, self._witness = self._read_head()  # before the records, so that a growing journal passes
        self._sizes = {name: (directory / name).stat().st_size for name in self._names()}
        self._done = 0
        self._records = 0
        self._first: Record | None = None
        self._last: Record | None = None
        self._head: Head | None = GENESIS  # None right behind a break
        self._tail_bytes = 0

    def run(self) -> VerifyReport:
        for name in self._sizes:
            self._segment(name)
        self._end()
        self._on_progress(self._done, sum(self._sizes.values()))
        return VerifyReport(
            records=self._records,
            segments=len(self._sizes),
            bytes=sum(self._sizes.values()),
            first_at_ms=None if self._first is None else self._first.at_ms,
            last_at_ms=None if self._last is None else self._last.at_ms,
            head=GENESIS if self._last is None else self._last.head,
            head_state=self._head_state,
            witnessed=None if self._witness is None else self._witness.place.head,
            tail_bytes=self._tail_bytes,
            findings=tuple(self._findings),
        )

    def _read_head(self) -> tuple[HeadState, Witness | None]:
        try:
            witness = read_witness(self._directory)
        except JournalDamagedError:
            what = "both slots are damaged" if (self._directory / HEAD).is_file() else "no regular file"
            self._find(HEAD, 0, f"{what}: lost records at the end cannot be detected")
            return "damaged", None
        if witness is None:
            self._find(HEAD, 0, "missing: lost records at the end cannot be detected")
            return "missing", None
        return ("one slot damaged" if witness.damaged else "whole"), witness

    def _names(self) -> list[str]:
        names, strange = sorted_names(self._directory)
        for name, why in strange.items():
            self._find(name, 0, why)
        return names

    def _segment(self, name: str) -> None:
        if self._head is not None and first_seq(name) != self._head.seq + 1:
            self._find(name, 0, f"starts at record {first_seq(name)}, expected {self._head.seq + 1}: files are missing")
            self._head = None
        for offset, line in _lines(self._directory / name, self._sizes[name]):
            self._line(name, offset, line)
            if self._tail_bytes or len(line) > LONGEST_LINE:
                break
            self._done += len(line)

    def _line(self, name: str, offset: int, line: bytes) -> None:
        if len(line) > LONGEST_LINE:
            self._find(name, offset, f"{TOO_LONG}: what follows in this file is not read")
            self._head = None
            return
        try:
            self._count(parse(line, self._head), Place(head=GENESIS, segment=name, offset=offset + len(line)))
        except BadRecordError as error:
            if self._is_tail(name, offset, line):
                self._tail_bytes = self._sizes[name] - offset
                return
            self._break(name, offset, line, str(error))

    def _break(self, name: str, offset: int, line: bytes, reason: str) -> None:
        if self._head is not None:
            self._find(name, offset, f"{reason} (after record {self._head.seq})")
        self._head = None
        try:
            record = parse(line, None)
        except BadRecordError:
            return
        self._count(record, Place(head=GENESIS, segment=name, offset=offset + len(line)))

    def _count(self, record: Record, end: Place) -> None:
        self._head = record.head
        self._first = self._first or record
        self._last = record
        self._records += 1
        if self._records % _PROGRESS_EVERY == 0:
            self._on_progress(self._done, sum(self._sizes.values()))
        if self._witness is not None and record.seq == self._witness.place.head.seq:
            self._compare(record, end)

    def _compare(self, record: Record, end: Place) -> None:
        there = Place(head=record.head, segment=end.segment, offset=end.offset)
        if self._witness is not None and there != self._witness.place:
            self._find(
                HEAD,
                0,
                f"speaks of another record {record.seq} than the one that ends at {end.offset} of {end.segment}",
            )

    def _is_tail(self, name: str, offset: int, line: bytes) -> bool:
        """As in recovery: an interrupted write stands at the very end, beyond HEAD, with no record after it."""
        last = name == next(reversed(self._sizes))
        if (
            not last
            or self._head is None
            or (self._witness is not None and self._head.seq < self._witness.place.head.seq)
        ):
            return False
        if self._sizes[name] - offset > LONGEST_LINE or (whole_seq(line) or 0) > self._head.seq + 1:
            return False
        return not line.endswith(b"\n") or record_after(self._directory / name, offset) is None

    def _end(self) -> None:
        if self._witness is None or self._witness.place.head.seq <= (self._last.seq if self._last else 0):
            return
        seq = self._witness.place.head.seq
        self._find(
            HEAD, 0, f"witnessed record {seq}, the last one is {self._last.seq if self._last else 0}: the end is lost"
        )

    def _find(self, file: str, offset: int, reason: str) -> None:
        self._findings.append(Flaw(file=file, offset=offset, reason=reason))


def _lines(path: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of every line within the first ``size`` bytes; the last may lack its newline."""
    offset = 0
    with path.open("rb") as file:
        while offset < size:
            line = file.readline(min(size - offset, LONGEST_LINE + 1))
            if not line:
                return
            yield offset, line
            offset += len(line)
