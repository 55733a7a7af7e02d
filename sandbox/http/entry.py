"""Serves a sandbox until it is told to stop, for use from a command line. It prints nothing itself."""

from __future__ import annotations

import queue
import signal
import threading
from typing import TYPE_CHECKING

from sandbox.http.box import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from sandbox.http.config import SandboxConfig

__all__ = ["environment_text", "serve"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(config: SandboxConfig | None = None, *, ready: Callable[[Sandbox], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then stop and return.

    Args:
        config: What to serve; the defaults when None.
        ready: Called once with the running sandbox, for instance to print its environment.

    Raises:
        RuntimeError: Called outside the main thread, where signals cannot be received.
        OSError: A port is taken.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("serve() waits for signals and runs in the main thread only; elsewhere use Sandbox")
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the shape of a signal handler
        asked.put(number)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        with Sandbox(config) as sandbox:
            if ready is not None:
                ready(sandbox)
            asked.get()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def environment_text(env: Mapping[str, str]) -> str:
    """NAME=value lines, as an env file or a shell takes them."""
    return "".join(f"{name}={value}\n" for name, value in env.items())
