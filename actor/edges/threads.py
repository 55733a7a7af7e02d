"""Runs one blocking call in a daemon thread of its own.

Not the default executor: a loop that ends waits for the executor's threads, and so would ``stop()`` for a socket that
hangs. An abandoned thread goes on until its call ends, so the call bounds its own time; its answer is dropped.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

__all__ = ["in_daemon_thread"]

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
