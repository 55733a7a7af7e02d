"""Keeps trouble that lasts from flooding the log: the same warning over and over is said now and then, and counted.

Only lines from WARNING on, and only ones of exactly the same text, are ever left out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["Repeats"]

_BURST: Final = 3
_EVERY_S: Final = 600.0
_MOST_TEXTS: Final = 256


@dataclass(slots=True)
class _Said:
    since_s: float
    times: int = 0
    left_out: int = 0


class Repeats(logging.Filter):
    """Lets a text through three times in ten minutes, and tells with the next one how many were left out.

    Args:
        now_s: A clock that never goes back.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now_s = now_s
        self._said: dict[tuple[int, str], _Said] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; its text then tells of those before it that were not."""
        if record.levelno < logging.WARNING:
            return True
        text = record.getMessage()
        said = self._of((record.levelno, text))
        if said.times >= _BURST:
            said.left_out += 1
            return False
        said.times += 1
        if said.left_out:
            record.msg, record.args = f"{text} (and {said.left_out} more times since)", None
            said.left_out = 0
        return True

    def _of(self, key: tuple[int, str]) -> _Said:
        now_s = self._now_s()
        said = self._said.pop(key, None) or _Said(now_s)
        if now_s - said.since_s >= _EVERY_S:
            said.since_s, said.times = now_s, 0
        self._said[key] = said  # the one said last stands last
        if len(self._said) > _MOST_TEXTS:
            del self._said[next(iter(self._said))]
        return said
