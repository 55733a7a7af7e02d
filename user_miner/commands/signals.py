"""Signals of ``user-miner run``: which stop the miner, and which has it read its settings again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Final, NoReturn

from user_miner.log_file import to_stderr
from user_miner.logs import finish_log

__all__ = ["Signals"]

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)
_PATIENCE_S: Final = 3.0
_BOUND_S: Final = 4.0
_LAST_WORDS_S: Final = 0.5


class Signals:
    """SIGINT and SIGTERM stop the actor, from the first moment of the command to its last; SIGHUP reads settings again.

    One that comes before there is an actor is kept for it, and a second one does not spoil the goodbye. The loop's own
    signal handlers would leave gaps before its beginning and after its end. When a terminal is closed its programs get
    a SIGHUP too: who began on one ends with it.

    A loop that does not get to its stop, since it takes a journal of years at one go, ends within 5 seconds all the
    same: at such a moment nothing is lost but the goodbye. Where many journals end one after the other, the goodbye
    itself is ``bounded``: those that it does not come to in time go without.

    Args:
        bounded: Whether the loop has 4 seconds for all of the end, not 3 to begin it.
    """

    def __init__(self, *, bounded: bool = False) -> None:
        self._bounded = bounded
        self._name: str | None = None
        self._asked_to_reload = False
        self._terminals = [number for number in range(3) if os.isatty(number)]
        self._stop: Callable[[str], None] | None = None
        self._reload: Callable[[], None] | None = None
        for number in _STOPS:
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hangup)

    def attach(self, stop: Callable[[str], None], reload: Callable[[], object]) -> None:
        """Call ``stop`` and ``reload`` in the running loop when told by a signal; at once when one came already."""
        loop = asyncio.get_running_loop()

        def heard(name: str) -> None:
            if not self._bounded:
                signal.setitimer(signal.ITIMER_REAL, 0)
            stop(name)

        self._stop = lambda name: _call_in(loop, partial(heard, name))
        self._reload = lambda: _call_in(loop, reload)
        if self._name is not None:
            self._stop(self._name)
        if self._asked_to_reload:
            self._reload()

    @staticmethod
    def ignore() -> None:
        """From here on none of them does anything."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in (*_STOPS, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        self._end(signal.Signals(number).name)

    def _end(self, reason: str) -> None:
        if self._name is None:
            signal.signal(signal.SIGALRM, _leave)
            signal.setitimer(signal.ITIMER_REAL, _BOUND_S if self._bounded else _PATIENCE_S)
        self._name = reason
        if self._stop is not None:
            self._stop(reason)

    def _on_hangup(self, _number: int, _frame: FrameType | None) -> None:
        if self._terminals and not any(map(os.isatty, self._terminals)):
            self._end("SIGHUP: the terminal was closed")
        elif self._reload is not None:
            self._reload()
        else:
            self._asked_to_reload = True


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    finish_log(_LAST_WORDS_S)
    said = "user-miner: stopped while busy, without a last record; the next start continues from here\n"
    to_stderr(said, within_s=_LAST_WORDS_S)
    os._exit(0)


def _call_in(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the loop is closed: it has stopped
        loop.call_soon_threadsafe(call)
