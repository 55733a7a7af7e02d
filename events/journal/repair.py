"""What a damaged journal still holds, and a copy of its good beginning. The old journal is only read, never written.

``survey`` finds where the chain breaks and what readable records behind that place still tell. ``copy_prefix`` writes
the records before it, byte for byte, into a new directory that a ``FileJournal`` can take. Declaring the gap is the
caller's: it needs the machine.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from events import catalogue as ev
from events.catalogue import GapDeclared
from events.describe import printable
from events.journal.disk import Disk, make_directory, write_all
from events.journal.head import HeadFile, Place, Witness, read_witness
from events.journal.layout import QUARANTINE, list_segments
from events.journal.record import BadRecordError, Record, parse
from events.journal.scan import BrokenChainError, Walk, classify, lines_of
from events.journal.store import JournalDamagedError, JournalError

__all__ = ["Damage", "copy_prefix", "gap_of", "salvage", "survey"]

_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Where a journal's good records end, and why.

    Attributes:
        place: The end of the last good record.
        reason: What is wrong there, one line.
        lost_bytes: Bytes of segments behind the place.
        witnessed_seq: The record HEAD testifies to, None when HEAD cannot be read.
        behind: Records that can be read behind the place, in order; their chain is not proved.
    """

    place: Place
    reason: str
    lost_bytes: int
    witnessed_seq: int | None
    behind: tuple[Record, ...]


def survey(directory: Path) -> Damage | None:
    """What is wrong with a journal; None when the next start would open it, a torn tail included.

    Raises:
        JournalDamagedError: A file is named like no segment; only a person can tell what it is.
    """
    segments = list_segments(directory)
    walk = Walk(directory, segments)
    broken: BrokenChainError | None = None
    try:
        for _ in walk:
            pass
    except BrokenChainError as error:
        broken = error
    witness, head_reason = _witness(directory)
    reason = head_reason or _reason(directory, segments, walk, broken, witness)
    if reason is None:
        return None
    place = walk.ended
    return Damage(
        place=place,
        reason=reason,
        lost_bytes=sum((directory / name).stat().st_size for name in segments if name >= place.segment) - place.offset,
        witnessed_seq=None if witness is None else witness.place.head.seq,
        behind=tuple(_readable(_lines_behind(directory, segments, place), above=place.head.seq)),
    )


def salvage(records: Iterable[Record]) -> ev.Salvage:
    """What records behind a break still tell; an event that cannot be read tells nothing."""
    known = _Known()
    count = 0
    for record in records:
        count += 1
        try:
            known.note(record.event(), record.at_ms)
        except ValueError:
            continue
    window = known.window
    return ev.Salvage(
        records=count,
        seen={day: tuple(sorted(ids)) for day, ids in sorted(known.seen.items())},
        settled=tuple(sorted(known.settled)),
        accepted=known.accepted,
        counted=dict(sorted(known.counted.items())),
        window=None if window is None else window.window,
        start_block=None if window is None else window.start_block,
        blocks_per_window=None if window is None else window.blocks_per_window,
        epoch=known.epoch,
        spent=dict(sorted(known.spent.items())),
    )


def copy_prefix(directory: Path, out: Path, place: Place) -> None:
    """Write everything up to ``place`` into the new directory ``out``, durably, with a HEAD that witnesses it.

    Raises:
        JournalError: ``out`` exists already.
        OSError: The disk refused.
    """
    if out.exists():
        raise JournalError(f"{out} exists already: choose another --out")
    disk = Disk()
    make_directory(disk, out)
    HeadFile.create(disk, out)
    for name in list_segments(directory):
        if name <= place.segment:
            with (directory / name).open("rb") as file:
                _write(disk, out / name, file.read(place.offset if name == place.segment else -1))
    if (directory / QUARANTINE).is_dir():
        shutil.copytree(directory / QUARANTINE, out / QUARANTINE, ignore=_not_files)
    disk.fsync_dir(out)
    head = HeadFile(disk, out, generation=1)
    head.write(place)
    head.close()


