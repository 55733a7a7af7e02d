"""So many requests at once, in turn: whoever wants many waits no longer than whoever wants one.

Several miners of one process share one server. With a plain queue the one whose five posts come first would keep the
others waiting; here each of them gets one turn before anybody gets the next. Nothing here sends anything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

__all__ = ["Turns"]


class Turns:
    """A limit that its owners share. Belongs to one event loop.

    Args:
        limit: So many turns may be taken at the same time.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def change(self, limit: int) -> None:
        """So many from now on; those that were taken are not taken away."""
        self._limit = limit
        self._hand_out()

    def of(self, owner: str) -> AbstractAsyncContextManager[None]:
        """Wait for a turn of this owner, and keep it for as long as the block lasts."""
        return self._turn(owner)

    @asynccontextmanager
    async def _turn(self, owner: str) -> AsyncIterator[None]:
        if self._waiting or self._taken >= self._limit:
            await self._wait(owner)
        else:
            self._taken += 1
        try:
            yield
        finally:
            self._give_back()

    async def _wait(self, owner: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was handed out in the same moment
                self._give_back()
            raise

    def _give_back(self) -> None:
        self._taken -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._taken < self._limit:
            owner = next(iter(self._waiting))
            queue = self._waiting.pop(owner)
            turn = queue.popleft()
            if queue:
                self._waiting[owner] = queue  # behind all others
            if not turn.done():  # given up meanwhile
                self._taken += 1
                turn.set_result(None)
