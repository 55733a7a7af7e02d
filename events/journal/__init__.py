"""The journal: an append-only chain of records that outlives crashes, and the places it can live in.

A writer takes a `JournalStore` (`FileJournal` on disk, `MemoryJournal` in tests and simulation) and appends; whoever
wants to look uses `read_journal` and `verify_journal`, which need no lock and never write.
"""

from events.journal.disk import Disk
from events.journal.file import SEGMENT_BYTES, FileJournal
from events.journal.memory import MemoryJournal
from events.journal.reader import JournalReader, journals_in, locate, read_journal
from events.journal.record import FORMAT, GENESIS, BadRecordError, Draft, Head, Record, at_text, parse, seal
from events.journal.store import (
    ConflictError,
    FencedError,
    JournalDamagedError,
    JournalError,
    JournalLockedError,
    JournalStore,
    JournalWriteError,
    Lease,
    RolledBackError,
    SecondWriterError,
    SeveralJournalsError,
    Snapshot,
    UnknownOutcomeError,
)
from events.journal.verify import Flaw, VerifyReport, verify_journal

__all__ = [
    "FORMAT",
    "GENESIS",
    "SEGMENT_BYTES",
    "BadRecordError",
    "ConflictError",
    "Disk",
    "Draft",
    "FencedError",
    "FileJournal",
    "Flaw",
    "Head",
    "JournalDamagedError",
    "JournalError",
    "JournalLockedError",
    "JournalReader",
    "JournalStore",
    "JournalWriteError",
    "Lease",
    "MemoryJournal",
    "Record",
    "RolledBackError",
    "SecondWriterError",
    "SeveralJournalsError",
    "Snapshot",
    "UnknownOutcomeError",
    "VerifyReport",
    "at_text",
    "journals_in",
    "locate",
    "parse",
    "read_journal",
    "seal",
    "verify_journal",
]
