"""Runs one blocking call in a daemon thread of its own.

Not the default executor: a loop that ends waits for the executor's threads, and so would ``stop()`` for a socket that
hangs. An abandoned thread goes on until its call ends, so the call bounds its own time; its answer is dropped.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

__all__ = ["in_daemon_thread", "run_loop"]

T = TypeVar("T")


async def in_daemon_thread(call: Callable[[], T], *, name: str) -> T:
    """The call's result, or its exception.

    Cancelling the wait abandons the thread; it cannot be stopped from outside.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def deliver(result: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if outcome.done() else result())

    def run() -> None:
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001  (whatever it is belongs to the one who waits)
            failure = error
            deliver(lambda: outcome.set_exception(failure))
        else:
            deliver(lambda: outcome.set_result(value))

    threading.Thread(target=run, name=name, daemon=True).start()
    return await outcome


# Runs one coroutine in an event loop whose helper threads never delay the end of the process.
#
# asyncio resolves host names in its default executor and waits for those threads when the loop ends. A resolver that
# hangs would hold back ``stop()`` for longer than its 5 seconds (ruling 14), so here they are daemon threads.

P = ParamSpec("P")


class _DaemonExecutor(ThreadPoolExecutor):
    """One daemon thread for each call. asyncio insists on the base class; its pool stays empty."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001  (it belongs to the one who waits)
                    future.set_exception(error)

        threading.Thread(target=run, name="resolver", daemon=True).start()
        return future


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` with daemon helper threads."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_DaemonExecutor())
        return runner.run(main)
