"""What a checkpoint signs of the actor's chain: its first record, its head, and the hashes that none lists yet.

What this process read or wrote is remembered; what the next checkpoint needs of what lies further back is read from the
journal at the start, so that damage there costs no search. Memory holds what happened since the last checkpoint: 32
bytes a record.
"""

from __future__ import annotations

import hashlib
from typing import Final

from events.journal.record import GENESIS, Head, Record
from events.journal.store import JournalStore

__all__ = ["ChainEnd"]

_HASH_BYTES: Final = 32


class ChainEnd:
    """Follows one journal, record by record."""

    def __init__(self, store: JournalStore) -> None:
        self._last: Head | Record = GENESIS
        self._store = store
        self._before = 0  # the record before the first hash that is remembered
        self._hashes = bytearray()
        self._journal: str | None = None

    @property
    def head(self) -> Head:
        return Head(seq=self._last.seq, hash=self._last.hash)

    @property
    def journal(self) -> str:
        """Hash of the first record.

        Raises:
            ValueError: It was not read.
        """
        if self._journal is None:
            raise ValueError("the first record's hash is not known before reach_back")
        return self._journal

    def begin(self, head: Head) -> None:
        """Nothing before this record's successor is known here: a snapshot stands for it."""
        self._last = head
        self._before = head.seq
        self._hashes.clear()

    def follow(self, record: Record, checkpoint_seq: int) -> None:
        """The chain goes on with ``record``; hashes up to ``checkpoint_seq`` are signed and forgotten."""
        self._last = record
        if record.seq == 1:
            self._journal = record.hash
        self._hashes += bytes.fromhex(record.hash)
        if checkpoint_seq > self._before:
            del self._hashes[: _HASH_BYTES * (checkpoint_seq - self._before)]
            self._before = checkpoint_seq

    async def reach_back(self, checkpoint_seq: int) -> None:
        """Read the first record's hash, and those behind ``checkpoint_seq``, that are not remembered.

        Raises:
            JournalError: The journal cannot be read any more.
        """
        if self._journal is None:
            self._journal = await self._first_hash()
        if checkpoint_seq >= self._before:
            return
        missing = bytearray()
        async for record in self._store.read(after_seq=checkpoint_seq):
            if record.seq <= self._before:
                missing += bytes.fromhex(record.hash)
        self._hashes[:0] = missing
        self._before = checkpoint_seq

    async def _first_hash(self) -> str:
        async for record in self._store.read(after_seq=0):
            return record.hash
        raise ValueError("a journal without records has nothing to vouch for")

    def hashes_sha256(self, checkpoint_seq: int) -> str:
        """Digest of the hashes behind ``checkpoint_seq``, as CheckpointSigned holds it.

        Raises:
            ValueError: They were not read.
        """
        if self._before != checkpoint_seq:
            raise ValueError(f"hashes are known from record {self._before + 1}, wanted from {checkpoint_seq + 1}")
        return hashlib.sha256(self._hashes.hex().encode()).hexdigest()
