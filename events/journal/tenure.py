"""Holds on to a store's lease: renews it, waits until it is sure, and finds out what an unknown outcome was.

Where the kernel keeps the lock, as with files, all of this comes to nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from events.journal.record import Draft, Record
from events.journal.store import JournalLockedError, JournalStore, Lease, UnknownOutcomeError

__all__ = ["Tenure"]

T = TypeVar("T")

# So long before the lease ends nothing is sent any more: for what lies between the last look and the line.
_MARGIN_S: Final = 1.0
_AGAIN_S: Final = 0.5


class Tenure:
    """One actor's time as the writer of a journal.

    Args:
        store: The journal.
        longest_s: What is begun is over within so many seconds.
        grace_s: How long a stop waits for the store.
        on_warning: Gets one line when the store stops answering, and one when it answers again.
    """

    def __init__(
        self, store: JournalStore, *, longest_s: float, grace_s: float, on_warning: Callable[[str], None]
    ) -> None:
        self.on_wait: Callable[[], None] = lambda: None
        self._store = store
        self._longest_s = longest_s
        self._grace_s = grace_s
        self._on_warning = on_warning
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._renewed = asyncio.Condition()
        self._is_silent = False

    @property
    def ends(self) -> bool:
        """Whether the lease ends by itself."""
        return self._store.renew_every_s() is not None

    def stop(self) -> None:
        """Wait for nothing from now on, for longer than the grace."""
        self._stopping.set()

    def may_send(self) -> bool:
        """Whether nobody else can be the writer now, nor in a moment."""
        return self._store.sure_s() > _MARGIN_S

    async def take(self, *, reducer: int) -> Lease | None:
        """Take the journal as soon as it is free; None when a stop was asked for meanwhile.

        Raises:
            JournalError: It cannot be taken, or is held by somebody whose lease does not end by itself.
        """
        while not self._stopping.is_set():
            try:
                return await self._in_time(self._store.take(reducer=reducer))
            except JournalLockedError as error:
                if error.left_s is None:
                    raise
                self._say(f"{error}; this process waits for it")
                await self._pause(min(error.left_s + 0.01, 2 * _AGAIN_S))
        return None

    async def keep(self) -> None:
        """Renew the lease until cancelled.

        Raises:
            FencedError: It was superseded.
            ConflictError: The journal does not end where it was left.
        """
        every_s = self._store.renew_every_s()
        while every_s is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), _AGAIN_S if self._is_silent else every_s)
            self._hurry.clear()
            await self._renew()

    async def hold(self) -> None:
        """Return once the lease surely lasts for what is about to be sent and answered."""
        while self._store.sure_s() <= self._longest_s + _MARGIN_S:
            async with self._renewed:
                self._hurry.set()
                await self._renewed.wait()

    async def append(self, draft: Draft, *, witness: bool) -> Record:
        """Append it once, whatever happens to the line; see `JournalStore.append`.

        Raises:
            UnknownOutcomeError: The store did not answer until a stop was asked for.
            JournalError: As the store.
        """
        if not self.ends:
            return await self._store.append(draft, witness=witness)
        while True:
            try:
                return await self._in_time(self._store.append(draft, witness=witness))
            except UnknownOutcomeError as error:
                self._say(str(error))
                if self._stopping.is_set():
                    raise
                if not await self._in_time(self._renew()):
                    self.on_wait()
                    await self._pause(_AGAIN_S)

    async def _renew(self) -> bool:
        try:
            await self._store.renew()
        except UnknownOutcomeError as error:
            self._say(str(error))
            return False
        if self._is_silent:
            self._is_silent = False
            self._on_warning("the journal's database answers again")
        async with self._renewed:
            self._renewed.notify_all()
        return True

    def _say(self, line: str) -> None:
        """Once for each silence."""
        if not self._is_silent:
            self._is_silent = True
            self._on_warning(line)

    async def _pause(self, seconds: float) -> None:
        self.on_wait()
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _in_time(self, work: Coroutine[Any, Any, T]) -> T:
        """What it returns; cancelled when a stop has waited for it long enough.

        Raises:
            UnknownOutcomeError: It was cancelled.
        """
        if not self.ends:
            return await work
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=self._grace_s)
            if task.done():
                return task.result()
            raise UnknownOutcomeError("the journal's database did not answer in time for a stop")
        finally:
            for left in (task, stop):
                left.cancel()
            await asyncio.wait({task, stop})
