"""What the journal's tests share: small events, quick and failing disks, journals in known states."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from events.catalogue import ApiUnreachable, Event
from events.journal import Disk, Draft, FileJournal, JournalStore, Lease, Record
from events.journal.postgres.address import Address
from events.journal.postgres.store import PostgresJournal

T = TypeVar("T")
NOW_MS = 1_795_361_486_123


class CrashError(Exception):
    """The power went."""


class QuickDisk(Disk):
    """A disk that makes nothing durable: for tests that open a journal thousands of times and cut no power."""

    def fdatasync(self, fd: int) -> None:
        """Nothing."""

    def fsync(self, fd: int) -> None:
        """Nothing."""

    def fsync_dir(self, path: Path) -> None:
        """Nothing."""


class FaultyDisk(QuickDisk):
    """Fails at its ``fail_at``-th operation (from 1), and with ``lasting`` at every later one; notes them all.

    Args:
        fail_at: 0 never fails.
        error: Makes what is raised.
        lasting: Whether the failure stays.
        only: Counts these operations alone; None counts all.
        partly: A failing write leaves a third of its bytes behind; HEAD's second half is padding.
    """

    def __init__(
        self,
        fail_at: int = 0,
        error: Callable[[], Exception] = CrashError,
        *,
        lasting: bool = True,
        only: Iterable[str] | None = None,
        partly: bool = False,
    ) -> None:
        self.log: list[str] = []
        self._fail_at = fail_at
        self._error = error
        self._lasting = lasting
        self._only = None if only is None else frozenset(only)
        self._partly = partly

    def open(self, path: Path, flags: int) -> int:
        """Open, or fail."""
        self._gate("open")
        return super().open(path, flags)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write, or fail."""
        self._gate("write", lambda: os.write(fd, data[: len(data) // 3]))
        return super().write(fd, data)

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write in place, or fail."""
        self._gate("pwrite", lambda: os.pwrite(fd, data[: len(data) // 3], offset))
        return super().pwrite(fd, data, offset)

    def fdatasync(self, fd: int) -> None:
        """Succeed, or fail."""
        self._gate("fdatasync")
        super().fdatasync(fd)

    def fsync(self, fd: int) -> None:
        """Succeed, or fail."""
        self._gate("fsync")
        super().fsync(fd)

    def truncate(self, fd: int, length: int) -> None:
        """Cut, or fail."""
        self._gate("truncate")
        super().truncate(fd, length)

    def rename(self, source: Path, target: Path) -> None:
        """Rename, or fail."""
        self._gate("rename")
        super().rename(source, target)

    def unlink(self, path: Path) -> None:
        """Remove, or fail."""
        self._gate("unlink")
        super().unlink(path)

    def mkdir(self, path: Path) -> None:
        """Make, or fail."""
        self._gate("mkdir")
        super().mkdir(path)

    def fsync_dir(self, path: Path) -> None:
        """Succeed, or fail."""
        self._gate("fsync_dir")
        super().fsync_dir(path)

    def _gate(self, name: str, part: Callable[[], object] = lambda: None) -> None:
        if self._only is not None and name not in self._only:
            return
        self.log.append(name)
        due = len(self.log) == self._fail_at
        if due and self._partly:
            part()
        if due or (self._lasting and 0 < self._fail_at < len(self.log)):
            raise self._error()


class ShortDisk(QuickDisk):
    """Takes at most seven bytes with each call."""

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write a little."""
        return super().write(fd, data[:7])

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write a little."""
        return super().pwrite(fd, data[:7], offset)


def os_error(code: int) -> Callable[[], OSError]:
    """Makes the error of one errno."""
    return lambda: OSError(code, os.strerror(code))


no_space = os_error(errno.ENOSPC)
io_error = os_error(errno.EIO)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine to its end."""
    return asyncio.run(coroutine)


def draft(number: int, event: Event | None = None) -> Draft:
    """An event that can be told from the others by its number."""
    return Draft(
        at_ms=NOW_MS + number,
        event=event or ApiUnreachable(reason=f"number {number}"),
        source="WaitingForWindow",
        dest="WaitingForWindow",
    )


def numbers(records: Iterable[Record]) -> list[int]:
    """The numbers of `draft` back from records."""
    return [record.at_ms - NOW_MS for record in records]


def file_journal(directory: Path, disk: Disk | None = None, *, segment_bytes: int = 500) -> FileJournal:
    """A journal of tiny segments on a quick disk, deaf to warnings."""
    return FileJournal(directory, segment_bytes=segment_bytes, on_warning=lambda _line: None, disk=disk or QuickDisk())


def database_journal(url: str, *, name: str = "5abc", lease_s: float = 60.0) -> PostgresJournal:
    """A journal in a database, deaf to warnings."""
    return PostgresJournal(Address.parse(url), name, lease_s=lease_s, on_warning=lambda _line: None)


async def append_all(store: JournalStore, wanted: Iterable[int], *, witness_at: Sequence[int] = ()) -> None:
    """Append the drafts of these numbers."""
    for number in wanted:
        await store.append(draft(number), witness=number in witness_at)


def abandon(journal: FileJournal) -> None:
    """Close the files and free the lock as the end of a process does: nothing is witnessed."""
    journal._close()


def build(
    directory: Path, count: int, *, witness_at: Sequence[int] = (), segment_bytes: int = 500, padding: str = ""
) -> None:
    """A journal with the numbers 1 to ``count``, left without a clean stop; ``padding`` makes the records longer."""

    async def go() -> None:
        journal = file_journal(directory, segment_bytes=segment_bytes)
        await journal.take(reducer=1)
        for number in range(1, count + 1):
            event = ApiUnreachable(reason=f"number {number}{padding}")
            await journal.append(draft(number, event), witness=number in witness_at)
        abandon(journal)

    run(go())


def reopen(directory: Path) -> tuple[Lease, list[int]]:
    """Take the journal with a healthy disk and read it; nothing is left held."""

    async def go() -> tuple[Lease, list[int]]:
        journal = file_journal(directory)
        lease = await journal.take(reducer=1)
        found = numbers([record async for record in journal.read()])
        abandon(journal)
        return lease, found

    return run(go())


def segments(directory: Path) -> list[Path]:
    """The segment files in order."""
    return sorted(directory.glob("*.jsonl"))


def contents(directory: Path) -> dict[str, bytes]:
    """Every file but LOCK, whose content only names the last holder."""
    paths = [path for path in directory.rglob("*") if path.is_file() and path.name != "LOCK"]
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}
