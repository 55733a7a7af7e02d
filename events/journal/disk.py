"""Everything the journal does to a disk, behind one small object, so that tests can put a failing disk in its place.

A method is one system call. Nothing here retries: Python itself repeats a call that a signal interrupted, and every
other failure is the caller's to report. Reading needs no stand-in and uses plain files.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from events.journal.store import JournalWriteError

__all__ = ["Disk", "make_directory", "pwrite_all", "replace_file", "write_all", "write_error"]

_FILE_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700
_UNFINISHED: Final = "unfinished.tmp"
_fdatasync: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)  # macOS has none

_ADVICE: Final = {
    errno.ENOSPC: "free space on that filesystem, then start again",
    errno.EDQUOT: "free space or raise the quota, then start again",
    errno.EFBIG: "raise the file size limit (ulimit -f), then start again",
    errno.EROFS: "mount that filesystem writable, then start again",
    errno.EACCES: "let this user write there, then start again",
    errno.EPERM: "let this user write there, then start again",
    errno.EIO: "check the disk's health before you start again",
}


class Disk:
    """The system calls that change something, and those that make a change durable.

    One directory at a time may be held: names in and below it are then looked up in the directory that was opened,
    whatever has taken its path since.
    """

    _held: tuple[Path, int] | None = None

    def hold(self, directory: Path, fd: int) -> None:
        """From here on ``directory`` is the one that ``fd`` is open on."""
        self._held = directory, fd

    def let_go(self) -> None:
        """Paths are paths again; the descriptor is its owner's."""
        self._held = None

    def _start(self, path: Path) -> tuple[Path, int | None]:
        """A path and the directory that it starts from, as system calls take them."""
        if self._held is None or not path.is_relative_to(self._held[0]):
            return path, None
        directory, fd = self._held
        return path.relative_to(directory), fd

    def open(self, path: Path, flags: int) -> int:
        """A file descriptor that no child process inherits; new files are for the owner only."""
        name, at = self._start(path)
        return os.open(name, flags | os.O_CLOEXEC, _FILE_MODE, dir_fd=at)

    def close(self, fd: int) -> None:
        os.close(fd)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write at the descriptor's place; returns how many bytes went, which may be fewer."""
        return os.write(fd, data)

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write at ``offset``; returns how many bytes went, which may be fewer."""
        return os.pwrite(fd, data, offset)

    def fdatasync(self, fd: int) -> None:
        """Make the file's bytes durable, and its length as far as reading them needs it."""
        _fdatasync(fd)

    def fsync(self, fd: int) -> None:
        """Make the file's bytes and all its attributes durable."""
        os.fsync(fd)

    def truncate(self, fd: int, length: int) -> None:
        os.ftruncate(fd, length)

    def rename(self, source: Path, target: Path) -> None:
        (source, source_at), (target, target_at) = self._start(source), self._start(target)
        os.replace(source, target, src_dir_fd=source_at, dst_dir_fd=target_at)

    def unlink(self, path: Path) -> None:
        name, at = self._start(path)
        os.unlink(name, dir_fd=at)

    def mkdir(self, path: Path) -> None:
        name, at = self._start(path)
        os.mkdir(name, _DIRECTORY_MODE, dir_fd=at)

    def fsync_dir(self, path: Path) -> None:
        """Make a directory's entries durable: names made, renamed and removed in it."""
        name, at = self._start(path)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=at)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def write_all(disk: Disk, fd: int, data: bytes) -> None:
    """Write every byte: one call may take only some of them."""
    written = 0
    while written < len(data):
        written += _progress(disk.write(fd, memoryview(data)[written:] if written else data))


def pwrite_all(disk: Disk, fd: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = _progress(disk.pwrite(fd, rest, offset))
        rest, offset = rest[written:], offset + written


def _progress(written: int) -> int:
    if written <= 0:
        raise OSError(errno.EIO, "the disk took no byte and gave no reason")
    return written


def replace_file(disk: Disk, path: Path, data: bytes) -> None:
    """Put a file with ``data`` at ``path``, durably; a crash leaves the old file or the new one, nothing between."""
    unfinished = path.with_name(_UNFINISHED)
    fd = disk.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(disk, fd, data)
        disk.fsync(fd)
    finally:
        disk.close(fd)
    disk.rename(unfinished, path)
    disk.fsync_dir(path.parent)


def make_directory(disk: Disk, path: Path) -> None:
    """Make ``path`` and what is missing above it, each entry durable before the next is made in it."""
    if path.is_dir():
        return
    make_directory(disk, path.parent)
    disk.mkdir(path)
    disk.fsync_dir(path.parent)


def write_error(doing: str, path: Path, error: OSError) -> JournalWriteError:
    """The one line an operator gets for a failed write: what, why, where, and what to do."""
    advice = _ADVICE.get(error.errno or 0, "find the cause, then start again")
    code = errno.errorcode.get(error.errno or 0, "no errno")
    return JournalWriteError(f"{doing} {path} failed: {error.strerror or error} ({code}); {advice}")
