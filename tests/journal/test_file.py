"""The file log: its directory, rotation, what is synced when, and how it stops."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from events.journal import ConflictError, Disk, FileJournal, JournalError, JournalWriteError, verify_journal
from events.journal.head import read_witness
from tests.journal.kit import (
    CrashError,
    FaultyDisk,
    ShortDisk,
    abandon,
    append_all,
    build,
    draft,
    file_journal,
    io_error,
    no_space,
    numbers,
    os_error,
    reopen,
    run,
    segments,
)


def test_the_directory_is_as_documented_and_private(tmp_path: Path) -> None:
    """On a real disk: names, 0600 files, 0700 directories."""

    async def go() -> None:
        journal = FileJournal(tmp_path / "journal" / "5Abc", on_warning=pytest.fail, disk=Disk())
        await journal.take(reducer=1)
        await journal.append(draft(1), witness=True)
        await journal.release()

    run(go())
    directory = tmp_path / "journal" / "5Abc"
    assert sorted(path.name for path in directory.iterdir()) == [f"{1:020d}.jsonl", "HEAD", "LOCK"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == stat.S_IMODE(directory.parent.stat().st_mode) == 0o700


def test_segments_are_named_by_their_first_record_and_bounded(tmp_path: Path) -> None:
    """The chain runs across them."""
    build(tmp_path / "j", 12, segment_bytes=500)
    paths = segments(tmp_path / "j")
    assert len(paths) > 3
    assert all(path.stat().st_size <= 500 for path in paths)
    for path in paths:
        assert path.read_bytes().startswith(f'{{"seq":{int(path.stem)},'.encode())
    assert reopen(tmp_path / "j")[1] == list(range(1, 13))
    assert verify_journal(tmp_path / "j").ok


def test_a_record_is_synced_before_append_returns(tmp_path: Path) -> None:
    """Write, then fdatasync; a witness is written and synced after that."""

    async def go() -> None:
        disk = FaultyDisk()
        journal = file_journal(tmp_path / "j", disk, segment_bytes=100_000)
        await journal.take(reducer=1)
        disk.log.clear()
        await journal.append(draft(1))
        assert disk.log == ["write", "fdatasync"]
        await journal.append(draft(2), witness=True)
        assert disk.log[2:] == ["write", "fdatasync", "pwrite", "fdatasync"]
        await journal.release()

    run(go())


def test_a_new_segment_is_durable_before_its_first_record(tmp_path: Path) -> None:
    """The file and its name in the directory."""

    async def go() -> None:
        disk = FaultyDisk()
        journal = file_journal(tmp_path / "j", disk, segment_bytes=1)
        await journal.take(reducer=1)
        await journal.append(draft(1))
        disk.log.clear()
        await journal.append(draft(2))
        assert disk.log == ["open", "fsync", "fsync_dir", "write", "fdatasync"]
        await journal.release()

    run(go())


def test_head_is_durable_before_the_first_segment_exists(tmp_path: Path) -> None:
    """So segments without HEAD are always damage."""
    disk = FaultyDisk()
    journal = file_journal(tmp_path / "j", disk)
    run(journal.take(reducer=1))
    abandon(journal)
    assert disk.log[:10] == [
        *("mkdir", "fsync_dir"),  # the journal's directory
        *("fsync_dir", "fsync_dir"),  # the one above it, and itself
        *("open", "write", "fsync", "rename", "fsync_dir"),  # HEAD
        "open",  # the first segment
    ]


def test_what_no_head_vouches_for_is_written_again(tmp_path: Path) -> None:
    """After a failed fsync the kernel shows bytes that are not on disk: a restart must not build on them."""
    build(tmp_path / "j", 3, witness_at=[1], segment_bytes=100_000)
    before = segments(tmp_path / "j")[0].read_bytes()
    disk = FaultyDisk()
    journal = file_journal(tmp_path / "j", disk)
    run(journal.take(reducer=1))
    abandon(journal)
    assert disk.log == ["open", "pwrite", "fdatasync", "fsync_dir", "open", "open", "pwrite", "fdatasync"]
    assert segments(tmp_path / "j")[0].read_bytes() == before


def test_what_a_start_found_is_witnessed(tmp_path: Path) -> None:
    """The actor acts on it, so its loss must be noticed."""
    build(tmp_path / "j", 3)
    reopen(tmp_path / "j")
    witness = read_witness(tmp_path / "j")
    assert witness is not None
    assert witness.place.head.seq == 3


def test_a_clean_stop_is_witnessed(tmp_path: Path) -> None:
    """Even when no record asked for it."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j")
        await journal.take(reducer=1)
        await append_all(journal, [1, 2])
        await journal.release()

    run(go())
    witness = read_witness(tmp_path / "j")
    assert witness is not None
    assert witness.place.head.seq == 2


