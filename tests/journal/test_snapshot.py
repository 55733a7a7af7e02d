"""Snapshots shorten a start and are never believed over the records."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from events.catalogue import ActorStarted, Policy
from events.journal import ConflictError, FileJournal, JournalDamagedError, Lease, Snapshot
from tests.journal.kit import (
    FaultyDisk,
    QuickDisk,
    abandon,
    build,
    contents,
    draft,
    no_space,
    numbers,
    reopen,
    run,
    segments,
)


class _Taken:
    """One lease and what came with it."""

    def __init__(self, directory: Path, reducer: int = 1) -> None:
        self.warnings: list[str] = []
        self.journal = FileJournal(directory, segment_bytes=500, on_warning=self.warnings.append, disk=QuickDisk())
        self.lease: Lease = run(self.journal.take(reducer=reducer))


def _snapshots(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "snapshots").iterdir())


def _fill(directory: Path, *, snapshot_at: tuple[int, ...], count: int, first: int = 1) -> None:
    async def go() -> None:
        journal = FileJournal(directory, segment_bytes=500, on_warning=pytest.fail, disk=QuickDisk())
        await journal.take(reducer=1)
        for number in range(first, first + count):
            record = await journal.append(draft(number))
            if number in snapshot_at:
                await journal.save_snapshot(Snapshot(head=record.head, reducer=1, state=b'{"n":%d}' % number))
        abandon(journal)

    run(go())


def _state(directory: Path) -> bytes | None:
    """What a start gets, and that it ends in the same place with or without."""
    taken = _Taken(directory)
    abandon(taken.journal)
    return None if taken.lease.snapshot is None else taken.lease.snapshot.state


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    """Whole files only, no leftovers."""
    _fill(tmp_path / "j", snapshot_at=(2, 4, 6), count=8)
    assert _snapshots(tmp_path / "j") == [f"{4:020d}.json", f"{6:020d}.json"]
    assert _state(tmp_path / "j") == b'{"n":6}'


def test_what_is_no_file_is_no_snapshot(tmp_path: Path) -> None:
    """A pipe or a folder under a snapshot's name keeps no start waiting, and is left where it is."""
    _fill(tmp_path / "j", snapshot_at=(2, 4), count=8)
    os.mkfifo(tmp_path / "j" / "snapshots" / f"{6:020d}.json")
    (tmp_path / "j" / "snapshots" / f"{7:020d}.json").mkdir()
    assert _state(tmp_path / "j") == b'{"n":4}'
    assert len(_snapshots(tmp_path / "j")) == 4


def test_a_start_reads_only_what_comes_after(tmp_path: Path) -> None:
    """Records before the snapshot are not looked at: `verify` is what finds damage there."""
    _fill(tmp_path / "j", snapshot_at=(30,), count=33)
    first = segments(tmp_path / "j")[0]
    whole = first.read_bytes()
    first.write_bytes(whole.replace(b"number 1", b"number 7"))
    taken = _Taken(tmp_path / "j")
    first.write_bytes(whole)
    assert taken.lease.head.seq == 33

    async def go() -> None:
        assert numbers([record async for record in taken.journal.read(30)]) == [31, 32, 33]
        assert numbers([record async for record in taken.journal.read(5)]) == list(range(6, 34))
        await taken.journal.release()

    run(go())


def test_epoch_and_declarations_before_a_snapshot_are_known(tmp_path: Path) -> None:
    """They stand in the snapshot."""
    build(tmp_path / "j", 2)
    with segments(tmp_path / "j")[-1].open("ab") as file:
        file.write(b"torn")

    taken = _Taken(tmp_path / "j")
    repair = taken.lease.repairs[0]

    async def declare() -> None:
        await taken.journal.append(draft(3, repair))
        started = ActorStarted(build="1", epoch=41, pid=1, policy=Policy())
        record = await taken.journal.append(draft(4, started))
        await taken.journal.save_snapshot(Snapshot(head=record.head, reducer=1, state=b"{}"))
        abandon(taken.journal)

    run(declare())
    again = _Taken(tmp_path / "j")
    abandon(again.journal)
    assert again.lease.snapshot is not None
    assert (again.lease.epoch, again.lease.repairs) == (42, ())


