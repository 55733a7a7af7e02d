"""The lock that makes a process the only one, held by the kernel for as long as that process lives.

It is two locks on one file. ``flock`` excludes. Beside it stands a record lock of the open file, which the kernel
tells of to whoever asks: nobody has to take a lock, not even for a moment in which a start would be refused, to learn
that somebody holds it. The file's content only names the holder for people, and is never believed about that.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from events.journal.store import JournalError, JournalLockedError

__all__ = ["DirectoryLock", "Named", "is_locked", "read_named"]

_ATTEMPTS: Final = 10
_LONGEST: Final = 16_384
_RECORD_LOCK: Final = "hhqqi"  # the kernel's struct flock: type, whence, start, length, process
_ASK: Final[int | None] = getattr(fcntl, "F_OFD_GETLK", None)  # only Linux has them
_SHOW: Final[int | None] = getattr(fcntl, "F_OFD_SETLK", None)


class DirectoryLock:
    """An exclusive ``flock`` on one file: it excludes other processes and other objects of this one alike.

    Args:
        path: The file.
        what: What is held with it, for the refusal; None for the journal in the file's folder.
    """

    def __init__(self, path: Path, *, what: str | None = None) -> None:
        self._path = path
        self._what = what or f"journal {path.parent}"
        self._fd = -1

    def acquire(self, *, journal: Path | None = None) -> None:
        """Take the lock without waiting. ``journal`` is named in the file.

        Raises:
            JournalLockedError: Somebody holds it; the message names them.
            JournalError: The file cannot be made or locked.
        """
        for _ in range(_ATTEMPTS):
            fd = self._open()
            if self._is_current(fd):
                self._fd = fd
                self._sign(journal)
                return
            os.close(fd)
        raise JournalError(f"{self._path} keeps being replaced while it is locked; stop what removes it")

    def release(self, *, remove: bool = False) -> None:
        """Let others have it, and with ``remove`` leave no file. Safe to call twice."""
        if self._fd >= 0:
            if remove:
                with contextlib.suppress(OSError):
                    self._path.unlink()
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
            raise JournalLockedError(f"{self._what} is held by {self._holder()}; stop it first") from error
        except OSError as error:
            os.close(fd)
            raise JournalError(
                f"cannot lock {self._path}: {error.strerror}; keep the journal on a local filesystem"
            ) from error
        _show(fd)
        return fd

    def _is_current(self, fd: int) -> bool:
        """False when the file was removed between open and lock: then the lock would exclude nobody."""
        try:
            return os.path.samestat(os.fstat(fd), self._path.stat())
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        named = read_named(self._path)
        if named is None:
            return "another process"
        journal = f", journal {named.journal}" if named.journal else ""
        return f"process {named.pid} on host {named.host} since {named.started}{journal}"

    def _sign(self, journal: Path | None) -> None:
        holder = {
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if journal is not None:
            holder["journal"] = str(journal)
        with contextlib.suppress(OSError):  # a full disk costs the next process the name of this one, not the lock
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, json.dumps(holder).encode() + b"\n", 0)


def _show(fd: int) -> None:
    """Let the kernel tell whoever asks that the file is locked; where it cannot, it cannot be asked either."""
    if _SHOW is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, _SHOW, struct.pack(_RECORD_LOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))


def is_locked(path: Path) -> bool | None:
    """Whether any process of this host, in whatever container, holds the lock; None where nobody can tell.

    Nothing is locked or written to find out.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # to open a pipe could wait for ever
    except FileNotFoundError:
        return False  # whoever takes it makes that file
    except OSError:
        return None
    try:
        if _ASK is None or not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        found = fcntl.fcntl(fd, _ASK, struct.pack(_RECORD_LOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
    except OSError:
        return None
    finally:
        os.close(fd)
    return bool(struct.unpack(_RECORD_LOCK, found)[0] != fcntl.F_UNLCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Who took a lock last, as its file tells.

    Attributes:
        pid: The process, by the number that it has where it runs.
        host: Its host's name.
        started: When it took the lock, in ISO 8601.
        journal: On what it works, where that is not the file's folder.
    """

    pid: int
    host: str
    started: str
    journal: str | None = None

    @property
    def since_ms(self) -> int:
        """``started`` as unix milliseconds."""
        return round(datetime.fromisoformat(self.started).timestamp() * 1000)


def read_named(path: Path) -> Named | None:
    """What the file says; None where it names nobody. It is never believed about whether the lock is held."""
    try:
        if not path.is_file():  # to read a pipe would wait for ever
            return None
        with path.open("rb") as file:
            content: dict[str, Any] = json.loads(file.read(_LONGEST))
        journal = content.get("journal")
        named = Named(pid=content["pid"], host=content["host"], started=content["started"], journal=journal)
        known = named.since_ms >= 0 and type(named.pid) is int and named.pid > 0 and type(named.host) is str
    except (OSError, ValueError, TypeError, KeyError, OverflowError, AttributeError, RecursionError):
        return None
    return named if known and isinstance(journal, str | None) else None
