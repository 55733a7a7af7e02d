"""What the tests of replay share: a hand-driven story with everything that can go wrong, and where it is written to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from audit.filters import Filters, parse_filters
from audit.replaying.timeline import Timeline
from audit.steps import steps
from events import catalogue as ev
from events.journal import JournalReader, Record
from tests.kit import Drive, accepted, failed, limited

__all__ = ["SAMPLE", "SEGMENT", "sample", "story", "timeline", "write"]

SAMPLE = Path(__file__).resolve().parents[2] / "journal" / "sample"
SEGMENT = f"{1:020d}.jsonl"


def write(directory: Path, drive: Drive) -> Path:
    """The drive's records as a journal's only segment."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / SEGMENT).write_bytes(b"".join(drive.lines))
    return directory


def story() -> Drive:
    """A good window; one with a failed attempt, a crash and a 429; a stop; one that takes up what was put off."""
    drive = Drive().start()
    drive.batch(60_000, 1, 2)
    drive.at_ms += 2_000
    drive.accept_all()
    drive.sign()
    drive.on(ev.ApiUnreachable(reason="no route"), after_s=600)
    drive.on(ev.ApiRecovered(), after_s=60)
    drive.batch(60_002, 3, 4, 5)
    first = drive.send()
    drive.on(failed(first, 1))
    drive.on(ev.BackoffElapsed(), after_s=3)
    drive.send()
    drive.at_ms += 5_000
    drive.start()  # without a stop: the process was killed with an attempt open
    drive.on(accepted(drive.send(), "duplicate"))
    drive.on(limited(drive.send(), 6_000_200))
    drive.sign()
    drive.on(ev.ActorStopped(reason="SIGTERM", posts_processed=3))
    drive.at_ms += 1_300_000
    drive.start()
    drive.window(60_003).scraped(6, 7, 8)
    drive.analyze_all()
    drive.accept_all()
    drive.sign()
    return drive


def timeline(records: Iterable[Record], filters: Filters | None = None) -> str:
    """All that the timeline says."""
    told = Timeline(filters or parse_filters())
    lines = [line for step in steps(records) for line in told.take(step)]
    text = "".join([*lines, *told.finish()])
    assert told.shown == text.count("\n") - text.count("\n\n")
    return text


def sample() -> list[Record]:
    """The recorded sample."""
    return list(JournalReader(SAMPLE))
