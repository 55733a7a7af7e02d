"""Reading without holding: verified, on a journal that grows, on a directory that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from events.journal import (
    GENESIS,
    Head,
    JournalDamagedError,
    JournalError,
    JournalReader,
    RolledBackError,
    locate,
    read_journal,
)
from tests.journal.kit import (
    abandon,
    append_all,
    build,
    contents,
    draft,
    file_journal,
    numbers,
    run,
    segments,
)


def test_records_come_in_order_and_nothing_is_written(tmp_path: Path) -> None:
    """Not even a lock file is touched."""
    build(tmp_path / "j", 9)
    (tmp_path / "j" / "LOCK").unlink()
    before = contents(tmp_path / "j")
    assert numbers(read_journal(tmp_path / "j")) == list(range(1, 10))
    assert contents(tmp_path / "j") == before
    assert not (tmp_path / "j" / "LOCK").exists()


def test_a_read_only_directory_is_enough(tmp_path: Path) -> None:
    """For example a copy on a read-only medium."""
    build(tmp_path / "j", 5)
    for path in (tmp_path / "j").iterdir():
        path.chmod(0o400)
    (tmp_path / "j").chmod(0o500)
    try:
        assert numbers(read_journal(tmp_path / "j")) == [1, 2, 3, 4, 5]
    finally:
        (tmp_path / "j").chmod(0o700)


def test_a_torn_tail_ends_the_reading_and_is_told(tmp_path: Path) -> None:
    """The length of what is not a record yet."""
    build(tmp_path / "j", 5)
    with segments(tmp_path / "j")[-1].open("ab") as file:
        file.write(b'{"seq":6,')
    reader = JournalReader(tmp_path / "j")
    assert numbers(reader) == [1, 2, 3, 4, 5]
    assert (reader.tail_bytes, reader.head.seq) == (9, 5)


@pytest.mark.parametrize("kept", [1, 4, 9])
def test_a_journal_without_head_is_refused(tmp_path: Path, kept: int) -> None:
    """As by a start: whoever cuts off the end, and HEAD with it, would have the rest read as the whole story."""
    build(tmp_path / "j", 9, segment_bytes=100_000)
    (path,) = segments(tmp_path / "j")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))
    (tmp_path / "j" / "HEAD").unlink()
    before = contents(tmp_path / "j")
    with pytest.raises(JournalDamagedError, match=r"HEAD is missing.*backup"):
        next(read_journal(tmp_path / "j"))
    assert contents(tmp_path / "j") == before


def test_a_folder_in_which_nothing_was_begun_has_no_records(tmp_path: Path) -> None:
    """No HEAD, and none is missed."""
    (tmp_path / "j").mkdir()
    assert numbers(read_journal(tmp_path / "j")) == []


def test_a_break_names_file_and_byte(tmp_path: Path) -> None:
    """The records before it were given out."""
    build(tmp_path / "j", 9)
    path = segments(tmp_path / "j")[1]
    path.write_bytes(path.read_bytes().replace(b"number", b"nimber", 1))
    found: list[int] = []
    with pytest.raises(JournalDamagedError, match=f"{path.name} at byte 0, after record {int(path.stem) - 1}"):
        found.extend(record.seq for record in read_journal(tmp_path / "j"))
    reader = iter(JournalReader(tmp_path / "j"))
    assert next(reader).seq == 1


def test_a_growing_journal_is_followed(tmp_path: Path) -> None:
    """Over rotations, iterating again for what is new; nothing twice, nothing left out."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j")
        await journal.take(reducer=1)
        reader = JournalReader(tmp_path / "j")
        for first in range(1, 40, 3):
            await append_all(journal, range(first, first + 3), witness_at=[first])
            assert numbers(reader) == [first, first + 1, first + 2]
            assert list(reader) == []
        await journal.release()

    run(go())


