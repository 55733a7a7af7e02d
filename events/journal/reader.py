"""Reading a journal without holding it: for replay, audit, export. Never writes, never locks.

A reader accepts what the writer's recovery would accept and refuses what it would refuse. The journal may grow while
it is read, and the directory may be read-only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from events.catalogue import JournalCreated
from events.journal.head import START, Place, head_is_missing, read_witness
from events.journal.layout import list_segments, way_out
from events.journal.record import GENESIS, Head, Record
from events.journal.scan import BrokenChainError, Walk, classify, damaged, hash_before, start_before
from events.journal.store import JournalError, RolledBackError, SeveralJournalsError

__all__ = ["JournalReader", "journals_in", "locate", "read_journal"]

_SAMPLE = "sample"
_BESIDE = frozenset({".dry-run", ".repaired", ".damaged"})
_MOST_NAMES: Final = 10


class JournalReader:
    """The verified records of a journal; iterate again for those that were added meanwhile.

    Args:
        directory: The journal.
        after: Begin behind this record, whose hash is compared; None for the first one.
        begin: In place of ``after``: begin at a place that an earlier reader came to, and read nothing before it.

    Attributes:
        tail_bytes: Length of the torn tail, or of the record being written, that ended the last iteration.
    """

    def __init__(self, directory: Path, *, after: Head | None = None, begin: Place | None = None) -> None:
        self.directory = directory
        self.tail_bytes = 0
        self._after = after or (GENESIS if begin is None else begin.head)
        start = start_before(directory, list_segments(directory), self._after.seq) if begin is None else begin
        self._walk = Walk(directory, [], start)
        self._ended = START

    @property
    def head(self) -> Head:
        """The chain's end as far as it was read, and not only given out."""
        return self._walk.place.head

    @property
    def place(self) -> Place:
        """Where the last record that was read ended."""
        return self._last_ended()

    @property
    def end(self) -> tuple[str, int]:
        """The file of the record that was just given out, and the byte behind it."""
        return self._walk.end

    def __iter__(self) -> Iterator[Record]:
        """Raises JournalDamagedError where the chain breaks, with file and offset."""
        least = self._witnessed()
        tried: Place | None = None
        while True:
            segments = list_segments(self.directory)
            self.tail_bytes = 0
            try:
                yield from self._pass(segments)
            except BrokenChainError as broken:
                # An unfinished line may have been finished, and its segment left, since the names were listed.
                if tried != broken.place:
                    tried = broken.place
                    continue
                refusal = classify(broken, self.directory, segments, least)
                if refusal is not None:
                    raise refusal from broken
                self.tail_bytes = (self.directory / broken.place.segment).stat().st_size - broken.place.offset
            if list_segments(self.directory) == segments:
                break
        self._check_end(least)

    def _witnessed(self) -> Head:
        """The record that the end may not lie before. HEAD is made before the first segment, and stays."""
        witness = read_witness(self.directory)
        if witness is None and list_segments(self.directory):
            witness = read_witness(self.directory)  # both may have been made between the two looks
            if witness is None:
                raise head_is_missing(self.directory)
        return GENESIS if witness is None else witness.place.head

    def check_kept(self) -> None:
        """Look whether the last record that was given out still stands where it was read.

        Raises:
            RolledBackError: It does not: the journal was rolled back, replaced or removed since.
        """
        ended = self._last_ended()
        try:
            kept = not ended.offset or hash_before(self.directory / ended.segment, ended.offset) == ended.head.hash
        except FileNotFoundError:
            kept = False
        if not kept:
            raise RolledBackError(
                f"{self.directory / ended.segment} no longer holds record {ended.head.seq} at byte {ended.offset}, "
                "where it was read: this journal was rolled back, replaced or removed; read it from its beginning again"
            )

    def _last_ended(self) -> Place:
        """Where the last record given out ended; a pass may have begun at the empty file that follows it."""
        return self._walk.ended if self._walk.ended.offset else self._ended

    def _pass(self, segments: list[str]) -> Iterator[Record]:
        self._ended = self._last_ended()
        self._walk = walk = Walk(self.directory, segments, self._walk.place)
        for record in walk:
            if record.seq > self._after.seq:
                yield record
            elif record.seq == self._after.seq and record.hash != self._after.hash:
                raise damaged(
                    self.directory, walk.place, f"record {record.seq} was expected to hash {self._after.hash}"
                )

    def _check_end(self, least: Head) -> None:
        needed = max(least.seq, self._after.seq)
        if self.head.seq < needed:
            raise RolledBackError(
                f"{self.directory} has lost its end: it ends at record {self.head.seq}, but record {needed} was there; "
                f"{way_out(self.directory)}"
            )


def read_journal(directory: Path, *, after: Head | None = None) -> Iterator[Record]:
    """The verified records of a journal, in order. See `JournalReader`."""
    return iter(JournalReader(directory, after=after))


def locate(directory: Path, hotkey: str | None = None) -> Path:
    """The journal that ``directory`` is, or the only one in it; ``hotkey`` picks one by its name or how that begins.

    A recorded sample, a dry run and what a repair left beside a journal count only where nothing else is.

    Raises:
        JournalError: There is none.
        SeveralJournalsError: There is more than one.
    """
    if not directory.is_dir():
        raise JournalError(f"{directory} is not a directory; give the journal's directory")
    if _is_journal(directory):
        return directory if hotkey is None else _of(directory, hotkey)
    found = _in(directory)
    whose = "" if hotkey is None else f" of {hotkey}"
    if hotkey is not None:
        exact = [path for path in found if path.name == hotkey]
        found = exact or [path for path in found if path.name.startswith(hotkey)]
    found = _first_hand(found)
    if not found:
        raise JournalError(f"no journal{whose} in {directory}: neither it nor a directory in it holds .jsonl segments")
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:_MOST_NAMES])
        more = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
        raise SeveralJournalsError(f"several journals{whose} in {directory}: {names}{more}; name one of them")
    return found[0]


def journals_in(directory: Path) -> list[Path]:
    """All journals in a folder by their names, or the one that it is itself, with the exceptions of `locate`.

    Raises:
        JournalError: There is none.
    """
    if not directory.is_dir():
        raise JournalError(f"{directory} is not a directory; give a folder of journals")
    if _is_journal(directory):
        return [directory]
    return _first_hand(_in(directory)) or [locate(directory)]


def _in(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.is_dir() and _is_journal(path))


def _first_hand(found: list[Path]) -> list[Path]:
    return [path for path in found if path.name != _SAMPLE and path.suffix not in _BESIDE] or found


def _of(journal: Path, hotkey: str) -> Path:
    """The journal, if it is of this hotkey by its first record."""
    first = next(iter(JournalReader(journal)), None)
    event = None if first is None else first.event()
    found = event.hotkey if isinstance(event, JournalCreated) else "nobody yet"
    if not found.startswith(hotkey):
        raise JournalError(f"{journal} is the journal of {found}, not of {hotkey}")
    return journal


def _is_journal(directory: Path) -> bool:
    return any(directory.glob("*.jsonl"))
