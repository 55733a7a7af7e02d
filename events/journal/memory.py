"""A journal in memory, for tests and simulation: the same bytes and the same chain as on disk, and no disk.

Its lines may be handed to a new `MemoryJournal`, whole or cut anywhere between two records, to play a crash.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable

from events.journal.record import GENESIS, BadRecordError, Draft, Head, Record, parse, seal_checked
from events.journal.recover import Tally
from events.journal.store import FencedError, JournalDamagedError, JournalLockedError, Lease, Snapshot

__all__ = ["MemoryJournal"]


class MemoryJournal:
    """A `JournalStore` that dies with the process.

    Args:
        lines: Records to begin with, newlines included; `take` verifies them.
    """

    def __init__(self, lines: Iterable[bytes] = ()) -> None:
        self.lines = list(lines)
        self._head: Head | None = None
        self._snapshot: Snapshot | None = None

    async def take(self, *, reducer: int) -> Lease:
        """Verify the lines and hold the journal. See `JournalStore.take`."""
        if self._head is not None:
            raise JournalLockedError("this journal in memory is held already: release() it first")
        tally, head = Tally(), GENESIS
        for record in self._records():
            tally.count(record)
            head = record.head
        self._head = head
        return Lease(epoch=tally.epoch + 1, head=head, snapshot=self._usable_snapshot(reducer), repairs=())

    async def check_earlier(self) -> None:
        """Nothing to do: `take` verified every line."""

    async def read(self, after_seq: int = 0) -> AsyncIterator[Record]:
        """The records with a higher seq, verified. See `JournalStore.read`."""
        self._held()
        for record in self._records(after_seq):
            yield record

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:  # noqa: ARG002  (nothing here can be lost)
        """Add one record. See `JournalStore.append`."""
        line, record = seal_checked(draft, self._held())
        self.lines.append(line)
        self._head = record.head
        return record

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a cached fold."""
        self._snapshot = snapshot

    def room_bytes(self) -> int | None:
        """Memory is not measured."""
        return None

    def sure_s(self) -> float:
        """Nobody else can see this memory."""
        return math.inf

    def renew_every_s(self) -> float | None:
        """Never."""
        return None

    async def renew(self) -> None:
        """Nothing to do: nobody else can see this memory."""

    async def release(self) -> None:
        """Let `take` succeed again. Safe to call twice."""
        self._head = None

    def _held(self) -> Head:
        if self._head is None:
            raise FencedError("this journal in memory is not held: call take() first")
        return self._head

    def _records(self, after_seq: int = 0) -> Iterable[Record]:
        head = self._head_at(after_seq)
        for line in self.lines[after_seq:]:
            try:
                record = parse(line, head)
            except BadRecordError as error:
                raise JournalDamagedError(f"the journal in memory, after record {after_seq}: {error}") from error
            head, after_seq = record.head, record.seq
            yield record

    def _head_at(self, seq: int) -> Head | None:
        """The chain's end after this record, which `take` verified; None when there is no such record."""
        if seq == 0:
            return GENESIS
        return parse(self.lines[seq - 1], None).head if seq <= len(self.lines) else None

    def _usable_snapshot(self, reducer: int) -> Snapshot | None:
        snapshot = self._snapshot
        if snapshot is None or snapshot.reducer != reducer:
            return None
        return snapshot if self._head_at(snapshot.head.seq) == snapshot.head else None
