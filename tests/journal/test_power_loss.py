"""Invariant I8 on a model disk: the power goes at every operation, and of what was not synced any part may be lost.

Acknowledged ⊆ recovered ⊆ attempted, also when the recovery itself is interrupted in the same way.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from random import Random

from events.catalogue import ApiUnreachable
from events.journal import FileJournal, JournalError, Snapshot, read_journal, verify_journal
from tests.journal.kit import CrashError, draft, file_journal, run
from tests.journal.model_disk import ModelDisk

SEEDS = 2
LONG = "x" * 300  # so that records cross blocks of 512 bytes


async def _live(journal: FileJournal, base: int, acknowledged: list[str]) -> None:
    lease = await journal.take(reducer=1)
    for repair in lease.repairs:
        await journal.append(draft(1, repair))
    for number in range(base, base + 5):
        reason = f"{number} {LONG}"
        record = await journal.append(draft(number, ApiUnreachable(reason=reason)), witness=number % 3 == 0)
        acknowledged.append(reason)
        if number % 4 == 0:
            await journal.save_snapshot(Snapshot(head=record.head, reducer=1, state=b"{}"))
    await journal.release()


def _run(disk: ModelDisk, base: int, acknowledged: list[str]) -> None:
    journal = file_journal(disk.root / "j", disk, segment_bytes=1_500)

    async def go() -> None:
        try:
            await _live(journal, base, acknowledged)
        finally:
            with contextlib.suppress(CrashError, JournalError):
                await journal.release()

    with contextlib.suppress(CrashError):
        run(go())


def _recovered(directory: Path) -> list[str]:
    return [record.data["reason"] for record in read_journal(directory) if record.name == "ApiUnreachable"]


def _is_between(acknowledged: list[str], recovered: list[str]) -> None:
    """Every acknowledged one is there in order, and each other one was attempted: the next number of its life."""
    assert [reason for reason in recovered if reason in set(acknowledged)] == acknowledged
    assert len(recovered) <= len(acknowledged) + 3
    assert all(reason.endswith(LONG) for reason in recovered)
    assert len(set(recovered)) == len(recovered)


def test_power_lost_at_every_operation(tmp_path: Path) -> None:
    """And again in the middle of the recovery, and once more after it."""
    crash_at, running = 0, True
    while running:
        crash_at += 1
        for seed in range(SEEDS):
            rng = Random(f"{crash_at} {seed}")  # noqa: S311  (a seeded choice of cases)
            acknowledged: list[str] = []
            root = _root(tmp_path, crash_at, seed, 0)
            disk = ModelDisk(root, crash_at=crash_at)
            _run(disk, 100, acknowledged)
            running = disk.operations >= crash_at
            for life in (1, 2):
                root = _root(tmp_path, crash_at, seed, life)
                disk.image(root, rng)
                disk = ModelDisk(root, crash_at=rng.randrange(1, 60))
                _run(disk, 100 + 100 * life, acknowledged)
            root = _root(tmp_path, crash_at, seed, 3)
            disk.image(root, rng)
            _run(ModelDisk(root), 900, acknowledged)
            _is_between(acknowledged, _recovered(root / "j"))
            report = verify_journal(root / "j")
            assert report.ok, (crash_at, seed, report.findings)
    assert crash_at > 40


def test_a_sync_that_fails_and_then_lies(tmp_path: Path) -> None:
    """The kernel forgets what it could not write; the process starts again, goes on, and then the power goes."""
    lying = 0
    while True:
        lying += 1
        rng = Random(lying)  # noqa: S311  (a seeded choice of cases)
        acknowledged: list[str] = []
        disk = ModelDisk(_root(tmp_path, lying, 0, 0), lying_sync=lying)
        for life in range(3):
            with contextlib.suppress(JournalError):
                _run(disk, 100 + 100 * life, acknowledged)
        root = _root(tmp_path, lying, 0, 1)
        disk.image(root, rng)
        _run(ModelDisk(root), 900, acknowledged)
        _is_between(acknowledged, _recovered(root / "j"))
        assert verify_journal(root / "j").ok
        if disk.syncs < lying:
            break
    assert lying > 20


def _root(tmp_path: Path, *key: int) -> Path:
    root = tmp_path / "-".join(map(str, key))
    root.mkdir()
    return root
