"""Where `run` would put its journal: whether it can be there, whether one is there, and whether it would last."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from actor.settings import SettingsError
from actor.throwaway import is_throwaway
from events.journal.layout import holds_records

__all__ = ["check_begun", "check_place", "warn_of_place"]

_log = logging.getLogger("actor")


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
            "the journal %s lies on a volume without a name and goes with the container: mount one that stays, "
            "as docker run -v user-miner:/var/lib/user-miner does",
            journal.absolute(),
        )
