"""A journal damaged at one place after another, and what the recovery table says about each: the expectation, apart.

The expectation is computed from where the records lie and what HEAD witnessed, with no code of the journal's own.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from events.journal import JournalDamagedError, verify_journal
from events.journal.head import read_witness
from events.journal.layout import list_segments
from events.journal.recover import Examined, examine
from tests.journal.kit import segments

__all__ = ["Case", "Layout", "Span", "apply_case", "cases", "examine_quietly", "spans"]

Case: TypeAlias = tuple[Literal["flip", "cut", "end", "head"], str, int]
"""What is done, to which file, at which bit (flip, head) or byte: cut leaves later files, end removes them."""

_VERIFY_EVERY = 500


@dataclass(frozen=True)
class Span:
    """Where one record lies."""

    number: int
    path: Path
    start: int
    end: int


def spans(directory: Path) -> Iterator[Span]:
    """Every record of a whole journal."""
    number = 0
    for path in segments(directory):
        start = 0
        for line in path.read_bytes().splitlines(keepends=True):
            number += 1
            yield Span(number, path, start, start + len(line))
            start += len(line)


def examine_quietly(directory: Path) -> Examined:
    """What a start would find; nothing may be warned about, nothing is changed."""

    def warned(line: str) -> None:
        raise AssertionError(line)

    witness = read_witness(directory)
    assert witness is not None
    return examine(directory, list_segments(directory), witness, reducer=1, on_warning=warned)


class Layout:
    """Where the records of a whole journal lie, and the last one that HEAD vouches for."""

    def __init__(self, directory: Path, witnessed: int) -> None:
        self.directory = directory
        self.witnessed = witnessed
        self.spans = list(spans(directory))
        self.last = self.spans[-1].path
        self.whole = {path.name: path.read_bytes() for path in [*segments(directory), directory / "HEAD"]}

    def expected(self, case: Case) -> int | None:
        """How many records a start keeps; None when it refuses."""
        kind, name, at = case
        if kind == "head":
            return len(self.spans)
        if kind == "flip":
            damaged = next(s.number for s in self.spans if s.path.name == name and s.start <= at // 8 < s.end)
            refused = damaged < len(self.spans) or damaged <= self.witnessed or self._is_renumbered(name, at)
            return None if refused else damaged - 1
        if kind == "cut" and name != self.last.name:
            return None
        kept = sum(s.path.name < name or (s.path.name == name and s.end <= at) for s in self.spans)
        return None if kept < self.witnessed else kept

    def _is_renumbered(self, name: str, bit: int) -> bool:
        """The flip makes the last record's number a higher one: as if records before it were missing."""
        last = self.spans[-1]
        line = bytearray(self.whole[name][last.start : last.end])
        line[bit // 8 - last.start] ^= 1 << bit % 8
        number = line.partition(b'{"seq":')[2].partition(b",")[0]
        return number.isdigit() and not number.startswith(b"0") and int(number) > last.number


def cases(layout: Layout, kind: Literal["flip", "cut", "end", "head"]) -> list[Case]:
    """Every case of a kind."""
    if kind == "head":
        return [(kind, "HEAD", bit) for bit in range(8 * len(layout.whole["HEAD"]))]
    names = [name for name in layout.whole if name != "HEAD"]
    width = 8 if kind == "flip" else 1
    return [(kind, name, at) for name in names for at in range(width * len(layout.whole[name]))]


def apply_case(layout: Layout, wanted: Iterable[Case]) -> Counter[str]:
    """Do each, have it classified, undo it; returns how many were what. AssertionError names the first wrong one."""
    counts: Counter[str] = Counter()
    for case in wanted:
        kind, name, at = case
        path = layout.directory / name
        removed = [n for n in layout.whole if n != "HEAD" and n > name] if kind == "end" else []
        _spoil(path, kind, at, layout.whole[name])
        for other in removed:
            (layout.directory / other).unlink()
        counts[f"{kind}: {_judge(layout, case, check=sum(counts.values()) % _VERIFY_EVERY == 0)}"] += 1
        for other in [name, *removed]:
            _restore(layout.directory / other, layout.whole[other])
    return counts


def _spoil(path: Path, kind: str, at: int, whole: bytes) -> None:
    if kind in {"cut", "end"}:
        os.truncate(path, at)
        return
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, bytes([whole[at // 8] ^ 1 << at % 8]), at // 8)
    os.close(fd)


def _restore(path: Path, whole: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.pwrite(fd, whole, 0)
    os.close(fd)


def _judge(layout: Layout, case: Case, *, check: bool) -> str:
    expected = layout.expected(case)
    if case[0] == "head":
        witness = read_witness(layout.directory)
        assert witness is not None, case
        assert witness.damaged == 1, f"{case}: the flip in HEAD was not noticed"
    found = _found(layout.directory)
    if isinstance(found, JournalDamagedError):
        assert expected is None, f"{case} was refused, {expected} records are good: {found}"
        if check:
            assert not verify_journal(layout.directory).ok, case
        return "refused"
    assert expected is not None, f"{case} was accepted up to record {found.place.head.seq}"
    kept = [s for s in layout.spans if s.number <= expected]
    assert found.place.head.seq == expected, case
    assert found.place.offset in {0, kept[-1].end}, case
    size = (layout.directory / found.place.segment).stat().st_size
    assert (found.torn is None) == (size == found.place.offset), f"{case}: a tail was accepted in silence"
    if check and case[0] != "head":
        report = verify_journal(layout.directory)
        assert (report.ok, report.tail_bytes) == (True, size - found.place.offset), case
    if case[0] == "head":
        return "noticed, the other slot is used"
    return "clean end beyond HEAD" if found.torn is None else "torn tail beyond HEAD, moved to quarantine"


def _found(directory: Path) -> Examined | JournalDamagedError:
    try:
        return examine_quietly(directory)
    except JournalDamagedError as refusal:
        return refusal
