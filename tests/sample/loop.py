"""An event loop for real HTTP on virtual time: the clock moves on only while nobody waits for an answer.

Unlike in ``actor.testing.clock.VirtualLoop``, sockets, threads and timers are real. It knows nothing of actors.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from actor.testing.clock import StalledError, VirtualClock

__all__ = ["WorldTime", "run_in"]

T = TypeVar("T")


class WorldTime:
    """A clock, and who must be waited for before it moves.

    Attributes:
        clock: What the actor and the story read.
        on_move: Called after each move, before anybody wakes: the world keeps in step here.
    """

    def __init__(self, at_ms: int) -> None:
        self.clock = VirtualClock(at_ms)
        self.on_move: Callable[[], None] = lambda: None
        self._busy = 0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Time stands still while something real is awaited in here."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def move(self) -> bool:
        """Move to the next moment at which something is due; False when it must not or cannot."""
        if self._busy or not self.clock.move_on():
            return False
        self.on_move()
        return True

    @property
    def is_held(self) -> bool:
        """Whether something real is awaited."""
        return self._busy > 0


class _Selector(selectors.DefaultSelector):
    """Where a loop would wait although nothing real is under way, time moves on instead."""

    def __init__(self, time: WorldTime) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            if self._time.move():
                return []
            if timeout is None and not self._time.is_held:
                raise StalledError("every task waits, and neither an answer nor a sleep is left that could wake one")
        return super().select(timeout)


def run_in(time: WorldTime, main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` on that time.

    Raises:
        StalledError: All tasks wait, and nothing is due.
    """
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Selector(time))) as runner:
        try:
            return runner.run(main)
        finally:
            with time.busy():  # the loop's own end waits for its threads
                runner.close()
