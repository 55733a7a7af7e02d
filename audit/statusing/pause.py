"""Waiting between two looks: a signal, a new size of the terminal or a reader who leaves ends it early."""

from __future__ import annotations

import errno
import os
import select
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, Final, Self

__all__ = ["Pause"]

_ENDS: Final = (signal.SIGTERM, signal.SIGHUP)


class Pause:
    """Waits, no longer than the terminal keeps its size and somebody reads the output.

    SIGTERM and a hang-up end the watch as Ctrl-C does, so that the terminal is given back as it was.
    """

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self._read, False)
        handlers: dict[int, Any] = {number: signal.signal(number, _end) for number in _ENDS}
        handlers[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, _wake)
        self._handlers = handlers
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_error: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float) -> None:
        """Until then, or until a signal.

        Raises:
            BrokenPipeError: Nobody reads standard output any more.
        """
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        output = -1
        with suppress(OSError, ValueError):  # an output without a file of its own: nobody can leave
            output = sys.stdout.fileno()
            poll.register(output, 0)  # errors and hang-ups are told unasked
        ready = poll.poll(seconds * 1000)
        if any(fd == output for fd, _ in ready):
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))  # as a write would
        with suppress(BlockingIOError):
            os.read(self._read, 4_096)


def _wake(_number: int, _frame: FrameType | None) -> None:
    """The byte in the pipe is what wakes."""


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
