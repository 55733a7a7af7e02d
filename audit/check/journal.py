"""Checks a journal's files: its records, and the cached folds beside them. Reads only, without a lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from audit.check.checker import Checked, Checker
from audit.check.divergence import Divergence
from events.journal import JournalDamagedError, JournalReader, Snapshot
from events.journal.head import read_witness
from events.journal.snapshot import load, snapshot_paths

__all__ = ["CheckOutcome", "check_journal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What a check of a journal came to.

    Attributes:
        journal: Its directory.
        checked: What was looked at.
        divergences: Where this build and the journal part, in the journal's order.
        complete: The journal was read to its end.
        tail_bytes: Length of an unfinished record at the end.
        unusable: Snapshots that cannot be read, one line each.
    """

    journal: Path
    checked: Checked
    divergences: tuple[Divergence, ...]
    complete: bool
    tail_bytes: int
    unusable: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.divergences


def check_journal(
    journal: Path, *, to_the_end: bool = False, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> CheckOutcome:
    """Compare a journal with this build's machine.

    Args:
        journal: The journal's directory.
        to_the_end: Continue after the first difference.
        on_progress: Called with records done and about how many there are.

    Raises:
        JournalError: The journal is damaged, or there is none.
    """
    snapshots, unusable = _snapshots(journal)
    checker, reader = Checker(snapshots), JournalReader(journal)
    found: list[Divergence] = []
    for divergence in _divergences(checker, reader, on_progress):
        found.append(divergence)
        if not to_the_end:
            break
    return CheckOutcome(
        journal=journal,
        checked=checker.checked(),
        divergences=tuple(found),
        complete=to_the_end or not found,
        tail_bytes=reader.tail_bytes,
        unusable=unusable,
    )


def _divergences(
    checker: Checker, reader: JournalReader, on_progress: Callable[[int, int], None]
) -> Iterator[Divergence]:
    expected = _last_witnessed(reader.directory)
    for record in reader:
        if (divergence := checker.feed(record)) is not None:
            yield divergence
        on_progress(record.seq, max(record.seq, expected))
    yield from checker.finish()


def _last_witnessed(journal: Path) -> int:
    """About how many records there are, for the bar; the reader judges HEAD."""
    try:
        witness = read_witness(journal)
    except JournalDamagedError:
        return 0
    return 0 if witness is None else witness.place.head.seq


def _snapshots(journal: Path) -> tuple[list[Snapshot], tuple[str, ...]]:
    """The cached folds beside the journal; one that cannot be read is passed over, as a start does."""
    found, unusable = [], []
    for path in snapshot_paths(journal):
        try:
            snapshot = load(path).snapshot
            orjson.loads(snapshot.state)
        except FileNotFoundError:
            continue  # the miner has just replaced it
        except (OSError, ValueError) as error:
            unusable.append(f"{path.name}: {error}")
        else:
            found.append(snapshot)
    return found, tuple(unusable)
