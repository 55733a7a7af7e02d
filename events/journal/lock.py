"""The lock that makes a journal's writer the only one. Held by the kernel for as long as the process lives.

The file's content only names the holder for people; whether the journal is held is never read from it.
"""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from events.journal.store import JournalError, JournalLockedError

__all__ = ["DirectoryLock"]

_ATTEMPTS: Final = 10


class DirectoryLock:
    """An exclusive ``flock`` on one file: it excludes other processes and other objects of this one alike."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def acquire(self) -> None:
        """Take the lock without waiting.

        Raises:
            JournalLockedError: Somebody holds it; the message names them.
            JournalError: The file cannot be made or locked.
        """
        for _ in range(_ATTEMPTS):
            fd = self._open()
            if self._is_current(fd):
                self._fd = fd
                self._sign()
                return
            os.close(fd)
        raise JournalError(f"{self._path} keeps being replaced while it is locked; stop what removes it")

    def release(self) -> None:
        """Let others have it. Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(
                f"cannot open {self._path}: {error.strerror}; the journal needs a directory that this user can write"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise JournalLockedError(
                f"journal {self._path.parent} is held by {self._holder()}; stop it first"
            ) from error
        except OSError as error:
            os.close(fd)
            raise JournalError(
                f"cannot lock {self._path}: {error.strerror}; keep the journal on a local filesystem"
            ) from error
        return fd

    def _is_current(self, fd: int) -> bool:
        """False when the file was removed between open and lock: then the lock would exclude nobody."""
        try:
            return os.path.samestat(os.fstat(fd), self._path.stat())
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        try:
            if not self._path.is_file():  # to read a pipe would wait for ever
                return "another process"
            content = json.loads(self._path.read_bytes())
            return f"process {content['pid']} on host {content['host']} since {content['started']}"
        except (OSError, ValueError, TypeError, KeyError):
            return "another process"

    def _sign(self) -> None:
        holder = {
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, json.dumps(holder).encode() + b"\n", 0)
        except OSError:
            return  # a full disk costs the next process the name of this one, not the lock
