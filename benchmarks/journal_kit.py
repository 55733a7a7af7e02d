"""What the journal's benchmarks share: realistic drafts, the fold's stand-in, places, and text for figures."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from events.catalogue import Event, PostAnalyzed, SubmissionAccepted, SubmissionBody, SubmissionStarted
from events.journal import Disk, Draft, FileJournal

__all__ = ["DRY", "DryDisk", "drafts", "new_journal", "parser", "ratio", "workplace"]

_T0_MS = 1_795_357_925_123
_HOTKEY = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


class DryDisk(Disk):
    """Syncs nothing: to build large journals that are only read."""

    def fdatasync(self, fd: int) -> None:
        """Nothing."""

    def fsync(self, fd: int) -> None:
        """Nothing."""


DRY = DryDisk()


def _events(number: int) -> tuple[Event, ...]:
    post_id = str(1_859_000_000_000_000_000 + number)
    text = f"Bittensor SN45 keeps shipping, part {number}: " + "what the subnet does, told at some length. " * 3
    body = SubmissionBody(
        miner_hotkey=_HOTKEY,
        post_id=post_id,
        content=text,
        date=_T0_MS // 1000 - 3600,
        author=f"user{number}",
        account_age=365,
        retweets=10,
        likes=50,
        responses=5,
        followers=1_000,
        tokens={"talisman": 0.9, "chutes": 0.4},
        sentiment=0.5,
        score=0.41,
    )
    return (
        PostAnalyzed(
            post_id=post_id,
            content_sha256="0" * 64,
            tokens={"talisman": 0.9, "chutes": 0.4},
            sentiment=0.5,
            model="gpt-5-mini",
            prompt_version="3",
            rung="json_schema",
            raw_answer='{"talisman":0.9,"chutes":0.4}',
            calls=1,
            prompt_tokens=900,
            completion_tokens=40,
            latency_ms=700,
        ),
        SubmissionStarted(post_id=post_id, window=812, attempt=1, body=body),
        SubmissionAccepted(
            post_id=post_id,
            status="new",
            http_status=200,
            answer='{"status":"new","window":812}',
            start_block=81_200,
            selected_for_validation=None,
            validation_id=None,
            latency_ms=120,
        ),
    )


def drafts(count: int) -> Iterator[Draft]:
    """Records of a busy miner, 350 to 700 bytes each, some seconds apart."""
    kinds = len(_events(0))
    for number in range(count):
        event = _events(number // kinds)[number % kinds]
        yield Draft(at_ms=_T0_MS + 1_700 * number, event=event, source="Submitting", dest="Submitting")


async def new_journal(directory: Path, disk: Disk | None = None) -> FileJournal:
    """A journal that was just taken."""
    journal = FileJournal(directory, on_warning=print, disk=disk)
    await journal.take(reducer=1)
    return journal


@contextmanager
def workplace(where: Path | None) -> Iterator[Path]:
    """A directory that is removed afterwards, on the filesystem of ``where``; the current one's by default."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=where or Path.cwd()) as place:
        yield Path(place)


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Options that every benchmark takes."""
    found = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    found.add_argument("--dir", type=Path, help="where to write; default is the current directory's filesystem")
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """How many times as fast we are, round against round: the median and the middle half of the rounds."""
    low, middle, high = statistics.quantiles([b / a for a, b in zip(ours, theirs, strict=True)], n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"
