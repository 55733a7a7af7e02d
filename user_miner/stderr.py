"""Standard error, written past Python's buffers: a thread that hangs in it holds nothing that the end waits for.

Python's own stream has a lock, and the interpreter's end asks for it: a pipe that nobody reads would hold up both.
"""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import suppress
from typing import Final

__all__ = ["to_stderr"]

_PIECE: Final = 4096  # a pipe that is ready takes so much without waiting


def to_stderr(text: str, *, within_s: float | None = None) -> None:
    """Write, for as long as it takes or at most for so long: what is not taken by then is lost. Never raises."""
    with suppress(OSError, ValueError):
        try:
            file = sys.stderr.fileno()
        except (OSError, ValueError):  # replaced by what is no file
            sys.stderr.write(text)
            sys.stderr.flush()
            return
        deadline_s = None if within_s is None else time.monotonic() + within_s
        left = text.encode(sys.stderr.encoding, "backslashreplace")
        while left and _is_ready(file, deadline_s):
            left = left[os.write(file, left[:_PIECE]) :]


def _is_ready(file: int, deadline_s: float | None) -> bool:
    ready = select.poll()
    ready.register(file, select.POLLOUT)
    left_s = None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
    return bool(ready.poll(None if left_s is None else left_s * 1000))
