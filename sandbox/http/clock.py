"""The two clocks of a sandbox: blocks of the chain, and the wall time of X. They never sleep."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from sandbox.services.chain import BLOCK_S, Windows

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BlockClock", "PostClock"]


class BlockClock(Windows):
    """Block numbers from elapsed time, or moved by hand while frozen; safe to use from any thread."""

    def __init__(
        self,
        *,
        start_block: int,
        blocks_per_window: int,
        seconds_per_block: float | None,
        quota: int = 5,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(blocks_per_window=blocks_per_window, quota=quota)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seconds = seconds_per_block
        self._base = start_block
        self._since = monotonic()

    @property
    def block(self) -> int:
        """The current block."""
        with self._lock:
            return self._block()

    @property
    def seconds_per_block(self) -> float | None:
        """The speed; None while the clock is frozen."""
        with self._lock:
            return self._seconds

    @property
    def nominal_block_s(self) -> float:
        """The same; the usual one while the clock is frozen."""
        return self.seconds_per_block or BLOCK_S

    def jump(self, block: int) -> None:
        """Go to a block, forwards or backwards.

        Raises:
            ValueError: The block is negative.
        """
        if block < 0:
            raise ValueError(f"block is {block}; blocks start at 0")
        with self._lock:
            self._base, self._since = block, self._monotonic()

    def advance(self, blocks: int) -> None:
        """Go forward by a number of blocks."""
        with self._lock:
            self._base += blocks

    def speed(self, seconds_per_block: float | None) -> None:
        """Change the speed from here on; None freezes the clock at the current block.

        Raises:
            ValueError: The speed is not positive.
        """
        if seconds_per_block is not None and seconds_per_block <= 0:
            raise ValueError(f"seconds_per_block is {seconds_per_block}; expected a positive number, or null")
        with self._lock:
            self._base, self._since = self._block(), self._monotonic()
            self._seconds = seconds_per_block

    def _block(self) -> int:
        if self._seconds is None:
            return self._base
        return self._base + int((self._monotonic() - self._since) / self._seconds)


class PostClock:
    """Wall time as the X stand-in sees it: unix seconds; safe to use from any thread."""

    def __init__(self, *, wall: Callable[[], float], epoch: float | None, manual: bool) -> None:
        self._wall = wall
        self._manual = manual
        self._started = wall()
        self._lock = threading.Lock()
        self._moved_s = 0.0
        self.epoch = self._started if epoch is None else epoch

    def now(self) -> float:
        """Unix seconds; stands still in manual mode until advanced."""
        with self._lock:
            moved = self._moved_s
        return self.epoch + moved + (0.0 if self._manual else self._wall() - self._started)

    def advance(self, seconds: float) -> None:
        """Go forward; posts appear accordingly."""
        with self._lock:
            self._moved_s += seconds
