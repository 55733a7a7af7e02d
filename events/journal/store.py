"""Where a journal lives, behind one small interface, and the errors that any such place may raise.

The rule for every implementation: ``append`` returns only when the record is durable; after an error that leaves the
outcome open the store is poisoned and refuses everything, for a retry could act on what is not on disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from events.catalogue import TailRepaired
from events.journal.record import Draft, Head, Record

__all__ = [
    "ConflictError",
    "FencedError",
    "JournalDamagedError",
    "JournalError",
    "JournalLockedError",
    "JournalStore",
    "JournalWriteError",
    "Lease",
    "RolledBackError",
    "SecondWriterError",
    "SeveralJournalsError",
    "Snapshot",
    "UnknownOutcomeError",
]


class JournalError(Exception):
    """Something about a journal that an operator must know: what was found, expected, and the way out."""


class JournalDamagedError(JournalError):
    """Bad bytes where acknowledged records were: refused, nothing changed."""


class SeveralJournalsError(JournalError):
    """A directory holds more than one journal, and none was named."""


class RolledBackError(JournalDamagedError):
    """The journal ends below what HEAD or a checkpoint witnessed: records are missing."""


class SecondWriterError(JournalDamagedError):
    """Two records claim one place: two processes wrote."""


class JournalLockedError(JournalError):
    """Another process holds the journal, or mines with its hotkey into another one.

    Attributes:
        left_s: Seconds until it may be free, when the holder was last heard of; None where that has no end.
    """

    def __init__(self, message: str, *, left_s: float | None = None) -> None:
        super().__init__(message)
        self.left_s = left_s


class JournalWriteError(JournalError):
    """A write or fsync failed. The store is poisoned; the actor stops (design, the one rule)."""


class ConflictError(JournalError):
    """The journal is not as its writer left it: another one appended, or it was moved or replaced. Stop acting."""


class FencedError(JournalError):
    """The lease was superseded. Stop acting."""


class UnknownOutcomeError(JournalError):
    """Whether it happened is not known, so nothing may be sent: `JournalStore.renew` finds out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A cached fold: the state's JSON after ``head``. Thrown away on any mismatch, never trusted over the records.

    Attributes:
        head: The last record folded into it.
        reducer: Version of the fold that made it; another version ignores it.
        state: The state as canonical JSON.
    """

    head: Head
    reducer: int
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to append.

    Attributes:
        epoch: Higher than every earlier lease's.
        head: The chain's end when it was taken.
        snapshot: The newest usable cached fold, None to fold from the first record.
        repairs: Torn tails that were moved to quarantine and have no TailRepaired record yet; append one for each.
    """

    epoch: int
    head: Head
    snapshot: Snapshot | None
    repairs: tuple[TailRepaired, ...]


class JournalStore(Protocol):
    """A journal of one identity."""

    async def take(self, *, reducer: int) -> Lease:
        """Become the only writer, after recovery.

        Raises:
            JournalLockedError: Another process has it, or mines with its hotkey.
            JournalDamagedError: Acknowledged records are damaged or missing.
        """
        ...

    async def check_earlier(self) -> None:
        """Look whether the bytes that ``take`` did not read, as a snapshot stands for them, are still the chain's.

        Reads beside everything else. Poisoned when they are not, and the next ``take`` reads every byte.

        Raises:
            JournalDamagedError: A byte was changed.
            JournalWriteError: The disk refused to read.
            ConflictError: The journal was moved or replaced.
        """
        ...

    def read(self, after_seq: int = 0) -> AsyncIterator[Record]:
        """The records with a higher seq than ``after_seq``, verified, in order.

        Raises:
            JournalDamagedError: The chain breaks.
        """
        ...

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:
        """Write one record durably after the lease's head, and with ``witness`` let HEAD testify to it.

        Raises:
            JournalWriteError: The disk refused; poisoned from here on.
            ConflictError: Another writer appended, or the journal was moved or replaced; poisoned.
            FencedError: Another one holds the lease now; poisoned.
            UnknownOutcomeError: Whether it was written is not known. `renew` until that works, then append the same
                draft again: it makes one record. Files never raise it.
        """
        ...

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a cached fold. A failure is logged by the store and costs only start-up time.

        Raises:
            ConflictError: As in ``append``.
        """
        ...

    def room_bytes(self) -> int | None:
        """Space left where the journal lives; None where nobody can tell or it does not matter."""
        ...

    def sure_s(self) -> float:
        """For how many seconds from now on nobody else can become the writer; endless where the kernel keeps a lock."""
        ...

    def renew_every_s(self) -> float | None:
        """How often `renew` is to be called; None where the lease does not end by itself."""
        ...

    async def renew(self) -> None:
        """Keep the lease; after an unknown outcome take it again, and find out what came of it.

        Raises:
            UnknownOutcomeError: It cannot be known now; try again.
            FencedError: It was superseded; poisoned.
            ConflictError: As in ``append``.
        """
        ...

    async def release(self) -> None:
        """Witness the head and let others take the journal. Safe to call twice."""
        ...
