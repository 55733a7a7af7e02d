"""What other threads tell the loop, until it takes it: never blocks whoever tells, and loses nothing that it took.

A word comes in as a meaning, a function from the state to events, which the loop applies to the state of that moment.
Nothing here decides or writes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from actor.machine.state import State
from events.catalogue import Event

__all__ = ["Inbox", "Meaning"]

Meaning: TypeAlias = Callable[[State], tuple[Event, ...]]

# Each takes a synced write, and a stop that records what waits has seconds.
_MOST_WAITING: Final = 256


class Inbox:
    """Open while somebody takes what is put in. What was put in before it was closed can still be taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Meaning] = deque()
        self._wake: Callable[[], None] | None = None

    def open(self, wake: Callable[[], None]) -> None:
        """From here on ``wake`` is called for each thing that is put in, in the thread that does."""
        with self._lock:
            self._wake = wake

    def close(self) -> None:
        """Nothing more is put in."""
        with self._lock:
            self._wake = None

    def put(self, meaning: Meaning) -> bool:
        """Leave it for the loop; False, and nothing happens, unless the inbox is open and has room. From any thread."""
        with self._lock:
            if self._wake is None or len(self._waiting) >= _MOST_WAITING:
                return False
            self._waiting.append(meaning)
            self._wake()
            return True

    def take(self) -> Meaning | None:
        """The next one in order, None without one."""
        return self._waiting.popleft() if self._waiting else None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)
