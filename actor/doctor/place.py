"""Where the journal is or will be, whether this user can write there, who holds it, and how much room is left.

Whether something can be written is asked of the system; nothing is written to try it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from actor.compose import journal_path
from actor.doctor.check import Check, failure, ok, warning
from actor.room import ROOM_FIX, ROOM_NEEDED_BYTES, ROOM_WARN_BYTES
from actor.throwaway import is_throwaway
from audit.statusing.holder import Holder
from events.journal import JournalError, at_text, locate
from events.journal.layout import HEAD, LOCK, QUARANTINE, SNAPSHOTS
from events.journal.owner import other_journal

__all__ = ["disk_check", "find_journal", "lock_check", "nearest_directory", "place_checks", "room"]

_WARN_FILES: Final = 100
_EFFECTIVE: Final = os.access in os.supports_effective_ids


def find_journal(root: Path, hotkey: str | None) -> Path | None:
    """The hotkey's journal, or without one the only journal in ``root``; None when there is none yet."""
    if hotkey is not None:
        path = journal_path(root, hotkey, dry_run=False)
        return path if os.path.lexists(path) else None
    try:
        return locate(root)
    except (JournalError, OSError):
        return None


def place_checks(root: Path, hotkey: str | None, api_url: str) -> list[Check]:
    """Whether the journal can be written where it is, or made where it will be; and whether it would last there."""
    journal = find_journal(root, hotkey)
    place = journal or root
    nearest = nearest_directory(place)
    if not nearest.is_dir():
        return [failure("journal", f"{nearest} is not a directory", "set JOURNAL_DIR to one where this user can write")]
    refused = [path for path in _written(nearest, journal) if not _writable(path)]
    if refused:
        more = f" nor {len(refused) - 1} more of its files" if len(refused) > 1 else ""
        fix = f"give user {os.geteuid()} the right to write there, or set JOURNAL_DIR to another directory"
        return [failure("journal", f"this user cannot write {refused[0]}{more}", fix)]
    if is_throwaway(place):
        said = f"{place.absolute()} lies on a volume without a name and goes with the container"
        return [warning("journal", said, "mount one that stays, as docker run -v user-miner:/var/lib/user-miner does")]
    if journal is not None:
        return [ok("journal", f"{journal.absolute()}, this user can write it")]
    other = None if hotkey is None else other_journal(hotkey, api_url, root / hotkey)
    if other is not None:
        said = f"none of {hotkey} in {root.absolute()}, but it mined on {other} before"
        return [warning("journal", said, f"set JOURNAL_DIR to {other.parent}, unless a new journal is meant")]
    return [ok("journal", f"none yet of {hotkey or 'the hotkey'} in {root.absolute()}: the first run makes it")]


def nearest_directory(place: Path) -> Path:
    """The place itself, or what there is of the way to it."""
    return next(part for part in (place.absolute(), *place.absolute().parents) if os.path.lexists(part))


def _written(nearest: Path, journal: Path | None) -> Iterator[Path]:
    """What a run writes to."""
    yield nearest
    if journal is None:
        return
    segments = sorted(journal.glob("*.jsonl"))[-1:]
    for path in (*segments, *(journal / name for name in (HEAD, LOCK, SNAPSHOTS, QUARANTINE))):
        if path.exists():
            yield path


def _writable(path: Path) -> bool:
    mode = os.W_OK | os.X_OK if path.is_dir() else os.W_OK | os.R_OK
    return os.access(path, mode, effective_ids=_EFFECTIVE)


def lock_check(journal: Path | None, holder: Holder) -> Check:
    """Which process holds the journal, if any does: either is fine; but none mines with its hotkey on another one."""
    other = holder.elsewhere
    if other is not None:
        said = f"process {other.pid} mines with this hotkey on {other.journal} since {at_text(other.since_ms)}"
        return warning(
            "lock", said, "keep one of the two journals: stop that process, or set JOURNAL_DIR to its folder"
        )
    if journal is None:
        return ok("lock", "no journal yet, so nobody holds it")
    if holder.holds == "no":
        return ok("lock", "held by nobody: no miner runs")
    who = "a process" if holder.pid is None else f"process {holder.pid}"
    where = f" on {holder.host}" if holder.host else ""
    since = f" since {at_text(holder.since_ms)}" if holder.since_ms is not None else ""
    if holder.holds == "yes":
        return ok("lock", f"held by {who}{where}{since}: a miner runs")
    return ok("lock", f"{who}{where} took it{since}; whether it runs cannot be told from here")


def room(place: Path) -> tuple[int, int | None]:
    """Bytes and files that this user may still add there; None where the file system does not count files."""
    found = os.statvfs(nearest_directory(place))
    return found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None


def disk_check(place: Path, free_bytes: int, free_files: int | None) -> Check:
    """The room at the journal's place."""
    left = f"{free_bytes / (1 << 20):,.0f} MiB are free for {place.absolute()}"
    if free_bytes < ROOM_NEEDED_BYTES:
        return failure("disk", f"{left}; no window is begun with less than {ROOM_NEEDED_BYTES >> 20}", ROOM_FIX)
    if free_files is not None and free_files < _WARN_FILES:
        return warning("disk", f"only {free_files} more files can be made on the disk of {place.absolute()}", ROOM_FIX)
    if free_bytes < ROOM_WARN_BYTES:
        return warning("disk", f"{left}; a window takes about 30 KiB, and up to 1 MiB", ROOM_FIX)
    return ok("disk", left)
