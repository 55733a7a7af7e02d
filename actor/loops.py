"""Runs one coroutine in an event loop whose helper threads never delay the end of the process.

asyncio resolves host names in its default executor and waits for those threads when the loop ends. A resolver that
hangs would hold back ``stop()`` for longer than its 5 seconds (ruling 14), so here they are daemon threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

__all__ = ["run_loop"]

T = TypeVar("T")
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
