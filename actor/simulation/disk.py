"""The disk of the simulated host: at one operation of a process's life something goes wrong. It never decides when."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from actor.simulation.model_disk import ModelDisk, PowerLostError

__all__ = ["DISK_ENDS", "SimulatedDisk", "after_power_loss"]

# What may be wrong with an operation. The process dies of the first two; of the others it ends by itself.
DISK_ENDS: Final = frozenset({"power", "die", "disk_full", "io_error", "short_write"})
_ERRNO: Final = {"disk_full": errno.ENOSPC, "io_error": errno.EIO}


class SimulatedDisk(ModelDisk):
    """A model disk that serves one process after the other.

    Args:
        root: Holds the journal.
        on_death: Called when an operation kills the process.

    Attributes:
        dead: The process is gone; nothing it still asks for happens.
    """

    def __init__(self, root: Path, on_death: Callable[[], None]) -> None:
        super().__init__(root)
        self.dead = False
        self._on_death = on_death
        self._kind = ""
        self._at = 0

    def serve(self, kind: str = "", at: int = 0) -> None:
        """A process begins; its ``at``-th operation from here goes wrong in this way."""
        self.dead = False
        self.operations = 0
        self._kind, self._at = kind, at

    def _begin(self, operation: str) -> None:
        if self.dead:
            raise PowerLostError
        if self._kind == "io_error" and operation == "fdatasync" and self.operations + 1 == self._at:
            self._lying_sync = self.syncs + 1  # what was written stays visible, and is on no disk

    def _due(self) -> bool:
        return self.operations + 1 == self._at

    def _step(self) -> None:
        self.operations += 1
        if self.operations < self._at or not self._kind or self._kind == "short_write":
            return
        if self._kind in _ERRNO:
            lies = self._lying_sync > self.syncs  # the sync itself fails then
            if not lies and (self.operations == self._at or self._kind == "disk_full"):
                code = _ERRNO[self._kind]
                raise OSError(code, os.strerror(code))
        elif self.operations == self._at:
            self.dead = True
            self._on_death()
            raise PowerLostError


def after_power_loss(
    disk: SimulatedDisk, target: Path, rng: random.Random, on_death: Callable[[], None]
) -> SimulatedDisk:
    """The disk as a new boot finds it in the new directory ``target``: of what was not synced, any part is there."""
    disk.image(target, [rng.random() < 0.5 for _ in range(disk.choices())])  # noqa: PLR2004
    shutil.rmtree(disk.root)
    return SimulatedDisk(target, on_death)