class _Known:
    """Facts gathered from records out of the chain."""

    def __init__(self) -> None:
        self.seen: dict[int, set[str]] = {}
        self.settled: set[str] = set()
        self.accepted = 0
        self.counted: Counter[int] = Counter()
        self.window: ev.WindowOpened | ev.WindowsRevised | None = None
        self.epoch = 0
        self.spent: dict[int, ev.Spent] = {}

    def note(self, event: ev.Event, at_ms: int) -> None:
        day = at_ms // (_DAY_S * 1000)
        if isinstance(event, ev.PostsScraped | ev.AuthorsLookedUp | ev.PostAnalyzed | ev.AnalysisFailed):
            self.spent[day] = self.spent.get(day, ev.Spent()).told(event)
        if isinstance(event, ev.PostsScraped):
            for post in event.posts:  # by the same days as the fold
                on = post.timestamp // _DAY_S if event.since is None else day
                self.seen.setdefault(on, set()).update(post.versions)
        elif isinstance(event, ev.SubmissionAccepted):
            self.settled.add(event.post_id)
            self.accepted += 1
            self._count(event)
        elif isinstance(event, ev.SubmissionRejected | ev.PostAbandoned):
            self.settled.add(event.post_id)
        elif isinstance(event, ev.WindowOpened):
            if self.window is None or event.start_block > self.window.start_block:
                self.window = event
        elif isinstance(event, ev.WindowsRevised):
            self.window = event
        elif isinstance(event, ev.ActorStarted):
            self.epoch = max(self.epoch, event.epoch)
        self._name(getattr(event, "post_id", None), day)

    def _name(self, post_id: str | None, day: int) -> None:
        """A post that is worked on was chosen, though its search cannot be read; it is no younger than the record."""
        if post_id is not None and not any(post_id in ids for ids in self.seen.values()):
            self.seen.setdefault(day, set()).add(post_id)

    def _count(self, event: ev.SubmissionAccepted) -> None:
        start = event.start_block if event.start_block is not None else getattr(self.window, "start_block", None)
        if start is not None:
            self.counted[start] += 1


def _witness(directory: Path) -> tuple[Witness | None, str | None]:
    try:
        witness = read_witness(directory)
    except JournalDamagedError as error:
        return None, str(error).split(";", maxsplit=1)[0]
    return witness, None if witness is not None else f"{directory / 'HEAD'} is missing"


def _reason(
    directory: Path, segments: list[str], walk: Walk, broken: BrokenChainError | None, witness: Witness | None
) -> str | None:
    least = witness.place.head if witness is not None else walk.place.head
    if broken is not None:
        refusal = classify(broken, directory, segments, least)
        return None if refusal is None else str(broken)
    if walk.place.head.seq < least.seq:
        return f"it ends at record {walk.place.head.seq}, but HEAD witnessed record {least.seq}"
    return None


def _lines_behind(directory: Path, segments: list[str], place: Place) -> Iterator[bytes]:
    for name in segments:
        if name >= place.segment:
            with (directory / name).open("rb") as file:
                file.seek(place.offset if name == place.segment else 0)
                yield from lines_of(file)


def _readable(lines: Iterable[bytes], *, above: int) -> Iterator[Record]:
    for line in lines:
        try:
            record = parse(line, None)
        except BadRecordError:
            continue
        if record.seq > above:
            yield record


def _not_files(folder: str, names: list[str]) -> list[str]:
    """What is no tail that was moved out: a pipe or a device may have no end."""
    return [name for name in names if not Path(folder, name).is_file()]


def _write(disk: Disk, path: Path, content: bytes) -> None:
    fd = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        write_all(disk, fd, content)
        disk.fsync(fd)
    finally:
        disk.close(fd)


_LONGEST_REASON: Final = 1_000


def gap_of(damage: Damage) -> GapDeclared:
    """What the record that declares this damage says."""
    return GapDeclared(
        reason=printable(damage.reason, _LONGEST_REASON),
        segment=damage.place.segment,
        offset=damage.place.offset,
        lost_bytes=damage.lost_bytes,
        witnessed_seq=damage.witnessed_seq,
        salvage=salvage(damage.behind),
    )
