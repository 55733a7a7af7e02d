"""What the tests of the testing kit share: the recorded sample, and journals on disk made from a driven machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from events.journal import Draft, FileJournal, Record
from tests.kit import Drive, limited

__all__ = ["SAMPLE", "carried_over", "run_source", "write_journal"]

SAMPLE = Path(__file__).parents[2] / "journal" / "sample"


def write_journal(directory: Path, records: Iterable[Record]) -> Path:
    """A journal on disk that holds these events."""

    async def write() -> None:
        journal = FileJournal(directory, on_warning=print)
        await journal.take(reducer=1)
        for record in records:
            draft = Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest)
            await journal.append(draft)
        await journal.release()

    asyncio.run(write())
    return directory


def run_source(source: str) -> None:
    """Run the one test of a generated file in this process."""
    names: dict[str, Any] = {}
    exec(compile(source, "generated", "exec"), names)  # noqa: S102  (text of our own making)
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    test()


def carried_over() -> Drive:
    """Three posts, of which the first meets a 429, so that all are sent in the next window, before a fourth."""
    drive = Drive().start().batch(7, 1, 2, 3)
    drive.on(limited(drive.send(), start_block=700))
    return drive.window(8).scraped(4).analyze_all().accept_all()