@pytest.mark.parametrize(
    ("operation", "error", "words"),
    [
        ("write", no_space, r"writing record 3 to .*jsonl failed: .*\(ENOSPC\); free space"),
        ("write", io_error, r"\(EIO\); check the disk"),
        ("write", os_error(errno.EDQUOT), r"\(EDQUOT\); free space or raise the quota"),
        ("fdatasync", io_error, r"writing record 3 to .*\(EIO\)"),
        ("pwrite", no_space, r"writing .*HEAD failed"),
    ],
)
@pytest.mark.parametrize("partly", [False, True])
def test_a_failed_write_poisons_the_store(
    tmp_path: Path, operation: str, error: type[OSError], words: str, *, partly: bool
) -> None:
    """One clear line, no retry, nothing appended after it; a restart finds all that was acknowledged."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j", segment_bytes=100_000)
        await journal.take(reducer=1)
        await append_all(journal, [1, 2], witness_at=[1])
        disk = FaultyDisk(1, error, lasting=False, only=[operation], partly=partly)
        journal._disk = disk
        assert journal._writer is not None
        journal._writer._disk = journal._writer._head._disk = disk
        with pytest.raises(JournalWriteError, match=words):
            await journal.append(draft(3), witness=True)
        calls = len(disk.log)
        for _ in range(2):
            with pytest.raises(JournalWriteError, match="no record is taken after a failure"):
                await journal.append(draft(4))
        assert numbers([record async for record in journal.read()])[:2] == [1, 2]
        await journal.release()
        assert len(disk.log) == calls

    run(go())
    lease, found = reopen(tmp_path / "j")
    assert found in ([1, 2], [1, 2, 3])
    assert len(lease.repairs) <= 1


def test_a_crash_in_the_middle_of_append_poisons_too(tmp_path: Path) -> None:
    """Whatever the exception, the outcome is open."""

    async def go() -> None:
        disk = FaultyDisk()
        journal = file_journal(tmp_path / "j", disk)
        await journal.take(reducer=1)
        disk._fail_at, disk._lasting = len(disk.log) + 2, False
        with pytest.raises(CrashError):
            await journal.append(draft(1))
        with pytest.raises(JournalWriteError, match="interrupted by CrashError"):
            await journal.append(draft(1))
        await journal.release()

    run(go())
    assert reopen(tmp_path / "j")[1] == [1]


def test_a_failed_witness_at_the_end_still_frees_the_journal(tmp_path: Path) -> None:
    """The error is told, and the next start is not locked out."""

    async def go() -> None:
        disk = FaultyDisk()
        journal = file_journal(tmp_path / "j", disk)
        await journal.take(reducer=1)
        await journal.append(draft(1))
        disk._fail_at, disk._error = len(disk.log) + 1, io_error
        with pytest.raises(JournalWriteError, match="HEAD failed"):
            await journal.release()
        await journal.release()

    run(go())
    assert reopen(tmp_path / "j")[1] == [1]


def test_short_writes_leave_whole_records(tmp_path: Path) -> None:
    """Seven bytes at a time."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j", ShortDisk())
        await journal.take(reducer=1)
        await append_all(journal, range(1, 6), witness_at=[3])
        await journal.release()

    run(go())
    assert verify_journal(tmp_path / "j").ok
    assert reopen(tmp_path / "j")[1] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("act", ["append", "cut", "remove"])
def test_a_change_by_somebody_else_stops_the_writer(tmp_path: Path, act: str) -> None:
    """The file is not as it was left: conflict, and nothing more is written."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j", segment_bytes=100_000)
        await journal.take(reducer=1)
        await journal.append(draft(1))
        path = segments(tmp_path / "j")[0]
        if act == "remove":
            path.unlink()
        elif act == "append":
            path.write_bytes(path.read_bytes() + b"x")
        else:
            os.truncate(path, 5)
        for _ in range(2):
            with pytest.raises(ConflictError, match="another process changed it"):
                await journal.append(draft(2))
        await journal.release()

    run(go())


def test_a_segment_made_by_somebody_else_stops_the_writer(tmp_path: Path) -> None:
    """Rotation never takes over an existing file."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j", segment_bytes=1)
        await journal.take(reducer=1)
        await journal.append(draft(1))
        (tmp_path / "j" / f"{2:020d}.jsonl").touch()
        with pytest.raises(ConflictError, match="exists already"):
            await journal.append(draft(2))
        await journal.release()

    run(go())


def test_a_place_where_no_directory_can_be_is_named(tmp_path: Path) -> None:
    """A file stands there."""
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"making the directory .*failed"):
        run(file_journal(tmp_path / "file" / "j").take(reducer=1))


def test_a_journal_that_changes_under_its_reader_is_refused(tmp_path: Path) -> None:
    """Reading verifies again."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j", segment_bytes=100_000)
        await journal.take(reducer=1)
        await append_all(journal, [1, 2, 3])
        path = segments(tmp_path / "j")[0]
        whole = path.read_bytes()
        for spoiled in (whole.replace(b"number 2", b"number 9"), whole[:100], b""):
            path.write_bytes(spoiled)
            with pytest.raises(JournalError):
                [record async for record in journal.read()]
        await journal.release()

    run(go())


def test_many_records_are_read_with_pauses_for_others(tmp_path: Path) -> None:
    """Every thousand records the event loop gets its turn."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j", segment_bytes=1 << 20)
        await journal.take(reducer=1)
        await append_all(journal, range(1, 2_501))
        assert numbers([record async for record in journal.read(2_498)]) == [2_499, 2_500]
        await journal.release()

    run(go())
