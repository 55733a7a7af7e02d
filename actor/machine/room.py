"""Room on the journal's disk: how much a window needs, what too little means, and which records tell of it.

A window that could not be recorded to its end is not begun. Whether there is room now is asked of the disk; that there
was none stands in the journal, so that a window lost for it can be explained. Pure but for the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

from actor.machine.state import State
from events.catalogue import DiskFilled, DiskFreed

__all__ = ["ROOM_FIX", "ROOM_NEEDED_BYTES", "ROOM_WARN_BYTES", "DiskWatch", "shortage"]

# A window of five posts takes about 30 KiB, and never more than 1 MiB with every text at its bound.
ROOM_NEEDED_BYTES: Final = 4 << 20
ROOM_WARN_BYTES: Final = 64 << 20
ROOM_FIX: Final = "free space there, or move JOURNAL_DIR to a larger disk while no miner runs"
# With less even a record of 300 bytes might find none, and a failed write ends the miner.
_ROOM_TO_TELL_BYTES: Final = 64 << 10

_log = logging.getLogger("actor")


def shortage(room_bytes: int | None) -> str | None:
    """What so little room means, in one line; None while there is enough, or nobody can tell."""
    if room_bytes is None or room_bytes >= ROOM_NEEDED_BYTES:
        return None
    return (
        f"{room_bytes >> 10:,} KiB are left on the journal's disk, less than the {ROOM_NEEDED_BYTES >> 20} MiB "
        "that a window may need: none is begun"
    )


class DiskWatch:
    """Looks at the room again and again; what it says of it is to be recorded."""

    def __init__(self) -> None:
        self._is_low = False
        self._untold: DiskFilled | None = None

    def news(self, state: State, room_bytes: int | None) -> Iterator[DiskFilled | DiskFreed]:
        """What ``state`` does not know yet. A disk too full to take a record of it is told of once it takes one."""
        if room_bytes is None:
            return
        self._warn(room_bytes)
        if room_bytes >= ROOM_NEEDED_BYTES:
            if self._untold is not None:
                yield self._untold
            if self._untold is not None or state.disk_full_ms is not None:
                yield DiskFreed(free_bytes=room_bytes)
            self._untold = None
        elif state.disk_full_ms is None:
            filled = self._untold or DiskFilled(free_bytes=room_bytes, needed_bytes=ROOM_NEEDED_BYTES)
            if room_bytes >= _ROOM_TO_TELL_BYTES:
                self._untold = None
                yield filled
            elif self._untold is None:
                self._untold = filled
                _log.error("%s; there is not even room for a record of it; %s", shortage(room_bytes), ROOM_FIX)

    def _warn(self, room_bytes: int) -> None:
        """Once each time that it gets low; less than is needed is an alarm."""
        is_low = ROOM_NEEDED_BYTES <= room_bytes < ROOM_WARN_BYTES
        if is_low and not self._is_low:
            _log.warning("%d MiB left on the journal's disk, running low; %s", room_bytes >> 20, ROOM_FIX)
        self._is_low = is_low
