"""What the tests of ``status`` share: journals written by hand, a look at one, and a terminal of its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actor.machine import REDUCER, encode_state
from audit.status.fields import status_fields
from audit.status.holder import Holder, find_holder
from audit.status.look import Look
from events.journal import Draft, FileJournal, Snapshot
from tests.kit import Drive
from tests.patience import GIVE_UP_S

__all__ = ["NOBODY", "Terminal", "keep", "looked", "snapshot_at", "terminal"]

NOBODY = Holder(holds="no")


async def _keep(directory: Path, drive: Drive, at: int | None, segment_bytes: int) -> None:
    journal = FileJournal(directory, on_warning=print, segment_bytes=segment_bytes)
    await journal.take(reducer=REDUCER)
    folded = Drive()
    for record in drive.records:
        event = record.event()
        await journal.append(Draft(at_ms=record.at_ms, event=event, source=record.source, dest=record.dest))
        folded.at_ms = record.at_ms
        folded.on(event)
        if record.seq == at:
            head = record.head
            await journal.save_snapshot(Snapshot(head=head, reducer=REDUCER, state=encode_state(folded.state)))
    await journal.release()


def keep(directory: Path, drive: Drive, *, segment_bytes: int = 1 << 20, snapshot_after: int | None = None) -> Path:
    """The drive's records as a real journal in small files, with a snapshot after one of them."""
    asyncio.run(_keep(directory, drive, snapshot_after, segment_bytes))
    return directory


def snapshot_at(directory: Path) -> int | None:
    """The record of the newest snapshot."""
    names = sorted(path.stem for path in directory.glob("snapshots/*.json"))
    return int(names[-1]) if names else None


def looked(directory: Path, now_ms: int, holder: Holder | None = None) -> dict[str, Any]:
    """The status of a journal at a moment."""
    look = Look(directory, now_ms)
    look.refresh()
    return status_fields(look, holder or find_holder(directory), now_ms)


@dataclass(slots=True)
class Terminal:
    """A process on a pseudo-terminal of its own, and all that it has written there.

    Attributes:
        pid: The process.
        fd: This end of its terminal.
        output: What it wrote so far.
    """

    pid: int
    fd: int
    output: bytes = b""
    _code: int | None = field(default=None)

    def resize(self, rows: int, columns: int) -> None:
        """Another size; the kernel tells the process (SIGWINCH)."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.fd, keys)

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        os.kill(self.pid, number)

    def read(self, *words: str, since: int = 0, timeout_s: float = GIVE_UP_S) -> bytes:
        """Wait until all words were written behind byte ``since``, and return what was."""
        deadline = time.monotonic() + timeout_s
        while not all(word.encode() in self.output[since:] for word in words):
            assert time.monotonic() < deadline, f"waited for {words}, saw {self.output[since:]!r}"
            if not self._more(0.1) and self._code is not None:
                raise AssertionError(f"ended before {words}: {self.output[since:]!r}")
        return self.output[since:]

    def end(self) -> int:
        """Wait for the process to end; its exit code."""
        deadline = time.monotonic() + GIVE_UP_S
        while self._code is None:
            assert time.monotonic() < deadline, f"still running: {self.output!r}"
            self._more(0.05)
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self._code = os.waitstatus_to_exitcode(status)
        while self._more(0.05):
            pass
        return self._code

    def close(self) -> None:
        """Leave nothing behind."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def _more(self, timeout_s: float) -> bool:
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return False
        try:
            more = os.read(self.fd, 1 << 16)
        except OSError:  # the other end is closed
            return False
        self.output += more
        return bool(more)


@contextmanager
def terminal(*words: str | Path, env: Mapping[str, str], rows: int = 40, columns: int = 100) -> Iterator[Terminal]:
    """``user-miner`` on a terminal."""
    command = [sys.executable, "-m", "user_miner.cli", *map(str, words)]
    pid, fd = pty.fork()
    if pid == 0:  # pragma: no cover  (the child becomes another program at once)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.execve(sys.executable, command, dict(env))  # noqa: S606
    found = Terminal(pid=pid, fd=fd)
    try:
        yield found
    finally:
        found.close()
