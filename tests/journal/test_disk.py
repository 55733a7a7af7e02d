"""The disk's helpers: whole writes, atomic replacement, and one clear line for every failure."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from events.journal.disk import Disk, make_directory, pwrite_all, replace_file, write_all, write_error
from tests.journal.kit import CrashError, FaultyDisk, QuickDisk, ShortDisk, os_error


class _StuckDisk(QuickDisk):
    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Take nothing."""
        del fd, data
        return 0


def test_short_writes_are_continued(tmp_path: Path) -> None:
    """A call that took seven bytes is followed by one for the rest."""
    fd = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
    write_all(ShortDisk(), fd, bytes(range(50)))
    pwrite_all(ShortDisk(), fd, b"-" * 20, 10)
    os.close(fd)
    assert (tmp_path / "x").read_bytes() == bytes(range(10)) + b"-" * 20 + bytes(range(30, 50))


def test_a_disk_that_takes_nothing_is_an_error(tmp_path: Path) -> None:
    """Not an endless loop."""
    fd = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
    with pytest.raises(OSError, match="took no byte"):
        write_all(_StuckDisk(), fd, b"x")
    os.close(fd)


def test_replacement_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    """Cut off at every operation: a reader never sees a mixture."""
    path = tmp_path / "x"
    for fail_at in range(1, 20):
        path.write_bytes(b"old")
        disk = FaultyDisk(fail_at, partly=True)
        try:
            replace_file(disk, path, b"new and longer")
        except CrashError:
            assert path.read_bytes() in {b"old", b"new and longer"}
        else:
            assert path.read_bytes() == b"new and longer"
            assert disk.log == ["open", "write", "fsync", "rename", "fsync_dir"]
            return
    pytest.fail("the replacement never came to its end")


def test_files_are_for_the_owner_and_for_no_child(tmp_path: Path) -> None:
    """0600 files, 0700 directories, closed on exec."""
    disk = Disk()
    make_directory(disk, tmp_path / "a" / "b")
    fd = disk.open(tmp_path / "a" / "b" / "x", os.O_RDWR | os.O_CREAT)
    assert not os.get_inheritable(fd)
    assert stat.S_IMODE(os.fstat(fd).st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    disk.fdatasync(fd)
    disk.close(fd)


def test_each_new_directory_is_durable_before_the_next(tmp_path: Path) -> None:
    """Its entry is synced in the directory above it."""
    disk = FaultyDisk()
    make_directory(disk, tmp_path / "a" / "b")
    assert disk.log == ["mkdir", "fsync_dir", "mkdir", "fsync_dir"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "(ENOSPC); free space"),
        (errno.EIO, "(EIO); check the disk"),
        (errno.EROFS, "(EROFS); mount"),
        (errno.EBADF, "(EBADF); find the cause"),
    ],
)
def test_a_failure_says_what_why_where_and_what_to_do(code: int, words: str) -> None:
    """One line."""
    text = str(write_error("writing", Path("/j/x"), os_error(code)()))
    assert text.startswith("writing /j/x failed: ")
    assert words in text
    assert "\n" not in text
