"""A disk on which a process can die: every byte that was written stays, and nothing is written after that."""

from __future__ import annotations

import os
from pathlib import Path

from events.journal import Disk

__all__ = ["Killed", "MortalDisk"]


class Killed(BaseException):
    """The end of a process by SIGKILL: not an error that anybody could handle."""


class MortalDisk(Disk):
    """Works until it is told to die.

    Attributes:
        dies_next: The next write is the process's last deed.
        torn: Half of that write still reaches the file.
    """

    def __init__(self) -> None:
        self.dies_next = False
        self.torn = False

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write, or die in the middle of it."""
        if self.dies_next and self.torn:
            os.write(fd, bytes(data)[: len(data) // 2])
        self._live()
        return super().write(fd, data)

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write, or die before it."""
        self._live()
        return super().pwrite(fd, data, offset)

    def rename(self, source: Path, target: Path) -> None:
        """Rename, or die before it."""
        self._live()
        super().rename(source, target)

    def _live(self) -> None:
        if self.dies_next:
            raise Killed
