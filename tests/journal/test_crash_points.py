"""A crash at every single operation, with a write cut in half or not at all, and then a start on a healthy disk.

Acknowledged ⊆ recovered ⊆ attempted, in order (invariant I8), and starting again changes nothing any more.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from events.journal import FileJournal, Snapshot, verify_journal
from tests.journal.kit import CrashError, FaultyDisk, build, draft, file_journal, reopen, run, segments

Life = Callable[[FileJournal, list[int]], Coroutine[Any, Any, None]]


async def _long_life(journal: FileJournal, acknowledged: list[int]) -> None:
    """Creation, appends, witnesses, rotations, snapshots, a clean stop, and all that once more."""
    for first in (1, 7):
        await journal.take(reducer=1)
        for number in range(first, first + 6):
            record = await journal.append(draft(number), witness=number % 3 == 0)
            acknowledged.append(number)
            if number % 4 == 0:
                await journal.save_snapshot(Snapshot(head=record.head, reducer=1, state=b"{}"))
        await journal.release()


async def _repairing_life(journal: FileJournal, acknowledged: list[int]) -> None:
    """A start that repairs, declares and goes on."""
    lease = await journal.take(reducer=1)
    for number, repair in enumerate(lease.repairs, 100):
        await journal.append(draft(number, repair))
        acknowledged.append(number)
    await journal.append(draft(200), witness=True)
    acknowledged.append(200)
    await journal.release()


def _crash_at(directory: Path, fail_at: int, life: Life, *, partly: bool) -> tuple[list[int], FaultyDisk]:
    disk = FaultyDisk(fail_at, partly=partly)
    journal = file_journal(directory, disk)
    acknowledged: list[int] = []

    async def go() -> None:
        try:
            await life(journal, acknowledged)
        finally:
            with contextlib.suppress(CrashError):
                await journal.release()

    with contextlib.suppress(CrashError):
        run(go())
    return acknowledged, disk


@pytest.mark.parametrize("partly", [False, True])
def test_a_crash_at_every_operation_of_a_life(tmp_path: Path, *, partly: bool) -> None:
    """Nothing acknowledged is lost, nothing is invented, and the journal goes on."""
    fail_at = 0
    while True:
        fail_at += 1
        directory = tmp_path / str(fail_at) / "j"
        directory.parent.mkdir()
        acknowledged, disk = _crash_at(directory, fail_at, _long_life, partly=partly)
        _, found = reopen(directory)
        assert found == list(range(1, len(found) + 1))
        assert len(acknowledged) <= len(found) <= len(acknowledged) + 1
        assert reopen(directory)[1] == found
        assert verify_journal(directory).ok
        shutil.rmtree(directory.parent)
        if len(disk.log) < fail_at:
            break
    assert len(acknowledged) == 12
    assert fail_at > 60


@pytest.mark.parametrize("partly", [False, True])
def test_a_crash_at_every_operation_of_a_repair(tmp_path: Path, *, partly: bool) -> None:
    """The tail is kept once and declared once, however often the repair is interrupted."""
    origin = tmp_path / "origin"
    build(origin, 5, witness_at=[2])
    with segments(origin)[-1].open("ab") as file:
        file.write(b"torn by a crash")
    fail_at = 0
    while True:
        fail_at += 1
        directory = tmp_path / str(fail_at)
        shutil.copytree(origin, directory)
        _, disk = _crash_at(directory, fail_at, _repairing_life, partly=partly)
        for again in range(1, 40, 3):
            _crash_at(directory, again, _repairing_life, partly=not partly)
        acknowledged, _ = _crash_at(directory, 0, _repairing_life, partly=False)
        assert acknowledged[-1] == 200
        _check_declared_once(directory)
        shutil.rmtree(directory)
        if len(disk.log) < fail_at:
            break
    assert fail_at > 15


def _check_declared_once(directory: Path) -> None:
    kept = {path.name: path.read_bytes() for path in (directory / "quarantine").glob("*.bin")}
    assert list(kept.values()).count(b"torn by a crash") == 1
    lease, found = reopen(directory)
    assert lease.repairs == ()
    assert found[:5] == [1, 2, 3, 4, 5]

    async def declared() -> list[str]:
        journal = file_journal(directory)
        await journal.take(reducer=1)
        names = [record.data["quarantine"] async for record in journal.read() if record.name == "TailRepaired"]
        await journal.release()
        return names

    names = run(declared())
    assert sorted(names) == sorted(kept)


def test_a_quarantine_without_its_cut_makes_one_declaration(tmp_path: Path) -> None:
    """The crash between the two: the same bytes make the same file."""
    build(tmp_path / "j", 3)
    path = segments(tmp_path / "j")[-1]
    whole = path.read_bytes()
    path.write_bytes(whole + b"torn")
    reopen(tmp_path / "j")
    path.write_bytes(whole + b"torn")
    lease, _ = reopen(tmp_path / "j")
    assert len(lease.repairs) == 1
    assert path.read_bytes() == whole


def test_a_tail_is_synced_before_it_is_kept_and_kept_before_it_is_cut(tmp_path: Path) -> None:
    """Else a crash could leave other bytes than those in quarantine, or none at all."""
    build(tmp_path / "j", 3, segment_bytes=100_000)
    with segments(tmp_path / "j")[-1].open("ab") as file:
        file.write(b"torn")
    disk = FaultyDisk()
    journal = file_journal(tmp_path / "j", disk)
    run(journal.take(reducer=1))
    run(journal.release())
    assert disk.log[:11] == [
        *("open", "fsync"),
        *("mkdir", "fsync_dir", "fsync_dir"),
        *("open", "write", "fsync", "rename", "fsync_dir"),
        "truncate",
    ]
    assert disk.log[11] == "fsync"
