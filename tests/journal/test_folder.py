"""A journal that is moved, replaced or removed under its writer: it stops, and what took its place is left alone."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from events.journal import ConflictError, Disk, FileJournal, Head, JournalError, Snapshot, read_journal
from events.journal.head import read_witness
from tests.journal.kit import (
    QuickDisk,
    append_all,
    build,
    contents,
    draft,
    file_journal,
    numbers,
    reopen,
    run,
    segments,
)
from tests.users import unshared

# Does something to the journal at this path; where it went, or None for one that is still there.
_Hand: TypeAlias = Callable[[Path], Path | None]
_Deed: TypeAlias = Callable[[FileJournal, Head], Coroutine[Any, Any, None]]


def _moved(journal: Path) -> Path:
    return journal.rename(journal.with_name("elsewhere"))


def _parent_moved(journal: Path) -> Path:
    return journal.parent.rename(journal.parent.with_name("elsewhere")) / journal.name


def _emptied(journal: Path) -> Path:
    there = _moved(journal)
    journal.mkdir()
    return there


def _copied(journal: Path) -> Path:
    there = _moved(journal)
    shutil.copytree(there, journal)
    return there


def _linked(journal: Path) -> Path:
    """As a backup of hard links, whose files are the very same ones."""
    there = _moved(journal)
    shutil.copytree(there, journal, copy_function=os.link)
    return there


def _pointed_elsewhere(journal: Path) -> Path:
    there = _moved(journal)
    other = journal.with_name("other")
    other.mkdir()
    journal.symlink_to(other)
    return there


def _covered_by_a_file(journal: Path) -> Path:
    there = _moved(journal)
    journal.write_bytes(b"")
    return there


def _removed(journal: Path) -> None:
    shutil.rmtree(journal)


def _without(name: str) -> _Hand:
    def hand(journal: Path) -> None:
        max(journal.glob(name)).unlink()

    return hand


def _put_anew(name: str) -> _Hand:
    """As an editor saves a file: the same bytes, another file."""

    def hand(journal: Path) -> None:
        path = max(journal.glob(name))
        fresh = path.with_name("fresh")
        shutil.copy(path, fresh)
        fresh.replace(path)

    return hand


def _set_aside(name: str) -> _Hand:
    def hand(journal: Path) -> None:
        path = max(journal.glob(name))
        path.rename(path.with_suffix(".aside"))

    return hand


HANDS: Final[dict[str, _Hand]] = {
    "moved": _moved,
    "parent moved": _parent_moved,
    "emptied": _emptied,
    "copied": _copied,
    "hard links": _linked,
    "symlink": _pointed_elsewhere,
    "a file": _covered_by_a_file,
    "removed": _removed,
    "no segment": _without("*.jsonl"),
    "segment put anew": _put_anew("*.jsonl"),
    "segment set aside": _set_aside("*.jsonl"),
    "no HEAD": _without("HEAD"),
    "HEAD put anew": _put_anew("HEAD"),
}


async def _append(journal: FileJournal, _head: Head) -> None:
    await journal.append(draft(9))


async def _witnessed_append(journal: FileJournal, _head: Head) -> None:
    await journal.append(draft(9), witness=True)


async def _snapshot(journal: FileJournal, head: Head) -> None:
    await journal.save_snapshot(Snapshot(head=head, reducer=1, state=b"{}"))


async def _renew(journal: FileJournal, _head: Head) -> None:
    await journal.renew()


DEEDS: Final[dict[str, _Deed]] = {
    "append": _append,
    "witnessed append": _witnessed_append,
    "snapshot": _snapshot,
    "renew": _renew,
}


@pytest.mark.parametrize("segment_bytes", [1, 100_000])
@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("hand", HANDS)
def test_nothing_is_written_once_the_journal_is_another_one(
    tmp_path: Path, hand: str, deed: str, segment_bytes: int
) -> None:
    """Neither where it stood nor where it went, whatever would have been next; the refusal is one line and stays."""
    warnings: list[str] = []

    async def go() -> None:
        path = tmp_path / "root" / "j"
        journal = FileJournal(path, segment_bytes=segment_bytes, on_warning=warnings.append, disk=QuickDisk())
        await journal.take(reducer=1)
        await journal.append(draft(1))
        last = await journal.append(draft(2))
        there = HANDS[hand](path)
        before = contents(tmp_path)
        with pytest.raises(ConflictError) as refused:
            await DEEDS[deed](journal, last.head)
        assert "\n" not in str(refused.value)
        assert str(path) in str(refused.value)
        with pytest.raises(ConflictError):
            await journal.append(draft(10))
        await journal.release()
        assert contents(tmp_path) == before
        if there is not None:
            assert numbers(read_journal(there)) == [1, 2]

    run(go())
    assert not warnings


@pytest.mark.parametrize("hand", [_without("HEAD"), _put_anew("HEAD")], ids=["no HEAD", "HEAD put anew"])
def test_a_stop_without_its_head_is_no_clean_one(tmp_path: Path, hand: _Hand) -> None:
    """The witness of the end would be lost, so the stop says so, and lets the journal go all the same."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j")
        await journal.take(reducer=1)
        await journal.append(draft(1))
        hand(tmp_path / "j")
        with pytest.raises(ConflictError, match="HEAD was"):
            await journal.release()
        await journal.release()

    run(go())


