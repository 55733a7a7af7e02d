"""Journals of real windows on disk, and ways to damage them that several tests share."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path

from events.journal import GENESIS, Draft, FileJournal
from events.journal.layout import HEAD
from tests.kit import Drive, accepted


def history(windows: int = 3) -> Drive:
    """A journal's worth of records: some windows of two posts, all accepted, and a third post pending at the end."""
    drive = Drive().start()
    for number in range(windows):
        drive.batch(7 + number, 10 * number + 1, 10 * number + 2)
        while drive.at() == "Submitting":
            drive.on(accepted(drive.send(), start_block=100 * (7 + number)))
    return drive


def written(folder: Path, drive: Drive, *, segment_bytes: int = 4_000) -> Path:
    """The same records on disk, in several segments, cleanly closed."""
    journal = folder / "5Grw"

    async def write() -> None:
        store = FileJournal(journal, segment_bytes=segment_bytes, on_warning=print)
        await store.take(reducer=0)
        for record in drive.records:
            source, dest = record.source, record.dest
            await store.append(Draft(at_ms=record.at_ms, event=record.event(), source=source, dest=dest))
        await store.release()

    asyncio.run(write())
    return journal


def relinked(lines: Iterable[bytes]) -> list[bytes]:
    """The same lines, hashed anew: what a forger makes of lines that were changed."""
    before, linked = GENESIS.hash, []
    for line in lines:
        prefix = line.rpartition(b',"hash":"')[0]
        before = hashlib.sha256(before.encode() + prefix).hexdigest()
        linked.append(b'%b,"hash":"%b"}\n' % (prefix, before.encode()))
    return linked


def flip(path: Path, offset: int) -> None:
    """One bit."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(bytes(content))


def segments(journal: Path) -> list[Path]:
    """The segments in order."""
    return sorted(journal.glob("*.jsonl"))


def cut_below_head(journal: Path) -> None:
    """The last record is gone, cleanly."""
    last = segments(journal)[-1]
    lines = last.read_bytes().splitlines(keepends=True)
    last.write_bytes(b"".join(lines[:-1]))


def lose_head(journal: Path) -> None:
    """HEAD is gone."""
    (journal / HEAD).unlink()


def lose_a_segment(journal: Path) -> None:
    """A file in the middle is gone."""
    segments(journal)[1].unlink()


def flip_in_the_middle(journal: Path) -> None:
    """A bit of an acknowledged record."""
    flip(segments(journal)[1], 200)


def spoil_head(journal: Path) -> None:
    """Both slots of HEAD."""
    (journal / HEAD).write_bytes(b"\0" * 1024)
