"""Opening a journal that may have been left in any state: find out everything first, change something only then.

`examine` reads and refuses; it changes nothing. `settle` makes what was found durable: it moves a torn tail away and
writes again what no HEAD vouches for. Each of its steps may be the last one before a crash; the next start then finds
the same journal and ends in the same place.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from events.catalogue import ActorStarted, GapDeclared, TailRepaired
from events.journal import snapshot
from events.journal.disk import Disk, make_directory, pwrite_all, replace_file
from events.journal.head import START, Place, Witness, head_is_missing, read_witness
from events.journal.layout import QUARANTINE, way_out
from events.journal.record import Record
from events.journal.scan import BrokenChainError, Walk, classify, damaged
from events.journal.snapshot import StoredSnapshot
from events.journal.store import JournalError, RolledBackError

__all__ = ["Examined", "Tally", "examine", "move_in", "settle", "undeclared", "witnessed"]

# A file's name tells which bytes it holds, where they stood and their digest, so moving the same tail twice makes one
# file. It is durable before the tail is cut off, and it stays a debt until a TailRepaired record names it.
_NAME: Final = re.compile(r"(?P<stem>[0-9]{20})-(?P<offset>[0-9]{12,})-(?P<sha256>[0-9a-f]{64})\.bin")


def move_in(disk: Disk, directory: Path, segment: str, offset: int, tail: bytes) -> None:
    """Keep ``tail``, which stands at ``offset`` of ``segment``; durable when this returns."""
    place = directory / QUARANTINE
    make_directory(disk, place)
    disk.fsync_dir(directory)
    stem = segment.removesuffix(".jsonl")
    replace_file(disk, place / f"{stem}-{offset:012d}-{hashlib.sha256(tail).hexdigest()}.bin", tail)


def undeclared(
    directory: Path, declared: Collection[str], on_warning: Callable[[str], None]
) -> tuple[TailRepaired, ...]:
    """One TailRepaired for each file that no record in ``declared`` names, in the order of the journal."""
    place = directory / QUARANTINE
    paths = sorted(place.glob("*.bin")) if place.is_dir() else []
    repairs = []
    for path in paths:
        if path.name in declared:
            continue
        match = _NAME.fullmatch(path.name)
        if match is None:
            on_warning(f"{path} is not a tail that was moved out of this journal; left alone")
            continue
        repairs.append(
            TailRepaired(
                segment=match["stem"] + ".jsonl",
                offset=int(match["offset"]),
                length=path.stat().st_size,
                sha256=match["sha256"],
                quarantine=path.name,
            )
        )
    return tuple(repairs)


_CHUNK: Final = 1 << 20
_COUNTED: Final = frozenset({ActorStarted.__name__, GapDeclared.__name__, TailRepaired.__name__})


class Tally:
    """What the store itself must know from the records: the epochs, and which tails are declared."""

    def __init__(self, epoch: int = 0, declared: Sequence[str] = ()) -> None:
        self.epoch = epoch
        self.declared = set(declared)

    def count(self, record: Record) -> None:
        if record.name not in _COUNTED:
            return
        event = record.event()
        if isinstance(event, ActorStarted):
            self.epoch = max(self.epoch, event.epoch)
        elif isinstance(event, GapDeclared):
            self.epoch = max(self.epoch, event.salvage.epoch)
        elif isinstance(event, TailRepaired):
            self.declared.add(event.quarantine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A journal that may be opened.

    Attributes:
        place: Where the next record belongs.
        ended: Where the last good record ended: the same, or the end of the file before.
        tally: What the records told.
        snapshot: The snapshot that the scan began behind.
        torn: Why the bytes after ``place`` are a torn tail; None when the journal ends cleanly.
    """

    place: Place
    ended: Place
    tally: Tally
    snapshot: StoredSnapshot | None
    torn: str | None


def witnessed(directory: Path, segments: Sequence[str]) -> Witness | None:
    """HEAD's testimony, checked against the mere presence of segments; None for a journal that never had a record.

    Raises:
        JournalDamagedError: HEAD is gone or unreadable, or it is all that is left.
    """
    witness = read_witness(directory)
    if witness is None and (segments or snapshot.snapshot_paths(directory)):
        raise head_is_missing(directory)
    if witness is not None and not segments and witness.place.head.seq > 0:
        raise _rolled_back(directory, witness, "there is no segment at all")
    return witness


def examine(
    directory: Path,
    segments: Sequence[str],
    witness: Witness,
    *,
    reducer: int,
    on_warning: Callable[[str], None],
) -> Examined:
    """Read the journal from the newest usable snapshot to its end. Changes nothing.

    Raises:
        JournalDamagedError: The recovery table says to refuse.
        JournalError: This build cannot read a record.
    """
    stored = snapshot.newest_usable(directory, segments, reducer=reducer, witness=witness.place, on_warning=on_warning)
    tally = Tally() if stored is None else Tally(stored.epoch, stored.declared)
    walk = Walk(directory, segments, START if stored is None else stored.place)
    torn = None
    try:
        for record in walk:
            tally.count(record)
            if record.seq == witness.place.head.seq:
                _compare(directory, walk.place, witness)
    except BrokenChainError as broken:
        refusal = classify(broken, directory, segments, witness.place.head)
        if refusal is not None:
            raise refusal from broken
        torn = str(broken)
    except ValueError as error:
        raise JournalError(f"{directory}: {error}; nothing was changed") from error
    if walk.place.head.seq < witness.place.head.seq:
        raise _rolled_back(directory, witness, f"the last record is {walk.place.head.seq}")
    return Examined(place=walk.place, ended=walk.ended, tally=tally, snapshot=stored, torn=torn)


def _compare(directory: Path, place: Place, witness: Witness) -> None:
    if place != witness.place:
        there = witness.place
        raise damaged(
            directory,
            place,
            f"HEAD witnessed another record {there.head.seq} (hash {there.head.hash[:12]}…, ending at byte "
            f"{there.offset} of {there.segment}): HEAD and the segments are not of one history",
        )


def _rolled_back(directory: Path, witness: Witness, found: str) -> RolledBackError:
    return RolledBackError(
        f"{directory} has lost its end: HEAD witnessed record {witness.place.head.seq}, but {found}. Was an old copy "
        f"put back? {way_out(directory).capitalize()}"
    )


def settle(disk: Disk, directory: Path, found: Examined, witness: Witness) -> None:
    """Make the journal end at ``found.place``, durably. OSError when the disk refuses."""
    place = found.place
    fd = disk.open(directory / place.segment, os.O_RDWR)
    try:
        if found.torn is not None:
            disk.fsync(fd)  # else a crash could leave other bytes here than those in quarantine
            tail = os.pread(fd, os.fstat(fd).st_size - place.offset, place.offset)
            move_in(disk, directory, place.segment, place.offset, tail)
            disk.truncate(fd, place.offset)
            disk.fsync(fd)
        if place.head.seq > witness.place.head.seq:
            same = witness.place.segment == place.segment
            _write_again(disk, fd, witness.place.offset if same else 0, place.offset)
    finally:
        disk.close(fd)
    disk.fsync_dir(directory)


def _write_again(disk: Disk, fd: int, start: int, end: int) -> None:
    """Write the bytes as they were read. After a failed fsync the kernel shows bytes that never reached the disk."""
    for offset in range(start, end, _CHUNK):
        pwrite_all(disk, fd, os.pread(fd, min(_CHUNK, end - offset), offset), offset)
    disk.fdatasync(fd)
