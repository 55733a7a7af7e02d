"""Files that never end: as when a disk lost a file's size, or when somebody made a journal for others to check."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from events.catalogue import ApiUnreachable
from events.journal import GENESIS, JournalDamagedError, Record, read_journal, verify_journal
from events.journal.head import read_witness
from events.journal.record import LONGEST_LINE, seal_checked
from events.journal.repair import copy_prefix, survey
from events.journal.snapshot import newest_usable
from tests.journal.kit import build, draft, file_journal, numbers, run, segments

_ENDLESS_BYTES = 1 << 38  # takes no room on the disk, and no machine has so much memory


def _zeros(directory: Path) -> Path:
    """Behind the last record, no line ends any more."""
    os.truncate(path := segments(directory)[-1], _ENDLESS_BYTES)
    return path


def _zeros_behind_a_torn_line(directory: Path) -> Path:
    """The write that was interrupted left a line, and the file goes on."""
    with segments(directory)[-1].open("ab") as file:
        file.write(b'{"seq":10,"at"\n')
    return _zeros(directory)


def _zeros_in_the_middle(directory: Path) -> Path:
    """Another file follows."""
    os.truncate(path := segments(directory)[1], _ENDLESS_BYTES)
    return path


def _a_file_of_zeros(directory: Path) -> Path:
    """The next file, and no record in it."""
    (path := directory / f"{10:020d}.jsonl").touch()
    os.truncate(path, _ENDLESS_BYTES)
    return path


def _a_file_out_of_place(directory: Path) -> Path:
    """A later file, and no record in it."""
    (path := directory / f"{99:020d}.jsonl").touch()
    os.truncate(path, _ENDLESS_BYTES)
    return path


_WAYS = [_zeros, _zeros_behind_a_torn_line, _zeros_in_the_middle, _a_file_of_zeros, _a_file_out_of_place]


@pytest.mark.parametrize("way", _WAYS)
def test_an_endless_file_is_damage(tmp_path: Path, way: Callable[[Path], Path]) -> None:
    """To readers, to verify and to a start alike: none reads on to the end, or takes it for a torn write."""
    build(tmp_path / "j", 9)
    path = way(tmp_path / "j")
    with pytest.raises(JournalDamagedError, match=r"nothing was changed.*--accept-loss"):
        numbers(read_journal(tmp_path / "j"))
    report = verify_journal(tmp_path / "j")
    assert path.name in {flaw.file for flaw in report.findings}
    assert report.tail_bytes == 0
    with pytest.raises(JournalDamagedError, match=r"nothing was changed.*--accept-loss"):
        run(file_journal(tmp_path / "j").take(reducer=1))
    assert path.stat().st_size == _ENDLESS_BYTES


@pytest.mark.parametrize("way", _WAYS)
def test_what_stands_before_an_endless_file_is_kept(tmp_path: Path, way: Callable[[Path], Path]) -> None:
    """A repair copies it, and tells how much is lost."""
    build(tmp_path / "j", 9)
    way(tmp_path / "j")
    before: list[Record] = []
    with pytest.raises(JournalDamagedError):
        before.extend(read_journal(tmp_path / "j"))
    damage = survey(tmp_path / "j")
    assert damage is not None
    assert damage.lost_bytes > _ENDLESS_BYTES - LONGEST_LINE
    assert damage.place.head == before[-1].head
    copy_prefix(tmp_path / "j", tmp_path / "new", damage.place)
    assert list(read_journal(tmp_path / "new")) == before


def test_an_endless_snapshot_is_passed_over(tmp_path: Path) -> None:
    """Like any other that is none, with a warning."""
    build(tmp_path / "j", 9)
    (tmp_path / "j" / "snapshots").mkdir(exist_ok=True)
    (path := tmp_path / "j" / "snapshots" / f"{9:020d}.json").touch()
    os.truncate(path, _ENDLESS_BYTES)
    warnings: list[str] = []
    witness = read_witness(tmp_path / "j")
    assert witness is not None
    names = [segment.name for segment in segments(tmp_path / "j")]
    found = newest_usable(tmp_path / "j", names, reducer=1, witness=witness.place, on_warning=warnings.append)
    assert found is None
    assert len(warnings) == 1
    assert "longer than" in warnings[0]


def test_no_line_is_written_that_no_reader_takes() -> None:
    """One byte too many is refused before anything is written; the longest is sealed."""
    room = LONGEST_LINE - len(seal_checked(draft(1, ApiUnreachable(reason="")), GENESIS)[0])
    line, _ = seal_checked(draft(1, ApiUnreachable(reason="x" * room)), GENESIS)
    assert len(line) == LONGEST_LINE
    with pytest.raises(ValueError, match="nothing was written"):
        seal_checked(draft(1, ApiUnreachable(reason="x" * (room + 1))), GENESIS)
