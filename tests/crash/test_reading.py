"""What the faults at system calls found, as tests of their own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from events.catalogue import ActorStopped
from events.journal import Draft, FileJournal, JournalError


def spoil(directory: Path) -> None:
    """Put a file that opens and fails to be read in the place of the first segment."""
    segment = min(directory.glob("*.jsonl"))
    segment.unlink()
    segment.symlink_to("/proc/self/mem")


async def read_what_cannot_be_read(directory: Path) -> None:
    """Take a journal whose segment then becomes unreadable, and read."""
    store = FileJournal(directory, segment_bytes=1, on_warning=lambda _line: None)
    await store.take(reducer=1)
    try:
        event = ActorStopped(reason="asked to stop", posts_processed=0)
        for _ in range(2):
            await store.append(Draft(at_ms=0, event=event, source="WaitingForWindow", dest="WaitingForWindow"))
        spoil(directory)
        async for _ in store.read():
            pass
    finally:
        await store.release()


def test_a_failed_read_while_the_records_are_folded_is_told_in_one_line(tmp_path: Path) -> None:
    """The operator gets the place and the cause, not a traceback (found: EIO on listing the segments at the start)."""
    with pytest.raises(JournalError, match=r"reading the journal .* failed: Input/output error"):
        asyncio.run(read_what_cannot_be_read(tmp_path / "journal"))