@pytest.mark.parametrize("bit", range(8))
def test_a_flip_of_any_bit_makes_it_worthless(tmp_path: Path, bit: int) -> None:
    """Passed over for the one before it, with a warning."""
    _fill(tmp_path / "j", snapshot_at=(3, 5), count=6)
    path = tmp_path / "j" / "snapshots" / f"{5:020d}.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        bad = bytearray(whole)
        bad[at] ^= 1 << bit
        path.write_bytes(bad)
        taken = _Taken(tmp_path / "j")
        abandon(taken.journal)
        assert taken.lease.snapshot is not None
        assert taken.lease.snapshot.state == b'{"n":3}'
        assert taken.lease.head.seq == 6
        assert len(taken.warnings) == 1
        assert f"{path} is not used: its checksum is wrong" in taken.warnings[0]


def test_every_truncation_makes_it_worthless(tmp_path: Path) -> None:
    """Down to the empty file."""
    _fill(tmp_path / "j", snapshot_at=(5,), count=6)
    path = tmp_path / "j" / "snapshots" / f"{5:020d}.json"
    whole = path.read_bytes()
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        assert _state(tmp_path / "j") is None


def test_another_fold_ignores_it(tmp_path: Path) -> None:
    """With the reason."""
    _fill(tmp_path / "j", snapshot_at=(5,), count=6)
    taken = _Taken(tmp_path / "j", reducer=2)
    abandon(taken.journal)
    assert taken.lease.snapshot is None
    assert "made by version 1 of the fold, this build has 2" in taken.warnings[0]


def test_a_snapshot_of_another_journal_is_ignored(tmp_path: Path) -> None:
    """Same place, same sizes, another record there."""
    _fill(tmp_path / "a", snapshot_at=(5,), count=6)
    _fill(tmp_path / "b", snapshot_at=(), count=6, first=3)
    (tmp_path / "b" / "snapshots").mkdir()
    name = f"{5:020d}.json"
    (tmp_path / "b" / "snapshots" / name).write_bytes((tmp_path / "a" / "snapshots" / name).read_bytes())
    taken = _Taken(tmp_path / "b")
    abandon(taken.journal)
    assert taken.lease.snapshot is None
    assert "record 5 does not end at byte" in taken.warnings[0]


def test_a_snapshot_beyond_the_end_is_ignored_and_replaced(tmp_path: Path) -> None:
    """It does not push out newer ones by its higher number."""
    _fill(tmp_path / "a", snapshot_at=(8, 9), count=9)
    _fill(tmp_path / "b", snapshot_at=(), count=3)
    (tmp_path / "a" / "snapshots").rename(tmp_path / "b" / "snapshots")
    taken = _Taken(tmp_path / "b")
    assert taken.lease.snapshot is None
    assert len(taken.warnings) == 2
    abandon(taken.journal)
    (tmp_path / "b" / "snapshots").rename(tmp_path / "spare")
    _fill(tmp_path / "b", snapshot_at=(), count=1, first=4)
    (tmp_path / "spare").rename(tmp_path / "b" / "snapshots")
    again = _Taken(tmp_path / "b")
    run(again.journal.save_snapshot(Snapshot(head=again.lease.head, reducer=1, state=b"{}")))
    abandon(again.journal)
    assert _snapshots(tmp_path / "b") == [f"{4:020d}.json"]


def test_a_changed_segment_before_it_is_noticed(tmp_path: Path) -> None:
    """By its size; then the whole journal is read, and refused if it is damaged."""
    _fill(tmp_path / "j", snapshot_at=(8,), count=8)
    first = segments(tmp_path / "j")[0]
    whole = first.read_bytes()
    first.write_bytes(whole[:-1])
    with pytest.raises(Exception, match="later segments exist"):
        reopen(tmp_path / "j")
    first.write_bytes(whole)
    assert _state(tmp_path / "j") == b'{"n":8}'


def test_head_must_agree_with_what_a_snapshot_skips(tmp_path: Path) -> None:
    """A witness below the snapshot is looked up in its place."""
    _fill(tmp_path / "j", snapshot_at=(8,), count=8)
    _fill(tmp_path / "other", snapshot_at=(), count=6, first=11)
    reopen(tmp_path / "other")
    (tmp_path / "j" / "HEAD").write_bytes((tmp_path / "other" / "HEAD").read_bytes())
    with pytest.raises(Exception, match="not of one history"):
        reopen(tmp_path / "j")


def test_a_failure_to_write_one_costs_nothing_else(tmp_path: Path) -> None:
    """At each of its operations: a warning, no poison, and the older one stays usable."""
    _fill(tmp_path / "j", snapshot_at=(3,), count=3)
    for step in range(1, 7):
        taken = _Taken(tmp_path / "j")
        taken.journal._disk = FaultyDisk(step, no_space, partly=True)

        async def go(taken: _Taken = taken) -> None:
            record = await taken.journal.append(draft(10))
            await taken.journal.save_snapshot(Snapshot(head=record.head, reducer=1, state=b"{}"))
            await taken.journal.append(draft(11))
            await taken.journal.release()

        run(go())
        if step < 6:
            assert any("no snapshot at record" in line and "longer" in line for line in taken.warnings)
        assert _state(tmp_path / "j") is not None


