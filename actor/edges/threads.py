"""Blocking calls in daemon threads, each in one of its own, and the event loop that such threads never hold back.

A loop that ends waits for its executor's threads: so would ``stop()``, for longer than its 5 seconds (ruling 14), for a
socket or a resolver of host names that hangs. An abandoned thread goes on until its call ends, so the call bounds its
own time; its answer is dropped.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Final, Generic, ParamSpec, TypeVar

__all__ = ["Inbox", "in_daemon_thread", "run_loop"]

P = ParamSpec("P")
T = TypeVar("T")

_MOST_WAITING: Final = 256  # each takes a synced write, and a stop that records what waits has seconds


class _DaemonExecutor(ThreadPoolExecutor):
    """One daemon thread for each call. asyncio insists on the base class; its pool stays empty."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001  (it belongs to the one who waits)
                    future.set_exception(error)

        threading.Thread(target=run, name=self._name, daemon=True).start()
        return future


async def in_daemon_thread(call: Callable[[], T], *, name: str) -> T:
    """The call's result, or its exception.

    Cancelling the wait abandons the thread; it cannot be stopped from outside.
    """
    call = partial(copy_context().run, call)
    return await asyncio.get_running_loop().run_in_executor(_DaemonExecutor(name), call)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` with daemon helper threads."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_DaemonExecutor("resolver"))
        return runner.run(main)


class Inbox(Generic[T]):
    """What other threads leave for the loop, in its order.

    Open while somebody takes what is put in. What was put in before it was closed can still be taken.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[T] = deque()
        self._wake: Callable[[], None] | None = None

    def open(self, wake: Callable[[], None]) -> None:
        """From here on ``wake`` is called for each thing that is put in, in the thread that does."""
        with self._lock:
            self._wake = wake

    def close(self) -> None:
        """Nothing more is put in."""
        with self._lock:
            self._wake = None

    def put(self, thing: T) -> bool:
        """Leave it for the loop; False, and nothing happens, unless the inbox is open and has room. From any thread."""
        with self._lock:
            if self._wake is None or len(self._waiting) >= _MOST_WAITING:
                return False
            self._waiting.append(thing)
            self._wake()
            return True

    def take(self) -> T | None:
        """The next one in order, None without one."""
        return self._waiting.popleft() if self._waiting else None

    def __len__(self) -> int:
        return len(self._waiting)
