"""The power goes at one operation of a life on the model disk; every part of what was not synced may be lost.

After each loss a start must find every acknowledged record, nothing that was not attempted, and a HEAD that witnesses
at least what was witnessed. Starting again finds the same. So also when the start itself is interrupted like that.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Self

from events.catalogue import ApiUnreachable
from events.journal import FileJournal, JournalError, Snapshot, read_journal, verify_journal
from events.journal.head import read_witness
from tests.journal.kit import CrashError, draft, file_journal, run
from user_miner.simulation.model_disk import ModelDisk

__all__ = ["Counts", "Told", "check", "crashes_of_a_life", "live", "lose_power", "recovered", "subsets"]

LONG = "x" * 300  # so that records cross blocks of 512 bytes


@dataclass
class Told:
    """What the lives so far were told is durable.

    Attributes:
        reasons: Of the acknowledged records, in order.
        attempted: Of all that were tried.
        witnessed: Highest record that HEAD was said to testify to.
    """

    reasons: list[str] = field(default_factory=list)
    attempted: set[str] = field(default_factory=set)
    witnessed: int = 0

    def copy(self) -> Told:
        """For another way to go on."""
        return Told(list(self.reasons), set(self.attempted), self.witnessed)


@dataclass
class Counts:
    """What was tried."""

    images: int = 0
    exhaustive: int = 0
    sampled: int = 0
    recoveries: int = 0

    def __iadd__(self, other: Counts) -> Self:
        """The sum."""
        self.images += other.images
        self.exhaustive += other.exhaustive
        self.sampled += other.sampled
        self.recoveries += other.recoveries
        return self


async def _live(journal: FileJournal, base: int, told: Told) -> None:
    lease = await journal.take(reducer=1)
    told.witnessed = max(told.witnessed, lease.head.seq)
    for repair in lease.repairs:
        await journal.append(draft(1, repair))
    last = lease.head.seq
    for number in range(base, base + 5):
        reason = f"{number} {LONG}"
        told.attempted.add(reason)
        witness = number % 3 == 0
        record = await journal.append(draft(number, ApiUnreachable(reason=reason)), witness=witness)
        told.reasons.append(reason)
        last = record.seq
        if witness:
            told.witnessed = last
        if number % 4 == 0:
            await journal.save_snapshot(Snapshot(head=record.head, reducer=1, state=b"{}"))
    await journal.release()
    told.witnessed = last


def live(disk: ModelDisk, base: int, told: Told) -> None:
    """One process: takes, repairs, appends five records, witnesses, rotates, keeps a snapshot, stops or dies."""
    journal = file_journal(disk.root / "j", disk, segment_bytes=1_500)

    async def go() -> None:
        try:
            await _live(journal, base, told)
        finally:
            with contextlib.suppress(CrashError, JournalError):
                await journal.release()

    with contextlib.suppress(CrashError):
        run(go())


def recovered(directory: Path) -> list[str]:
    """The reasons that are in the journal."""
    return [record.data["reason"] for record in read_journal(directory) if record.name == "ApiUnreachable"]


def check(root: Path, told: Told) -> None:
    """Start on what is left, twice, and compare with what was told."""
    if not (root / "j").is_dir():
        assert not told.reasons
        return
    witness = read_witness(root / "j")
    assert (0 if witness is None else witness.place.head.seq) >= told.witnessed, "HEAD lost its witness"
    found: list[list[str]] = []
    for _ in range(2):
        journal = file_journal(root / "j", segment_bytes=1_500)
        lease = run(journal.take(reducer=1))
        for repair in lease.repairs:
            assert not found, "a second start repairs again"
            run(journal.append(draft(1, repair)))
        run(journal.release())
        found.append(recovered(root / "j"))
    first, again = found
    assert first == again
    assert [reason for reason in first if reason in set(told.reasons)] == told.reasons, "an acknowledged record is lost"
    assert set(first) <= told.attempted, "a record was invented"
    assert len(set(first)) == len(first), "a record stands twice"
    assert verify_journal(root / "j").ok


def subsets(count: int, limit: int, rng: Random) -> Iterator[tuple[bool, ...]]:
    """Every choice out of ``count`` when there are at most ``limit``; else nothing, all, and a sample."""
    if 2**count <= limit:
        for number in range(2**count):
            yield tuple(bool(number >> bit & 1) for bit in range(count))
        return
    yield (False,) * count
    yield (True,) * count
    for _ in range(limit - 2):
        yield tuple(rng.random() < 0.5 for _ in range(count))


def crashes_of_a_life(root: Path) -> int:
    """How many operations one undisturbed life makes."""
    root.mkdir()
    disk = ModelDisk(root, crash=CrashError)
    live(disk, 100, Told())
    return disk.operations


def lose_power(folder: Path, crash_at: int, *, images: int, recovery_images: int) -> Counts:
    """Lose it at ``crash_at``, keep up to ``images`` subsets; then at every operation of the recovery of each.

    Args:
        folder: Empty.
        crash_at: The operation, from 1.
        images: Exhaustive up to so many subsets, a seeded sample of so many beyond.
        recovery_images: The same for each operation of the recovery; 0 for one operation alone, seeded.
    """
    counts, told = Counts(), Told()
    disk = _begin(folder / "life", crash_at=crash_at)
    live(disk, 100, told)
    rng = Random(crash_at)  # noqa: S311  (a seeded choice of cases)
    count = disk.choices()
    counts.exhaustive, counts.sampled = (1, 0) if 2**count <= images else (0, 1)
    for number, chosen in enumerate(subsets(count, images, rng)):
        counts.images += 1
        left = folder / f"left-{number}"
        disk.image(left, chosen)
        counts.recoveries += _interrupt(folder, left, told, rng, recovery_images)
        check(left, told)
        shutil.rmtree(left)
    return counts


def _begin(root: Path, *, crash_at: int = 0) -> ModelDisk:
    root.mkdir(exist_ok=True)
    return ModelDisk(root, crash_at=crash_at, crash=CrashError)


def _interrupt(folder: Path, left: Path, told: Told, rng: Random, images: int) -> int:
    """Lose the power again at the operations of the next life on a copy of ``left``."""
    recoveries = 0
    crash_at, running = (0, True) if images else (rng.randrange(40), True)
    while running:
        crash_at += 1
        life = Path(shutil.copytree(left, folder / "again"))
        disk, later = _begin(life, crash_at=crash_at), told.copy()
        live(disk, 200, later)
        running = bool(images) and disk.operations >= crash_at
        for chosen in subsets(disk.choices(), images or 1, rng):
            after = folder / "after"
            disk.image(after, chosen)
            check(after, later)
            shutil.rmtree(after)
            recoveries += 1
            if not images:
                break
        shutil.rmtree(life)
    return recoveries
