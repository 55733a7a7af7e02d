"""Names in a journal's directory, the directory while a writer holds it, and what every refusal tells the operator."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from events.journal.store import ConflictError, JournalDamagedError

__all__ = [
    "HEAD",
    "LEASE",
    "LOCK",
    "QUARANTINE",
    "SNAPSHOTS",
    "Folder",
    "first_seq",
    "holds_records",
    "list_segments",
    "segment_name",
    "sorted_names",
    "way_out",
]

HEAD: Final = "HEAD"
LOCK: Final = "LOCK"
LEASE: Final = "lease.json"  # only in a copy of a journal that lives in a database: who holds it there
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


class Folder:
    """A directory that stays the same one, wherever it is moved; it is compared with what its path leads to.

    Somebody may move, replace or remove it or a file in it, or mount another one over it, while the writer has them
    open. What is written then goes where no next start looks, or into a journal of somebody else's.

    Attributes:
        path: Where it was opened.
        fd: What it is open as.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = os.fspath(path)
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._opened = os.fstat(self.fd)

    def check(self) -> None:
        """Look whether the path still leads here.

        Raises:
            ConflictError: It does not.
            OSError: It cannot be looked at.
        """
        try:
            found: os.stat_result | None = os.stat(self._name)  # noqa: PTH116  (each append asks; Path takes thrice as long)
        except (FileNotFoundError, NotADirectoryError):
            found = None
        if found is None or not os.path.samestat(found, self._opened):
            what = "nothing" if found is None else "something else"
            raise ConflictError(
                f"the journal {self.path} was moved, replaced or removed while this process wrote it, {what} is there "
                "now: nothing more is written; put the right folder back there while no miner runs, then start again"
            )

    def check_file(self, name: str, opened: os.stat_result) -> os.stat_result:
        """What the file is now that was ``opened`` in here.

        Raises:
            ConflictError: Another one bears its name, or none does.
            OSError: It cannot be looked at.
        """
        try:
            found: os.stat_result | None = os.stat(name, dir_fd=self.fd)
        except FileNotFoundError:
            found = None
        if found is None or not os.path.samestat(found, opened):
            what = "removed" if found is None else "replaced"
            raise ConflictError(
                f"{self.path / name} was {what} while this process had it open: another process changed it; stop that "
                f"one, then look at `user-miner verify {self.path}`"
            )
        return found

    def close(self) -> None:
        os.close(self.fd)
