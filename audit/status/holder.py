"""Which process holds a journal, and which one mines with its hotkey elsewhere. Never takes a lock, never writes.

The kernel is asked about the lock itself, so a holder in another container of this host is seen as well. The lock's
file says who holds it, and is never believed about whether anybody does.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import orjson

from actor.machine import State
from events.journal.layout import LEASE, LOCK
from events.journal.lock import is_locked, read_named
from events.journal.owner import owner_files

__all__ = ["Elsewhere", "Holder", "find_holder", "find_process", "process_of"]

_HOLDS: Final[dict[bool | None, Literal["yes", "no", "unknown"]]] = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A process that mines with a hotkey on another journal.

    Attributes:
        pid: Its process id, as the container or host that it runs in counts.
        host: Where it runs.
        since_ms: Since when, unix milliseconds.
        journal: The other journal.
    """

    pid: int
    host: str
    since_ms: int
    journal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds a journal, or held it last.

    Attributes:
        holds: "yes" or "no"; "unknown" where this host cannot tell.
        pid: Its process id, as the container or host that it runs in counts; None where nobody is known.
        host: Where it runs, as LOCK tells; None where it does not.
        since_ms: When it took the journal, unix milliseconds, as LOCK tells; None where it does not.
        lives: Whether it runs: it holds the lock, or this host has a process of that id; None where neither is known.
        elsewhere: Who mines with the same hotkey on another journal; None where nobody is seen.
    """

    holds: Literal["yes", "no", "unknown"]
    pid: int | None = None
    host: str | None = None
    since_ms: int | None = None
    lives: bool | None = None
    elsewhere: Elsewhere | None = None


def process_of(journal: Path, state: State) -> Holder:
    """Who holds the journal of this state, and who mines with its hotkey elsewhere; a dry run owns no hotkey."""
    identity = state.identity
    hotkey = None if identity is None or identity.dry_run else identity.hotkey
    return find_process(journal, hotkey=hotkey, api_url=state.api_url)


def find_process(journal: Path | None, *, hotkey: str | None, api_url: str | None) -> Holder:
    """Who holds the journal, and who mines with this hotkey for the API elsewhere."""
    holder = Holder(holds="no") if journal is None else find_holder(journal)
    if hotkey is None or api_url is None or (journal is not None and (journal / LEASE).exists()):
        return holder
    elsewhere = _find_elsewhere(hotkey, api_url, journal)
    if elsewhere is not None and holder.holds == "yes" and elsewhere.pid == holder.pid:
        return holder  # the folder was moved since it was taken
    return replace(holder, elsewhere=elsewhere)


def find_holder(directory: Path) -> Holder:
    """Who holds the journal in ``directory``."""
    if (leased := _leased(directory / LEASE)) is not None:
        return leased
    path = directory / LOCK
    locked, named = is_locked(path), read_named(path)
    if named is None:
        return Holder(holds=_HOLDS[locked], lives=True if locked else None)
    here = named.host == os.uname().nodename
    if locked is False and not here:  # it may run on another host, whose locks this kernel does not know
        locked = None
    lives = True if locked else _lives(named.pid) if here else None
    return Holder(holds=_HOLDS[locked], pid=named.pid, host=named.host, since_ms=named.since_ms, lives=lives)


def _leased(path: Path) -> Holder | None:
    """Who holds the lease, by a copy of a journal that lives in a database; None where it does not."""
    try:
        told = orjson.loads(path.read_bytes())
        host, _, pid = str(told["holder"] or "").rpartition(":")
        holds = told["until_ms"] is not None and told["until_ms"] > time.time() * 1000
        return Holder(
            holds="yes" if holds else "no", pid=int(pid) if pid else None, host=host or None, lives=holds or None
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(holds="unknown")


def _find_elsewhere(hotkey: str, api_url: str, journal: Path | None) -> Elsewhere | None:
    """The process of this user that mines with ``hotkey`` for the API on another journal; None where none is seen."""
    for path in owner_files(hotkey, api_url):
        named = read_named(path) if is_locked(path) else None
        if named is None or named.journal is None or (journal is not None and _is_same(Path(named.journal), journal)):
            continue
        return Elsewhere(pid=named.pid, host=named.host, since_ms=named.since_ms, journal=named.journal)
    return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other.absolute()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether it has ended and only waits for whoever started it to take note."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[:1] == [b"Z"]  # the name in parentheses may hold anything
