"""A mapping that forgets: what keeps the memory of an audit flat over a journal of any length. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

__all__ = ["RECENT_POSTS", "RECENT_WINDOWS", "Recent"]

# At 5 posts in each of 72 windows a day: 55 days of posts, 27 days of windows. X search reaches back 7 days.
RECENT_POSTS = 20_000
RECENT_WINDOWS = 2_000

K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V]):
    """Keeps the ``limit`` keys that were set last, and drops the oldest one for each key beyond."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        """Set, and forget the oldest key when there are too many."""
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > self._limit:
            self.popitem(last=False)
