"""Wrappers that measure what passes through them and change nothing: of the API, of the journal, of its disk."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from actor.metrics.counted import DISK_S, EDGE_S, Durations
from actor.ports import ApiPort, Block, Failed, StatusError, SubmitAnswer
from events.catalogue import SubmissionBody
from events.journal.disk import Disk
from events.journal.record import Draft, Record
from events.journal.store import JournalStore, Lease, Snapshot

__all__ = ["TimedDisk", "WatchedApi", "WatchedStore"]


class WatchedApi:
    """The coordination API, with the time of its last answer.

    Attributes:
        answered_s: When it last answered anything that shows it works, by this process's monotonic clock; None before.
        answered_at_s: The same by the wall clock, unix seconds.
        block: The last block that the status endpoint told; None before.
        polls: Polls by "answered" and "failed".
        durations: How long the polls took.
    """

    def __init__(self) -> None:
        self.answered_s: float | None = None
        self.answered_at_s: float | None = None
        self.block: int | None = None
        self.polls = {"answered": 0, "failed": 0}
        self.durations = Durations(EDGE_S)
        self._api: ApiPort | None = None

    def wrap(self, api: ApiPort) -> ApiPort:
        """Stand before ``api``."""
        self._api = api
        return self

    async def status(self) -> Block:
        began_s = time.monotonic()
        try:
            block = await self._port().status()
        except StatusError:
            self.polls["failed"] += 1
            raise
        finally:
            self.durations.add(time.monotonic() - began_s)
        self.polls["answered"] += 1
        self.block = self.block if block.current_block is None else block.current_block
        self._answer()
        return block

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        answer = await self._port().submit(body)
        if not isinstance(answer, Failed):
            self._answer()
        return answer

    async def aclose(self) -> None:
        await self._port().aclose()

    def _answer(self) -> None:
        self.answered_s, self.answered_at_s = time.monotonic(), time.time()

    def _port(self) -> ApiPort:
        if self._api is None:
            raise ValueError("wrap an API first")
        return self._api


class TimedDisk(Disk):
    """A disk whose fdatasync is timed: what each record waits for.

    Attributes:
        durations: How long the calls took.
    """

    def __init__(self) -> None:
        self.durations = Durations(DISK_S)

    def fdatasync(self, fd: int) -> None:
        began_s = time.perf_counter()
        try:
            super().fdatasync(fd)
        finally:
            self.durations.add(time.perf_counter() - began_s)


class WatchedStore:
    """A journal, with how long an append takes, and whether it is held.

    Attributes:
        durations: How long appends took.
        stage: "opening", then "held" from the time it was taken, then "released".
    """

    def __init__(self, store: JournalStore, *, on_take: Callable[[], None]) -> None:
        self.durations = Durations(DISK_S)
        self.stage = "opening"
        self._store = store
        self._on_take = on_take

    async def take(self, *, reducer: int) -> Lease:
        lease = await self._store.take(reducer=reducer)
        self._on_take()
        self.stage = "held"
        return lease

    async def check_earlier(self) -> None:
        """See JournalStore."""
        await self._store.check_earlier()

    def read(self, after_seq: int = 0) -> AsyncIterator[Record]:
        return self._store.read(after_seq)

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:
        began_s = time.perf_counter()
        try:
            return await self._store.append(draft, witness=witness)
        finally:
            self.durations.add(time.perf_counter() - began_s)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        await self._store.save_snapshot(snapshot)

    def room_bytes(self) -> int | None:
        return self._store.room_bytes()

    def sure_s(self) -> float:
        return self._store.sure_s()

    def renew_every_s(self) -> float | None:
        return self._store.renew_every_s()

    async def renew(self) -> None:
        await self._store.renew()

    async def release(self) -> None:
        self.stage = "released"
        await self._store.release()
