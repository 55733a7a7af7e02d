"""The directory that a journal's writer locked: held open, and compared with what its path leads to. Writes nothing.

Somebody may move, replace or remove the directory or a file in it, or mount another one over it, while the writer has
them open. What is written then goes where no next start looks, or into a journal of somebody else's.
"""

from __future__ import annotations

import os
from pathlib import Path

from events.journal.store import ConflictError

__all__ = ["Folder"]


class Folder:
    """A directory that stays the same one, wherever it is moved.

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