def test_only_the_end_can_be_kept(tmp_path: Path) -> None:
    """A fold that lags behind is not saved, with a warning."""

    async def go() -> list[str]:
        warnings: list[str] = []
        journal = FileJournal(tmp_path / "j", on_warning=warnings.append, disk=QuickDisk())
        await journal.take(reducer=1)
        first = await journal.append(draft(1))
        await journal.append(draft(2))
        before = contents(tmp_path / "j")
        await journal.save_snapshot(Snapshot(head=first.head, reducer=1, state=b"{}"))
        assert contents(tmp_path / "j") == before
        await journal.release()
        return warnings

    assert "a snapshot is made of its end" in run(go())[0]


def test_fields_of_another_shape_are_ignored(tmp_path: Path) -> None:
    """A right checksum over wrong fields."""
    _fill(tmp_path / "j", snapshot_at=(5,), count=6)
    path = tmp_path / "j" / "snapshots" / f"{5:020d}.json"
    for body in (b'{"seq":5,"state":{}', b'[5,"state":{}', b'{"seq":5'):
        path.write_bytes(body + b',"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n')
        assert _state(tmp_path / "j") is None


def test_earlier_bytes_that_are_whole(tmp_path: Path) -> None:
    """With a snapshot in any segment, or none; and while records follow, with new segments."""
    for seq in range(10):
        place = tmp_path / str(seq)
        _fill(place, snapshot_at=(seq,), count=9)
        taken = _Taken(place)
        assert (taken.lease.snapshot is not None) == (seq > 0)

        async def go(journal: FileJournal) -> None:
            await asyncio.gather(journal.check_earlier(), *(journal.append(draft(number)) for number in range(10, 13)))
            await journal.check_earlier()

        run(go(taken.journal))
        abandon(taken.journal)


def test_any_earlier_byte_that_was_changed(tmp_path: Path) -> None:
    """In closed segments and in the one that the snapshot lies in: refused, nothing written, not opened again."""
    place = tmp_path / "j"
    _fill(place, snapshot_at=(8,), count=9)
    before = [path for path in segments(place) if int(path.stem) <= 8]
    assert len(before) > 2
    end = json.loads((place / "snapshots" / f"{8:020d}.json").read_bytes())["offset"]
    kept = tmp_path / "kept"
    (place / "snapshots").rename(kept)
    tried = found = 0
    for path in before:
        whole = path.read_bytes()
        size = end if path == before[-1] else len(whole)
        for at in {0, size - 1, *range(0, size, 7)}:
            tried += 1
            shutil.copytree(kept, place / "snapshots")
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            found += _is_refused(place)
        path.write_bytes(whole)
    assert found > 0.9 * tried, "a start finds the others by itself"
    shutil.copytree(kept, place / "snapshots")
    assert _state(place) == b'{"n":8}'


def _is_refused(place: Path) -> bool:
    """True if only the check finds it; False if the start does not come so far."""
    try:
        taken = _Taken(place)
    except JournalDamagedError:
        shutil.rmtree(place / "snapshots")
        return False
    was = {name: content for name, content in contents(place).items() if not name.startswith("snapshots")}
    with pytest.raises(JournalDamagedError, match=r"at byte \d+, after record \d+: .*; nothing more was written; put"):
        run(taken.journal.check_earlier())
    with pytest.raises(JournalDamagedError, match="no record is taken after a failure"):
        run(taken.journal.append(draft(10)))
    run(taken.journal.release())
    assert contents(place) == was
    with pytest.raises(JournalDamagedError):
        _Taken(place)
    (place / "snapshots").rmdir()
    return True


def test_earlier_bytes_of_a_journal_that_was_moved(tmp_path: Path) -> None:
    """It is not called damaged: another journal has its place."""
    _fill(tmp_path / "j", snapshot_at=(8,), count=9)
    _fill(tmp_path / "other", snapshot_at=(), count=9, first=21)
    taken = _Taken(tmp_path / "j")
    (tmp_path / "j").rename(tmp_path / "moved")
    (tmp_path / "other").rename(tmp_path / "j")
    with pytest.raises(ConflictError):
        run(taken.journal.check_earlier())
    assert _snapshots(tmp_path / "moved") == [f"{8:020d}.json"]
    abandon(taken.journal)
