"""Where `run` would put its journal: whether it can be there, whether one is there, and whether it would last."""

from __future__ import annotations

import errno
import logging
import os
import re
import tempfile
from pathlib import Path
from typing import Final

from actor.settings.model import SettingsError
from events.journal.layout import holds_records

__all__ = ["check_begun", "check_place", "is_throwaway", "warn_of_place"]

# A volume that nobody named bears 64 hex digits for a name. The kernel tells of which folder each mount shows.
_MOUNTS: Final = Path("/proc/self/mountinfo")
_NAMELESS: Final = re.compile(r"/volumes/[0-9a-f]{64}/_data(/|$)")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")  # the kernel's way with spaces and the like in paths


def is_throwaway(folder: Path, *, mounts: Path = _MOUNTS) -> bool:
    """Whether the mount that holds ``folder``, or will hold it, is of a volume without a name."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    place = folder.resolve()
    # Fields 4 and 5 of proc_pid_mountinfo(5): the folder that is shown, and where.
    shown = {Path(_plain(at)): _plain(source) for _, _, _, source, at, *_ in map(str.split, lines)}
    nearest = next((part for part in (place, *place.parents) if part in shown), None)
    return nearest is not None and _NAMELESS.search(shown[nearest]) is not None


def _plain(path: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), path)


_log = logging.getLogger("actor")

# What a file system says that takes no directories at all. A full or broken disk is another matter, and no mistake.
_NO_PLACE: Final = frozenset({errno.ENOENT, errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS, errno.EOPNOTSUPP})


def check_place(journal: Path) -> None:
    """A journal that cannot be where the settings put it is their mistake, and no failure of a disk.

    Raises:
        SettingsError: The place is no folder, or not this user's to write in.
    """
    nearest = next(place for place in (journal, *journal.absolute().parents) if os.path.lexists(place))
    if not nearest.is_dir():
        raise SettingsError([f"JOURNAL_DIR: {nearest} is not a directory: name one where this user can write"])
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise SettingsError([f"JOURNAL_DIR: {nearest} is not writable: name a directory where this user can write"])
    if nearest == journal:
        return
    # Some places refuse it whatever their rights say, such as /proc; only trying tells. It leaves nothing behind.
    try:
        Path(tempfile.mkdtemp(prefix=".user-miner-", dir=nearest)).rmdir()
    except OSError as error:
        if error.errno in _NO_PLACE:
            line = f"JOURNAL_DIR: no directory can be made in {nearest} ({error.strerror})"
            raise SettingsError([f"{line}: name one where this user can write"]) from error


def check_begun(journal: Path, other: Path | None) -> None:
    """A second journal of a hotkey pays for everything twice; ``other`` is one that this machine knows of.

    Raises:
        SettingsError: No journal was begun there.
    """
    if holds_records(journal):
        return
    known = "" if other is None else f" (this hotkey mined on {other} before)"
    fix = f"set JOURNAL_DIR or --journal to the folder that holds {journal.name}"
    line = f"--require-journal: there is no journal in {journal.absolute()}{known}: {fix}"
    raise SettingsError([f"{line}, or start once without --require-journal to begin a new one there"])


def warn_of_place(journal: Path) -> None:
    """Say when the journal would go with the container that writes it."""
    if is_throwaway(journal):
        _log.warning(
            "the journal %s is on an unnamed volume that is deleted with the container: mount a named one, "
            "as docker run -v user-miner:/var/lib/user-miner does",
            journal.absolute(),
        )
