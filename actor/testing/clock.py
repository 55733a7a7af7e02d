"""Time that a test owns: a clock that stands still until it is moved, and a loop that moves it by itself.

Nothing here reads the host's clock, waits, or knows what an actor is. Time is kept in whole microseconds, so that the
same moves give the same readings on every machine.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
from collections.abc import Coroutine
from itertools import count
from typing import Any, Final, TypeVar

__all__ = ["START_MS", "StalledError", "VirtualClock", "VirtualLoop", "run_virtual", "settle"]

# Where tests begin that do not care: 2026-11-22T14:32:05.123Z.
START_MS: Final = 1_795_357_925_123

_US: Final = 1_000_000
# So many turns of the loop bring every task of an actor to its next wait, where nobody can tell that all of them wait.
_TURNS: Final = 50

T = TypeVar("T")


class StalledError(RuntimeError):
    """Every task of a virtual loop waits for something that no passing of time brings."""


class VirtualClock:
    """``actor.ports.Clock`` that stands still until it is moved; sleepers wake in the order of their times.

    By hand, `advance` moves it, in any loop. Under `run_virtual` it moves by itself, whenever all tasks wait.

    Args:
        at_ms: The wall clock's first reading, unix milliseconds.
    """

    __slots__ = ("_now_us", "_number", "_sleepers", "_wall_us")

    def __init__(self, at_ms: int = START_MS) -> None:
        self._wall_us = at_ms * 1000
        self._now_us = 0
        self._number = count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        """The wall clock, unix milliseconds; `jump` makes it jump."""
        return (self._wall_us + self._now_us) // 1000

    def elapsed_s(self) -> float:
        """Seconds since the clock was made; never goes back."""
        return self._now_us / _US

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved so far; 0 and less only lets others run."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_us + round(seconds * _US), next(self._number), future))
        await future

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back; nobody's sleep grows longer or shorter by it."""
        self._wall_us += round(seconds * _US)

    def set_wall(self, at_ms: int) -> None:
        """Let the wall clock jump to this moment, unix milliseconds."""
        self._wall_us = at_ms * 1000 - self._now_us

    def next_wake_s(self) -> float | None:
        """`elapsed_s` at which the first sleeper wakes; None when nobody sleeps."""
        due_us = self._next_us()
        return None if due_us is None else due_us / _US

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and everything that it wakes run, one sleeper after the other."""
        until_us = self._now_us + round(seconds * _US)
        await settle()
        while (due_us := self._next_us()) is not None and due_us <= until_us:
            self._now_us = max(self._now_us, due_us)
            self._wake_first()
            await settle()
        self._now_us = until_us

    def move_on(self, timer_s: float | None = None) -> bool:
        """Move to the next moment at which something is due; False when nothing will ever be.

        Args:
            timer_s: Seconds until the loop's own first timer; None when it has none.
        """
        due_us = sleeper_us = self._next_us()
        if timer_s is not None:
            timer_us = self._now_us + math.ceil(timer_s * _US)
            due_us = timer_us if due_us is None else min(due_us, timer_us)
        if due_us is None:
            return False
        self._now_us = max(self._now_us, due_us)
        while sleeper_us is not None and sleeper_us <= self._now_us:
            self._wake_first()
            sleeper_us = self._next_us()
        return True

    def _next_us(self) -> int | None:
        while self._sleepers and self._sleepers[0][2].done():  # cancelled meanwhile
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _wake_first(self) -> None:
        heapq.heappop(self._sleepers)[2].set_result(None)


async def settle() -> None:
    """Let every task run until all of them wait."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class _Selector(selectors.DefaultSelector):
    """Where a loop would wait for sockets and timers, this one moves the clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if (timeout is None or timeout > 0) and not self._clock.move_on(timeout):
            raise StalledError("every task waits, and neither a sleep nor a timer is left that could wake one")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a `VirtualClock`'s: timers and sleepers take no time, and sockets never answer."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        """The clock's, so that ``asyncio.timeout`` and ``asyncio.wait`` keep to it."""
        return self._clock.elapsed_s()


def run_virtual(main: Coroutine[Any, Any, T], clock: VirtualClock) -> T:
    """``asyncio.run`` in which hours take no time: when all tasks wait, the clock moves to what is due next.

    Raises:
        StalledError: All tasks wait, and nothing is due.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)
