"""One writer: across processes, within one process, and never longer than the process lives."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.journal import JournalError, JournalLockedError
from events.journal.lock import DirectoryLock
from tests.journal.kit import file_journal, run

HOLDER = """
import sys, time
from pathlib import Path
from events.journal.lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(3600)
"""


@contextlib.contextmanager
def _holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    """The message says whom to stop; SIGKILL leaves no lock behind."""
    lock = DirectoryLock(tmp_path / "LOCK")
    with _holder(tmp_path / "LOCK") as process:
        with pytest.raises(JournalLockedError, match=f"held by process {process.pid} on host .*; stop it first"):
            lock.acquire()
        process.send_signal(signal.SIGKILL)
        process.wait()
        lock.acquire()
        assert json.loads((tmp_path / "LOCK").read_bytes())["pid"] == os.getpid()
        lock.release()


def test_a_journal_excludes_another_one_in_the_same_process(tmp_path: Path) -> None:
    """Two objects, one directory: the second is refused, and gets it after the first."""

    async def go() -> None:
        first, second = file_journal(tmp_path / "j"), file_journal(tmp_path / "j")
        await first.take(reducer=1)
        with pytest.raises(JournalLockedError, match=f"process {os.getpid()} on host"):
            await second.take(reducer=1)
        with pytest.raises(JournalLockedError):
            await first.take(reducer=1)
        await first.release()
        await second.take(reducer=1)
        await second.release()

    run(go())


def test_no_child_keeps_the_lock(tmp_path: Path) -> None:
    """A program started while the lock is held does not hold it on."""
    lock = DirectoryLock(tmp_path / "LOCK")
    lock.acquire()
    with subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        lock.release()
        again = DirectoryLock(tmp_path / "LOCK")
        again.acquire()
        again.release()
        child.kill()


def test_a_pipe_in_the_place_of_the_lock_keeps_nobody_waiting(tmp_path: Path) -> None:
    """It can be locked like a file, but it names no holder."""
    os.mkfifo(tmp_path / "LOCK")
    lock = DirectoryLock(tmp_path / "LOCK")
    lock.acquire()
    with pytest.raises(JournalLockedError, match="held by another process"):
        DirectoryLock(tmp_path / "LOCK").acquire()
    lock.release()


def test_release_twice_is_harmless(tmp_path: Path) -> None:
    """As the store's release is."""
    lock = DirectoryLock(tmp_path / "LOCK")
    lock.acquire()
    lock.release()
    lock.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}'])
def test_an_unreadable_holder_is_still_a_holder(tmp_path: Path, content: bytes) -> None:
    """The file's content is for people; the kernel decides."""
    lock = DirectoryLock(tmp_path / "LOCK")
    lock.acquire()
    (tmp_path / "LOCK").write_bytes(content)
    with pytest.raises(JournalLockedError, match="held by another process; stop it first"):
        DirectoryLock(tmp_path / "LOCK").acquire()
    lock.release()


def test_a_lock_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A directory in its place, a missing directory."""
    (tmp_path / "LOCK").mkdir()
    with pytest.raises(JournalError, match="needs a directory that this user can write"):
        DirectoryLock(tmp_path / "LOCK").acquire()
    with pytest.raises(JournalError, match="cannot open"):
        DirectoryLock(tmp_path / "missing" / "LOCK").acquire()
