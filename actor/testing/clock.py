"""Time that a test owns: a clock that stands still until it is moved, and a loop that moves it by itself.

Nothing here reads the host's clock, waits, or knows what an actor is. Time is kept in whole microseconds, so that the
same moves give the same readings on every machine.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any, Final, TypeVar, TypeVarTuple

import msgspec

__all__ = ["START_MS", "StalledError", "VirtualClock", "VirtualLoop", "run_virtual", "settle"]

# Where tests begin that do not care: 2026-11-22T14:32:05.123Z.
START_MS: Final = 1_795_357_925_123

_US: Final = 1_000_000
# So many turns of the loop bring every task of an actor to its next wait, where nobody can tell that all of them wait.
_TURNS: Final = 50

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


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


class _Call(msgspec.Struct):
    """A callback that waits for its turn, with what asyncio asks of one; every step makes one."""

    callback: Callable[..., object]
    arguments: tuple[Any, ...]
    variables: Context | None
    due_s: float = 0.0
    dead: bool = False

    def cancel(self) -> None:
        self.dead = True

    def cancelled(self) -> bool:
        return self.dead

    def when(self) -> float:
        """The loop's time at which it is due."""
        return self.due_s


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time is a `VirtualClock`'s. Each step runs one task up to its next await.

    It holds only what tasks, sleeps and timers need: no sockets or signals, and context variables for tasks alone. An
    error in a callback ends the run. Between two steps anybody may be interrupted.

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
        return self.clock.elapsed_s()

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Any:
        """In one of the next steps, after all that wait already."""
        call = _Call(callback, args, context)
        self._calls.append(call)
        return call

    call_soon_threadsafe = call_soon

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
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=self, name=None if name is None else str(name), context=context)

    def run_in_executor(self, executor: Any, func: Callable[[*Ts], Any], *args: *Ts) -> Any:  # noqa: ARG002
        """What another thread would do takes no time here, and comes at the same place in every run."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  (it belongs to the one who waits)
            future.set_exception(error)
        return future

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
        return self._runs

    def close(self) -> None:
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


def run_virtual(main: Coroutine[Any, Any, T], clock: VirtualClock) -> T:
    """``asyncio.run`` in which hours take no time: when all tasks wait, the clock moves to what is due next.

    Raises:
        StalledError: All tasks wait, and nothing is due.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)
