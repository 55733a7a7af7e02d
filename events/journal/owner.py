"""One process mines with a hotkey for an API on one machine, whatever the folder of its journal (ruling 22).

The lock is a file outside of all journals, in folders that are this user's alone and that every process of this user
finds, however it was started. One that is not found by all of them, as /tmp of a service with a private one, is no
reason to do without the others: the lock is taken in each. The file stays when the lock is released, and names the
journal that was mined on last, so that a start on another one is told of it, until the system empties these folders.

It covers one user on one machine: no other user, no other machine, and no container with folders of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import posixpath
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from events.journal.layout import holds_records
from events.journal.lock import DirectoryLock, read_named
from events.journal.store import JournalError, JournalLockedError

__all__ = ["OwnerLock", "other_journal", "owner_files", "same_api"]

_FOLDER: Final = "user-miner"
_SERVICE: Final = Path("/run") / _FOLDER  # what RuntimeDirectory= of the unit makes; /tmp may be private to it
_USUAL_PORTS: Final = frozenset({80, 443})
_KEPT: Final = 0o1600  # by the sticky bit whatever cleans up old files knows that it is in use (XDG Base Directory)


class OwnerLock:
    """The right to mine with one hotkey for one API.

    Args:
        hotkey: The ss58 address.
        api_url: The coordination API's base.
        on_warning: Gets one line where the lock can be taken nowhere, and one where the hotkey has another journal.
    """

    def __init__(self, hotkey: str, api_url: str, *, on_warning: Callable[[str], None]) -> None:
        self._hotkey = hotkey
        self._api_url = api_url
        self._on_warning = on_warning
        self._locks: list[DirectoryLock] = []

    def acquire(self, journal: Path) -> None:
        """Take the lock wherever it can be taken; ``journal`` is told to whoever is refused, and to the next one.

        Raises:
            JournalLockedError: Another process, or another miner of this one, has it; the message names it.
        """
        taken: list[DirectoryLock] = []
        reasons: list[str] = []
        other = other_journal(self._hotkey, self._api_url, journal)
        try:
            for folder in _folders():
                try:
                    taken.append(self._acquire(folder, journal))
                except JournalLockedError:
                    raise
                except (OSError, JournalError) as error:
                    reasons.append(str(error))
        except JournalLockedError:
            _release(taken, remove=True)  # they name a journal that was not mined on
            raise
        self._locks = taken
        if other is not None:
            self._on_warning(
                f"hotkey {self._hotkey} mined on {other} before, and now on {journal}: neither journal knows what the "
                "other one has paid for and sent; unless that is meant, stop, and set JOURNAL_DIR to its folder"
            )
        if not taken:
            self._on_warning(
                f"no lock of hotkey {self._hotkey} could be taken ({'; '.join(reasons)}): a second miner of it on this "
                "machine would not be noticed; set XDG_RUNTIME_DIR to a folder that this user owns and can write"
            )

    def release(self) -> None:
        """Let another process mine. Safe to call twice."""
        _release(self._locks, remove=False)
        self._locks = []

    def _acquire(self, folder: Path, journal: Path) -> DirectoryLock:
        with contextlib.suppress(FileExistsError):
            _check_above(folder.parent)
            folder.mkdir(mode=0o700)
        _check_own(folder)
        path = folder / _name(self._hotkey, self._api_url)
        lock = DirectoryLock(path, what=f"hotkey {self._hotkey} for the API {self._api_url}")
        lock.acquire(journal=journal)
        with contextlib.suppress(OSError):
            path.chmod(_KEPT)
        return lock


def _release(locks: list[DirectoryLock], *, remove: bool) -> None:
    for lock in locks:
        lock.release(remove=remove)


def owner_files(hotkey: str, api_url: str) -> Iterator[Path]:
    """Where a process of this user that mines with ``hotkey`` for the API holds a lock. Makes nothing."""
    for folder in _folders():
        try:
            _check_own(folder)
        except (OSError, JournalError):
            continue
        yield folder / _name(hotkey, api_url)


def other_journal(hotkey: str, api_url: str, journal: Path) -> Path | None:
    """The journal that this user last mined on with ``hotkey`` for the API, if it is there and another one."""
    found = [
        named for path in owner_files(hotkey, api_url) if (named := read_named(path)) is not None and named.journal
    ]
    if not found:
        return None
    last = Path(max(found, key=lambda named: named.since_ms).journal or "")
    with contextlib.suppress(OSError):
        if holds_records(last) and not (journal.exists() and last.samefile(journal)):
            return last
    return None


def same_api(api_url: str) -> str:
    """A text that is the same for two addresses of one API, as far as the addresses themselves can tell.

    Two that differ are not always two APIs: a name and its address, or two names, may lead to one server.
    """
    parts = urlsplit(api_url)
    host = _host((parts.hostname or "").rstrip("."))
    port = "" if parts.port is None or parts.port in _USUAL_PORTS else f":{parts.port}"
    return f"{host}{port}{posixpath.normpath('/' + unquote(parts.path).lstrip('/')).rstrip('/')}"


def _host(name: str) -> str:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return "localhost" if name.endswith(".localhost") else name
    return "localhost" if address.is_loopback or address.is_unspecified else str(address)


def _name(hotkey: str, api_url: str) -> str:
    return hashlib.sha256(f"{hotkey} {same_api(api_url)}".encode()).hexdigest()[:32] + ".lock"


def _folders() -> list[Path]:
    """Where the lock's file may stand."""
    user = os.geteuid()
    runtime = _named("XDG_RUNTIME_DIR")
    if runtime is None or not _is_mine(runtime):  # as after `sudo` or `su`
        runtime = Path(f"/run/user/{user}")
    shared = _named("TMPDIR") or Path("/tmp")  # noqa: S108  (what is in there is checked before it is used)
    service = [_SERVICE] if _SERVICE.exists() else []  # systemd makes it, nobody else
    return [runtime / _FOLDER, *service, shared / f"{_FOLDER}-{user}"]


def _named(variable: str) -> Path | None:
    """The folder that the environment names; the file system's root is root's, but nobody means it."""
    folder = Path(os.environ.get(variable) or "/")
    return folder if folder.is_absolute() and folder.resolve() != Path("/") else None


def _is_mine(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.geteuid()
    except OSError:
        return False


def _check_above(folder: Path) -> None:
    """Nobody but root and this user may put another folder in the place of the one made in here."""
    found = folder.stat()
    if found.st_uid not in {0, os.geteuid()} and not found.st_mode & stat.S_ISVTX:
        raise JournalError(f"{folder} belongs to another user")


def _check_own(folder: Path) -> None:
    """A folder that somebody else made, or a link to one, would let them lock this user out."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise JournalError(f"{folder} is no folder")
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise JournalError(f"{folder} belongs to another user, or others can write in it")
