"""Names inside a journal's directory, and what every refusal tells the operator. Never opens a file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from events.journal.store import JournalDamagedError

__all__ = [
    "HEAD",
    "LOCK",
    "QUARANTINE",
    "SNAPSHOTS",
    "first_seq",
    "holds_records",
    "list_segments",
    "segment_name",
    "sorted_names",
    "way_out",
]

HEAD: Final = "HEAD"
LOCK: Final = "LOCK"
SNAPSHOTS: Final = "snapshots"
QUARANTINE: Final = "quarantine"
_SEGMENT: Final = re.compile(r"[0-9]{20}\.jsonl")


def segment_name(first: int) -> str:
    """The file that begins with record ``first``."""
    return f"{first:020d}.jsonl"


def first_seq(name: str) -> int:
    """The record that the segment ``name`` begins with."""
    return int(name.removesuffix(".jsonl"))


def list_segments(directory: Path) -> list[str]:
    """The segments' names in order.

    Raises:
        JournalDamagedError: A ``.jsonl`` file bears another kind of name: a copy or a merge of journals. Or it is no
            file: to open a pipe would wait for ever.
    """
    names, strange = sorted_names(directory)
    for name, why in strange.items():
        raise JournalDamagedError(f"{directory / name} {why}")
    return names


def holds_records(directory: Path) -> bool:
    """Whether a journal was begun there; an empty folder, or one with a lock only, is none."""
    try:
        with os.scandir(directory) as entries:
            return any(entry.name == HEAD or entry.name.endswith(".jsonl") for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False


def sorted_names(directory: Path) -> tuple[list[str], dict[str, str]]:
    """The segments' names in order; and of every other ``.jsonl`` its name, likewise, with what is wrong about it."""
    with os.scandir(directory) as entries:
        found = sorted((entry.name, entry.is_file()) for entry in entries if entry.name.endswith(".jsonl"))
    reasons = {name: _strange(name, is_file=is_file) for name, is_file in found}
    return [name for name, why in reasons.items() if why is None], {name: why for name, why in reasons.items() if why}


def _strange(name: str, *, is_file: bool) -> str | None:
    if not _SEGMENT.fullmatch(name) or first_seq(name) == 0:
        return (
            "is not a segment of this journal, whose files are named by their first record, "
            f"{segment_name(1)} and so on; move it out of the directory"
        )
    return None if is_file else "is no regular file; put one there, or move it out of the directory"


def way_out(directory: Path, *, done: str = "nothing was changed") -> str:
    """What an operator can do about a journal that is refused, behind what was ``done`` to it."""
    return (
        f"{done}; put the right files back from a backup, or look at `user-miner verify {directory}` and "
        f"let `user-miner repair {directory} --accept-loss` write a new journal that declares the gap"
    )
