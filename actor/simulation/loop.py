"""An event loop on simulated time that asks before every turn whether somebody is to die. It knows no actor."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from actor.testing.clock import StalledError, VirtualClock

__all__ = ["SimulatedLoop", "run_simulated"]

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Where a loop would wait for sockets and timers, this one moves the clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self.on_turn: Callable[[], bool] = lambda: False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # What a turn's interruption changes happens before time goes on.
        if not self.on_turn() and (timeout is None or timeout > 0) and not self._clock.move_on(timeout):
            raise StalledError("every task waits, and neither a sleep nor a timer is left that could wake one")
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Each turn runs what is ready, up to its next await; between two turns anybody may be interrupted."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self._turns = _Selector(clock)
        super().__init__(self._turns)

    def on_turn(self, ask: Callable[[], bool]) -> None:
        """Call this between turns from now on; it returns whether it interrupted something."""
        self._turns.on_turn = ask

    def time(self) -> float:
        """The clock's."""
        return self.clock.elapsed_s()


def run_simulated(main: Coroutine[Any, Any, T], loop: SimulatedLoop) -> T:
    """Run to the end, then close the loop."""
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
