"""Which process holds a journal, told by the kernel's list of locks. Never takes the lock, not even for a moment.

A lock that is tried could make a miner that starts just then believe that the journal is held. So LOCK is only read:
its content names a holder for people, and the kernel says whether that one, or any, holds it now.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final, Literal

import orjson

from events.journal.layout import LOCK

__all__ = ["LOCKS", "Holder", "find_holder"]

LOCKS: Final = Path("/proc/locks")
_LONGEST: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds a journal, or held it last.

    Attributes:
        holds: "yes" or "no"; "unknown" where this host cannot tell.
        pid: Its number; None where nobody is known.
        host: Where it runs, as LOCK tells; None where it does not.
        since_ms: When it took the journal, unix milliseconds, as LOCK tells; None where it does not.
        lives: Whether a process of this number runs here; None where that says nothing.
    """

    holds: Literal["yes", "no", "unknown"]
    pid: int | None = None
    host: str | None = None
    since_ms: int | None = None
    lives: bool | None = None


def find_holder(directory: Path, locks: Path = LOCKS) -> Holder:
    """Who holds the journal in ``directory``, as ``locks`` (the kernel's list) tells."""
    path = directory / LOCK
    try:
        stat = path.stat()
    except OSError:
        return Holder(holds="no")  # whoever takes a journal makes that file
    if not S_ISREG(stat.st_mode):
        return Holder(holds="unknown")  # to open a pipe would wait for ever
    named = _named(path)
    here = named.host in {None, os.uname().nodename}
    lives = _lives(named.pid) if named.pid is not None and here else None
    listed = _listed(locks)
    if listed is None:
        return Holder(holds="unknown", pid=named.pid, host=named.host, since_ms=named.since_ms, lives=lives)
    holding = _holding(listed, stat, named.pid)
    if holding is not None:
        return Holder(holds="yes", pid=holding, host=named.host, since_ms=named.since_ms, lives=True)
    if not here:  # in a container of its own, whose locks only its own host lists
        return Holder(holds="unknown", pid=named.pid, host=named.host, since_ms=named.since_ms)
    return Holder(holds="no", pid=named.pid, host=named.host, since_ms=named.since_ms, lives=lives)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    pid: int | None = None
    host: str | None = None
    since_ms: int | None = None


def _named(path: Path) -> _Named:
    """What LOCK says. It is never believed about whether the lock is held."""
    try:
        with path.open("rb") as file:
            content: dict[str, Any] = orjson.loads(file.read(_LONGEST))
        pid, host, started = content["pid"], content["host"], content["started"]
        since_ms = round(datetime.fromisoformat(started).timestamp() * 1000)
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return _Named()
    if type(pid) is not int or pid < 1 or type(host) is not str:
        return _Named()
    return _Named(pid=pid, host=host, since_ms=since_ms)


def _listed(locks: Path) -> list[tuple[int, str, int]] | None:
    """Each whole-file lock of this host: process, device as ``major:minor`` in hex, inode. None without such a list."""
    try:
        lines = locks.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return None
    found = []
    for line in lines:  # "1: FLOCK  ADVISORY  WRITE 4711 fe:00:2195639 0 EOF"
        match line.split():
            case [_, "FLOCK", _, "WRITE", pid, place, *_] if pid.isdigit() and place.count(":") == 2:  # noqa: PLR2004
                device, _, inode = place.rpartition(":")
                found.append((int(pid), device, int(inode)))
    return found


def _holding(listed: list[tuple[int, str, int]], stat: os.stat_result, named: int | None) -> int | None:
    """The process whose lock is on this very file.

    Some file systems show files another device number than the kernel's list does: there the name in LOCK decides.
    """
    device = f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}"
    same = [(pid, place) for pid, place, inode in listed if inode == stat.st_ino]
    return next((pid for pid, place in same if place == device or pid == named), None)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
