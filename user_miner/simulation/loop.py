"""An event loop on simulated time that can be interrupted before any step. It knows no actor.

It holds only what tasks, sleeps and timers need: no sockets, threads or signals, and context variables for tasks alone.
An error in a callback is an error of the simulation and ends it.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any, TypeVar, TypeVarTuple

import msgspec

from actor.testing.clock import StalledError, VirtualClock

__all__ = ["SimulatedLoop", "run_simulated"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Call(msgspec.Struct):
    """A callback that waits for its turn, with what asyncio asks of one; every step makes one."""

    callback: Callable[..., object]
    arguments: tuple[Any, ...]
    variables: Context | None
    due_s: float = 0.0
    dead: bool = False

    def cancel(self) -> None:
        """It will not be called."""
        self.dead = True

    def cancelled(self) -> bool:
        """Whether it will not be called."""
        return self.dead

    def when(self) -> float:
        """The loop's time at which it is due."""
        return self.due_s


class SimulatedLoop(asyncio.BaseEventLoop):
    """Each step runs one task up to its next await; between two steps anybody may be interrupted.

    Attributes:
        clock: Its time.
        turns_left: After so many turns, each a step or a move of the clock, it is interrupted; 0 for never.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._runs = False
        super().__init__()
        self.clock = clock
        self.turns_left = 0
        self._calls: deque[_Call] = deque()
        self._timers: list[tuple[float, int, _Call]] = []
        self._number = count()
        self._interrupt: Callable[[], None] = lambda: None

    def on_last_turn(self, interrupt: Callable[[], None]) -> None:
        """Call this when the last of `turns_left` is over."""
        self._interrupt = interrupt

    def time(self) -> float:
        """The clock's."""
        return self.clock.elapsed_s()

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Any:
        """In one of the next steps, after all that wait already."""
        call = _Call(callback, args, context)
        self._calls.append(call)
        return call

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Any:
        """After so many seconds."""
        return self._wait(_Call(callback, args, context, self.clock.elapsed_s() + delay))

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Any:
        """At this time of the loop; what is due at the same time comes in the order of these calls."""
        return self._wait(_Call(callback, args, context, when))

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        """A task of this loop."""
        return asyncio.Task(coro, loop=self, name=None if name is None else str(name), context=context)

    def run_until_complete(self, future: Any) -> Any:
        """Run a coroutine to its end.

        Raises:
            StalledError: All tasks wait, and nothing is due.
        """
        before = asyncio._get_running_loop()  # noqa: SLF001  (the documented way for loops)
        asyncio._set_running_loop(self)  # noqa: SLF001
        self._runs = True
        try:
            main = asyncio.ensure_future(future, loop=self)
            self._run_until(main)
            return main.result()
        finally:
            self._runs = False
            asyncio._set_running_loop(before)  # noqa: SLF001

    def is_running(self) -> bool:
        """Whether it runs."""
        return self._runs

    def close(self) -> None:
        """Forget everything."""
        super().close()
        self._calls.clear()
        self._timers.clear()

    get_debug = staticmethod(bool)  # never, and without a step of Python: every future asks

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """The dead leave exceptions behind that nobody reads."""

    def _wait(self, call: _Call) -> _Call:
        heapq.heappush(self._timers, (call.due_s, next(self._number), call))
        return call

    def _run_until(self, main: asyncio.Future[Any]) -> None:
        ready, is_done = self._calls, main.done
        while not is_done():
            if self.turns_left:
                self.turns_left -= 1
                if not self.turns_left:
                    self._interrupt()
                    continue  # what an interruption changes happens before time goes on
            if not ready:
                self._move_on()
                continue
            call = ready.popleft()
            if call.dead:
                continue
            if call.variables is None:
                call.callback(*call.arguments)
            else:
                call.variables.run(call.callback, *call.arguments)

    def _move_on(self) -> None:
        timers = self._timers
        while timers and timers[0][2].dead:
            heapq.heappop(timers)
        wait_s = timers[0][0] - self.clock.elapsed_s() if timers else None
        if (wait_s is None or wait_s > 0) and not self.clock.move_on(wait_s):
            raise StalledError("every task waits, and neither a sleep nor a timer is left that could wake one")
        now_s = self.clock.elapsed_s()
        while timers and timers[0][0] <= now_s:
            self._calls.append(heapq.heappop(timers)[2])


def run_simulated(main: Coroutine[Any, Any, T], loop: SimulatedLoop) -> T:
    """Run to the end, then close the loop."""
    try:
        result: T = loop.run_until_complete(main)
        return result
    finally:
        loop.close()