@pytest.mark.parametrize("hand", [_moved, _emptied, _copied], ids=["moved", "emptied", "copied"])
def test_a_clean_stop_is_witnessed_where_the_journal_went(tmp_path: Path, hand: _Hand) -> None:
    """It is the same journal, whose HEAD goes along; what stands in its place gets nothing."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j")
        await journal.take(reducer=1)
        await journal.append(draft(1))
        there = hand(tmp_path / "j")
        before = contents(tmp_path / "j")
        await journal.release()
        assert contents(tmp_path / "j") == before
        assert there is not None
        witness = read_witness(there)
        assert witness is not None
        assert witness.place.head.seq == 1

    run(go())


def test_a_journal_that_came_back_is_written_on(tmp_path: Path) -> None:
    """Whether it was away in between nobody can tell, and it does not matter."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j", segment_bytes=1)
        await journal.take(reducer=1)
        await append_all(journal, [1])
        _moved(tmp_path / "j").rename(tmp_path / "j")
        await append_all(journal, [2])
        await journal.release()

    run(go())
    assert reopen(tmp_path / "j")[1] == [1, 2]


def test_a_directory_mounted_over_the_journal_stops_it(tmp_path: Path) -> None:
    """The path leads to another directory then, though nobody moved anything."""
    program = """
import asyncio, subprocess, sys
from pathlib import Path
from events.journal import ConflictError
from tests.journal.kit import draft, file_journal

async def go(path, other):
    journal = file_journal(path)
    await journal.take(reducer=1)
    await journal.append(draft(1))
    subprocess.run(["mount", "--bind", other, path], check=True)
    try:
        await journal.append(draft(2))
    except ConflictError as error:
        print(error)

asyncio.run(go(Path(sys.argv[1]), Path(sys.argv[2])))
"""
    (tmp_path / "other").mkdir()
    said = unshared("--mount", sys.executable, "-c", program, tmp_path / "j", tmp_path / "other")
    assert "was moved, replaced or removed while this process wrote it, something else is there now" in said
    assert not list((tmp_path / "other").iterdir())
    assert reopen(tmp_path / "j")[1] == [1]


class _SwappingDisk(QuickDisk):
    """Before its ``at``-th operation on a name somebody puts an empty folder in the journal's place."""

    def __init__(self, journal: Path, at: int) -> None:
        self.operations = 0
        self._journal = journal
        self._at = at

    def open(self, path: Path, flags: int) -> int:
        """Open, after the swap if it is time."""
        self._swap()
        return super().open(path, flags)

    def rename(self, source: Path, target: Path) -> None:
        """Rename likewise."""
        self._swap()
        super().rename(source, target)

    def unlink(self, path: Path) -> None:
        """Remove likewise."""
        self._swap()
        super().unlink(path)

    def mkdir(self, path: Path) -> None:
        """Make likewise."""
        self._swap()
        super().mkdir(path)

    def fsync_dir(self, path: Path) -> None:
        """Really reach the directory, likewise."""
        self._swap()
        Disk.fsync_dir(self, path)

    def _swap(self) -> None:
        self.operations += 1
        if self.operations == self._at:
            _emptied(self._journal)


async def _live(journal: FileJournal, acknowledged: list[int]) -> None:
    """A start on a torn tail, rotations, snapshots that are thrown away, a stop."""
    lease = await journal.take(reducer=1)
    for repair in lease.repairs:
        await journal.append(draft(100, repair))
        acknowledged.append(100)
    for number in range(11, 15):
        record = await journal.append(draft(number), witness=number % 2 == 0)
        acknowledged.append(number)
        await journal.save_snapshot(Snapshot(head=record.head, reducer=1, state=b"{}"))
    await journal.release()


def test_a_swap_in_the_midst_of_anything_leaves_the_new_folder_empty(tmp_path: Path) -> None:
    """Whichever name the writer was about to make: it is made in the folder that was locked, or nowhere."""
    ended = 0
    for at in range(1, 1_000):
        root = tmp_path / f"{at}"
        journal = root / "j"
        build(journal, 3)
        with segments(journal)[-1].open("ab") as file:
            file.write(b'{"seq":')
        disk, acknowledged = _SwappingDisk(journal, at), [1, 2, 3]
        store = FileJournal(journal, segment_bytes=1, on_warning=lambda _line: None, disk=disk)
        with suppress(JournalError):
            run(_live(store, acknowledged))
        run(store.release())
        if disk.operations < at:
            ended = at
            break
        assert not list(journal.iterdir()), at
        assert reopen(root / "elsewhere")[1][: len(acknowledged)] == acknowledged, at
    assert ended > 30, "the life has more operations than that"