def test_records_written_while_reading_are_read(tmp_path: Path) -> None:
    """The end is where the journal ends at last, in whichever segment."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j")
        await journal.take(reducer=1)
        await append_all(journal, [1, 2])
        seen = []
        for record in read_journal(tmp_path / "j"):
            seen.append(record.seq)
            if len(seen) < 20:
                await journal.append(draft(len(seen) + 2))
        assert seen == list(range(1, 22))
        await journal.release()

    run(go())


def test_a_record_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    """Half a line, later the rest of it."""
    build(tmp_path / "j", 3, segment_bytes=100_000)
    path = segments(tmp_path / "j")[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    reader = JournalReader(tmp_path / "j")
    assert numbers(reader) == [1, 2]
    assert reader.tail_bytes > 0
    path.write_bytes(whole)
    assert numbers(reader) == [3]
    assert reader.tail_bytes == 0


@pytest.mark.parametrize("seq", range(10))
def test_reading_can_begin_behind_any_known_record(tmp_path: Path, seq: int) -> None:
    """Its hash is compared, also when the segments before it are skipped."""
    build(tmp_path / "j", 9)
    heads = [GENESIS, *(record.head for record in read_journal(tmp_path / "j"))]
    assert numbers(read_journal(tmp_path / "j", after=heads[seq])) == list(range(seq + 1, 10))
    if seq:
        with pytest.raises(JournalDamagedError, match=f"record {seq} was expected to hash"):
            list(read_journal(tmp_path / "j", after=Head(seq=seq, hash="0" * 64)))


def test_a_journal_that_ends_before_a_known_record_has_lost_its_end(tmp_path: Path) -> None:
    """A reader with a memory notices a rollback."""
    build(tmp_path / "j", 3)
    with pytest.raises(RolledBackError, match="ends at record 3, but record 8 was there"):
        list(read_journal(tmp_path / "j", after=Head(seq=8, hash="0" * 64)))


def test_a_reader_that_stays_notices_that_its_journal_was_rolled_back(tmp_path: Path) -> None:
    """Cut back, replaced, or removed; a torn write at the end of it is nothing of the kind."""
    build(tmp_path / "j", 9)
    last = segments(tmp_path / "j")[-1]
    reader = JournalReader(tmp_path / "j")
    reader.check_kept()
    assert len(list(reader)) == 9
    with last.open("ab") as file:
        file.write(b'{"seq":10,')
    for _ in range(2):
        assert list(reader) == []
        reader.check_kept()
    whole = last.read_bytes()
    for other in (whole[:-40], b"", b"x" * len(whole), None):
        last.unlink(missing_ok=True)
        if other is not None:
            last.write_bytes(other)
        with pytest.raises(RolledBackError, match=f"{last.name} no longer holds record 9 at byte"):
            reader.check_kept()
    last.write_bytes(whole)
    reader.check_kept()


def test_an_empty_file_that_follows_hides_nothing(tmp_path: Path) -> None:
    """A crash may leave one behind the last record, and a reader may have stopped in it."""
    build(tmp_path / "j", 9)
    last = segments(tmp_path / "j")[-1]
    (tmp_path / "j" / f"{10:020d}.jsonl").touch()
    reader = JournalReader(tmp_path / "j")
    for _ in range(3):
        list(reader)
        reader.check_kept()
    last.write_bytes(last.read_bytes()[:-40])
    with pytest.raises(RolledBackError, match=f"{last.name} no longer holds record 9"):
        reader.check_kept()


def test_an_empty_journal_reads_as_nothing(tmp_path: Path) -> None:
    """Created, never written."""
    journal = file_journal(tmp_path / "j")
    run(journal.take(reducer=1))
    abandon(journal)
    assert list(read_journal(tmp_path / "j")) == []


def test_every_file_is_closed(tmp_path: Path) -> None:
    """Also when the reading is given up half way."""
    build(tmp_path / "j", 9)
    before = len(list(Path("/dev/fd").iterdir()))
    reader = iter(JournalReader(tmp_path / "j"))
    next(reader)
    del reader
    list(read_journal(tmp_path / "j"))
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_locate_takes_a_journal_or_the_only_one_inside(tmp_path: Path) -> None:
    """A sample counts only where it is alone."""
    build(tmp_path / "sample", 1)
    (tmp_path / "README.md").touch()
    assert locate(tmp_path) == tmp_path / "sample"
    build(tmp_path / "5Abc", 1)
    assert locate(tmp_path) == tmp_path / "5Abc"
    assert locate(tmp_path / "5Abc") == tmp_path / "5Abc"
    build(tmp_path / "5Def", 1)
    with pytest.raises(JournalError, match=r"several journals in .*: 5Abc, 5Def; name one of them"):
        locate(tmp_path)
    assert locate(tmp_path, "5Def") == tmp_path / "5Def"
    with pytest.raises(JournalError, match="no journal of 5Xyz in"):
        locate(tmp_path, "5Xyz")


def test_locate_says_when_there_is_none(tmp_path: Path) -> None:
    """One line, whatever is wrong."""
    with pytest.raises(JournalError, match="no journal in"):
        locate(tmp_path)
    with pytest.raises(JournalError, match="is not a directory"):
        locate(tmp_path / "missing")
