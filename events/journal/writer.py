"""The writing end of the file log: appends, rotates, witnesses. After any error it must not be used again."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from events.journal.disk import Disk, write_all, write_error
from events.journal.head import HeadFile, Place
from events.journal.layout import HEAD, Folder, segment_name
from events.journal.record import Head, Record
from events.journal.store import ConflictError

__all__ = ["Writer", "create_segment"]


def create_segment(disk: Disk, directory: Path, name: str) -> int:
    """Make an empty segment, durably, and open it for appending."""
    fd = disk.open(directory / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)
    try:
        disk.fsync(fd)
        disk.fsync_dir(directory)
    except BaseException:
        disk.close(fd)
        raise
    return fd


class Writer:
    """Appends behind ``place``; ``last`` is the last durable record.

    Args:
        disk: Where the system calls go.
        folder: The journal, which the disk holds.
        place: Where the next record belongs, as recovery established it.
        ended: Where the last one ended, as recovery established it: the same, or the end of the file before.
        generation: Of the newest readable slot in HEAD.
        segment_bytes: A segment is not written beyond this size, unless one record alone is larger.
    """

    def __init__(
        self, disk: Disk, folder: Folder, *, place: Place, ended: Place, generation: int, segment_bytes: int
    ) -> None:
        self.last: Head | Record = place.head
        self._segment = place.segment
        self._offset = place.offset
        self._left = ended
        self._disk = disk
        self._folder = folder
        self._segment_bytes = segment_bytes
        with contextlib.ExitStack() as undo:
            self._head = HeadFile(disk, folder.path, generation)
            undo.callback(self._head.close)
            self._path = folder.path / place.segment
            self._fd = disk.open(self._path, os.O_WRONLY | os.O_APPEND)
            self._opened = os.fstat(self._fd)
            undo.pop_all()

    @property
    def ended(self) -> Place:
        """Where the last durable record ended, in this file or the one before."""
        if not self._offset:
            return self._left
        return Place(head=Head(seq=self.last.seq, hash=self.last.hash), segment=self._segment, offset=self._offset)

    def append(self, line: bytes, record: Record) -> None:
        """Write ``line``, which is ``record``; durable when this returns.

        Raises:
            JournalWriteError: The disk refused.
            ConflictError: Somebody else wrote here, or moved, replaced or removed what the next start would read.
        """
        try:
            self.check()
            if self._offset and self._offset + len(line) > self._segment_bytes:
                self._rotate()
            write_all(self._disk, self._fd, line)
            self._disk.fdatasync(self._fd)
        except OSError as error:
            raise write_error(f"writing record {record.seq} to", self._path, error) from error
        self._offset += len(line)
        self.last = record

    def witness(self) -> None:
        """Let HEAD testify to the chain's end, durably."""
        try:
            self._head.check(self._folder)
            self._head.write(self.ended)
        except OSError as error:
            raise write_error("writing", self._folder.path / HEAD, error) from error

    def check(self) -> None:
        """Look whether everything is still as this writer left it, where the next start will read it.

        Raises:
            ConflictError: It is not.
            OSError: It cannot be looked at.
        """
        self._folder.check()
        size = self._folder.check_file(self._segment, self._opened).st_size
        if size != self._offset:
            raise ConflictError(
                f"{self._path} ended at byte {self._offset} after this process's last record, now it has {size} bytes: "
                f"another process changed it; stop that one, then look at `user-miner verify {self._folder.path}`"
            )
        self._head.check(self._folder)

    def close(self) -> None:
        self._disk.close(self._fd)
        self._head.close()

    def _rotate(self) -> None:
        name = segment_name(self.last.seq + 1)
        path = self._folder.path / name
        try:
            fd = create_segment(self._disk, self._folder.path, name)
            self._disk.close(self._fd)
        except FileExistsError as error:
            raise ConflictError(f"{path} exists already: another process wrote it") from error
        except OSError as error:
            raise write_error("making the segment", path, error) from error
        self._left = self.ended
        self._fd, self._path, self._segment, self._offset = fd, path, name, 0
        self._opened = os.fstat(fd)
