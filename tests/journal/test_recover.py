"""The recovery table of the design, row by row, on real files."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from events.catalogue import ActorStarted, Policy
from events.journal import (
    GENESIS,
    Head,
    JournalDamagedError,
    JournalError,
    RolledBackError,
    SecondWriterError,
    read_journal,
    seal,
    verify_journal,
)
from events.upcast import VERSIONS
from tests.journal.kit import abandon, build, contents, draft, file_journal, reopen, run, segments


def _refused(directory: Path, error: type[JournalError] = JournalDamagedError) -> str:
    """The refusal's text; nothing on disk has changed, and reading without a lock refuses too."""
    before = contents(directory)
    with pytest.raises(error) as caught:
        reopen(directory)
    assert type(caught.value) is error
    assert contents(directory) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _patch(path: Path, at: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[at : at + len(data)] = data
    path.write_bytes(content)


@pytest.mark.parametrize(
    "tail",
    [b"x", b'{"seq":7,"at":"20', b"\0" * 700, b"garbage\n", b"\n", b"two\nlines\n", b"\xff" * 5000],
    ids=["byte", "half", "zeros", "line", "newline", "lines", "large"],
)
def test_a_torn_tail_beyond_head_is_moved_to_quarantine(tmp_path: Path, tail: bytes) -> None:
    """Row 1: kept, cut, declared once; the records are untouched."""
    build(tmp_path / "j", 6, witness_at=[3])
    last = segments(tmp_path / "j")[-1]
    size = last.stat().st_size
    with last.open("ab") as file:
        file.write(tail)
    lease, found = reopen(tmp_path / "j")
    assert found == [1, 2, 3, 4, 5, 6]
    (repair,) = lease.repairs
    assert (repair.segment, repair.offset, repair.length) == (last.name, size, len(tail))
    assert (tmp_path / "j" / "quarantine" / repair.quarantine).read_bytes() == tail
    assert last.stat().st_size == size


def test_a_repair_is_asked_for_until_a_record_declares_it(tmp_path: Path) -> None:
    """The same again at every start, then never again."""
    build(tmp_path / "j", 6)
    with segments(tmp_path / "j")[-1].open("ab") as file:
        file.write(b"torn")
    first, _ = reopen(tmp_path / "j")
    second, _ = reopen(tmp_path / "j")
    assert first.repairs == second.repairs != ()

    async def declare() -> None:
        journal = file_journal(tmp_path / "j")
        lease = await journal.take(reducer=1)
        await journal.append(draft(7, lease.repairs[0]))
        abandon(journal)

    run(declare())
    assert reopen(tmp_path / "j")[0].repairs == ()


def test_a_torn_declaration_is_a_second_repair(tmp_path: Path) -> None:
    """Both tails stood at the same place, one after the other; both are declared."""
    build(tmp_path / "j", 2)
    last = segments(tmp_path / "j")[-1]
    for tail in (b"first", b"second"):
        with last.open("ab") as file:
            file.write(tail)
        reopen(tmp_path / "j")
    lease, found = reopen(tmp_path / "j")
    assert found == [1, 2]
    assert sorted(repair.length for repair in lease.repairs) == [5, 6]


def test_bad_bytes_at_or_before_head_are_refused(tmp_path: Path) -> None:
    """Row 2: the last record is witnessed, so its damage is no interrupted write."""
    build(tmp_path / "j", 6, witness_at=[6])
    last = segments(tmp_path / "j")[-1]
    _patch(last, last.stat().st_size - 20, b"XX")
    text = _refused(tmp_path / "j")
    assert last.name in text
    assert "HEAD witnessed record 6" in text
    assert "user-miner repair" in text
    with pytest.raises(JournalDamagedError):
        list(read_journal(tmp_path / "j"))


def test_a_torn_record_below_head_is_refused(tmp_path: Path) -> None:
    """Row 2: half of a witnessed record is damage, not a torn write."""
    build(tmp_path / "j", 6, witness_at=[6])
    last = segments(tmp_path / "j")[-1]
    last.write_bytes(last.read_bytes()[:-30])
    assert "HEAD witnessed record 6" in _refused(tmp_path / "j")


@pytest.mark.parametrize("spoil", [b"XX", b"\0\0", b"\n\n"])
def test_a_record_behind_bad_bytes_is_refused(tmp_path: Path, spoil: bytes) -> None:
    """Row 2: writes are one after the other, so nothing follows a torn one."""
    build(tmp_path / "j", 6, segment_bytes=100_000)
    path = segments(tmp_path / "j")[0]
    offset = sum(map(len, _lines(path)[:4]))
    _patch(path, offset + 30, spoil)
    text = _refused(tmp_path / "j")
    assert f"at byte {offset}, after record 4" in text
    assert "a whole record follows" in text


def test_a_damaged_newline_does_not_hide_the_record_behind_it(tmp_path: Path) -> None:
    """Row 2: two records run into one line."""
    build(tmp_path / "j", 6, segment_bytes=100_000)
    path = segments(tmp_path / "j")[0]
    _patch(path, sum(map(len, _lines(path)[:5])) - 1, b" ")
    assert "a whole record follows" in _refused(tmp_path / "j")


def test_a_record_missing_before_the_last_one_is_refused(tmp_path: Path) -> None:
    """Row 2: a whole record of a higher number is no interrupted write, though nothing follows it."""
    build(tmp_path / "j", 6, segment_bytes=100_000)
    path = segments(tmp_path / "j")[0]
    lines = _lines(path)
    path.write_bytes(b"".join([*lines[:4], lines[5]]))
    assert "a whole record 6, so records before it are missing" in _refused(tmp_path / "j")
    assert not verify_journal(tmp_path / "j").ok


def test_bad_bytes_in_an_earlier_segment_are_refused(tmp_path: Path) -> None:
    """Row 2: beyond HEAD or not."""
    build(tmp_path / "j", 8)
    first = segments(tmp_path / "j")[0]
    first.write_bytes(first.read_bytes()[:-10])
    text = _refused(tmp_path / "j")
    assert "later segments exist" in text
    assert first.name in text


def test_a_clean_end_below_head_is_a_rollback(tmp_path: Path) -> None:
    """Row 3: the last witnessed record is gone without a trace."""
    build(tmp_path / "j", 6, witness_at=[6])
    last = segments(tmp_path / "j")[-1]
    last.write_bytes(b"".join(_lines(last)[:-1]))
    text = _refused(tmp_path / "j", RolledBackError)
    assert "HEAD witnessed record 6, but the last record is 5" in text
    assert "old copy" in text
    with pytest.raises(RolledBackError):
        list(read_journal(tmp_path / "j"))


def test_lost_segments_at_the_end_are_a_rollback(tmp_path: Path) -> None:
    """Row 3: whole files are missing; or all of them."""
    build(tmp_path / "j", 8, witness_at=[8])
    segments(tmp_path / "j")[-1].unlink()
    _refused(tmp_path / "j", RolledBackError)
    for path in segments(tmp_path / "j"):
        path.unlink()
    assert "no segment at all" in _refused(tmp_path / "j", RolledBackError)


def test_two_records_in_one_place_are_a_second_writer(tmp_path: Path) -> None:
    """Row 4: another process continued an earlier record."""
    build(tmp_path / "j", 4, segment_bytes=100_000)
    path = segments(tmp_path / "j")[0]
    third = [record.head for record in read_journal(tmp_path / "j")][2]
    other, _ = seal(draft(99), third)
    with path.open("ab") as file:
        file.write(other)
    assert "a second record 4 that continues record 3: two processes wrote" in _refused(
        tmp_path / "j", SecondWriterError
    )


def test_a_repeated_record_is_a_second_writer(tmp_path: Path) -> None:
    """Row 4: the same record twice, the very first one too."""
    for number in (1, 4):
        build(tmp_path / str(number), 4, segment_bytes=100_000)
        path = segments(tmp_path / str(number))[0]
        path.write_bytes(path.read_bytes() + _lines(path)[number - 1])
        assert f"a second record {number}" in _refused(tmp_path / str(number), SecondWriterError)


def test_a_segment_that_goes_back_is_a_second_writer(tmp_path: Path) -> None:
    """Row 4: two processes rotated at different records."""
    build(tmp_path / "j", 6, segment_bytes=100_000)
    fourth = [record.head for record in read_journal(tmp_path / "j")][3]
    other, _ = seal(draft(99), fourth)
    (tmp_path / "j" / f"{5:020d}.jsonl").write_bytes(other)
    assert "a second record 5" in _refused(tmp_path / "j", SecondWriterError)


def test_an_earlier_number_by_damage_is_no_second_writer(tmp_path: Path) -> None:
    """A flipped digit does not verify as anybody's successor: a torn tail, beyond HEAD."""
    build(tmp_path / "j", 4, segment_bytes=100_000)
    path = segments(tmp_path / "j")[0]
    _patch(path, sum(map(len, _lines(path)[:3])) + len(b'{"seq":'), b"2")
    lease, found = reopen(tmp_path / "j")
    assert found == [1, 2, 3]
    assert len(lease.repairs) == 1


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_segment_is_refused(tmp_path: Path, missing: int) -> None:
    """The first one, or one in the middle."""
    build(tmp_path / "j", 8)
    segments(tmp_path / "j")[missing].unlink()
    assert "expected the segment" in _refused(tmp_path / "j")


@pytest.mark.parametrize("name", ["copy.jsonl", "1.jsonl", ".jsonl", f"{0:020d}.jsonl", f"{1:020d} (1).jsonl"])
def test_a_foreign_file_among_the_segments_is_refused(tmp_path: Path, name: str) -> None:
    """A copy or a merge must not be read or ignored."""
    build(tmp_path / "j", 3)
    (tmp_path / "j" / name).write_bytes(b"")
    assert "move it out of the directory" in _refused(tmp_path / "j")


def test_head_of_another_history_is_refused(tmp_path: Path) -> None:
    """The hash at HEAD's number must be the record's, wherever the chain itself is whole."""
    build(tmp_path / "a", 6, witness_at=[6])
    build(tmp_path / "b", 7, witness_at=[7])
    run(_rewrite_other(tmp_path / "c"))
    shutil.copy(tmp_path / "c" / "HEAD", tmp_path / "a" / "HEAD")
    assert "not of one history" in _refused(tmp_path / "a")
    shutil.copy(tmp_path / "b" / "HEAD", tmp_path / "a" / "HEAD")
    _refused(tmp_path / "a", RolledBackError)


async def _rewrite_other(directory: Path) -> None:
    journal = file_journal(directory)
    await journal.take(reducer=1)
    for number in range(11, 17):
        await journal.append(draft(number))
    await journal.release()


def test_a_missing_head_is_refused(tmp_path: Path) -> None:
    """Without it a rollback could not be told from a short journal."""
    build(tmp_path / "j", 3)
    (tmp_path / "j" / "HEAD").unlink()
    assert "HEAD is missing" in _refused(tmp_path / "j")


def test_snapshots_alone_are_not_an_empty_journal(tmp_path: Path) -> None:
    """Segments and HEAD were removed: the rest still says that there was something."""
    (tmp_path / "j" / "snapshots").mkdir(parents=True)
    (tmp_path / "j" / "snapshots" / f"{7:020d}.json").write_bytes(b"{}")
    assert "HEAD is missing" in _refused(tmp_path / "j")


@pytest.mark.parametrize("slot", [0, 1])
def test_one_damaged_slot_of_head_is_survived_and_healed(tmp_path: Path, slot: int) -> None:
    """With a warning; the next witness is written into the damaged slot."""
    build(tmp_path / "j", 3, witness_at=[2, 3])
    _patch(tmp_path / "j" / "HEAD", slot * 512 + 100, b"\0")
    warnings: list[str] = []

    async def go() -> None:
        journal = file_journal(tmp_path / "j")
        journal._on_warning = warnings.append
        await journal.take(reducer=1)
        abandon(journal)

    run(go())
    assert len(warnings) == 1
    assert "one of two slots was damaged" in warnings[0]
    warnings.clear()
    run(go())
    assert warnings == []


def test_an_empty_last_segment_is_a_crash_right_after_rotation(tmp_path: Path) -> None:
    """Nothing is missing; the next record goes there."""
    build(tmp_path / "j", 3, segment_bytes=100_000)
    (tmp_path / "j" / f"{4:020d}.jsonl").touch()
    lease, found = reopen(tmp_path / "j")
    assert (found, lease.repairs) == ([1, 2, 3], ())


def test_a_journal_without_records_opens_again(tmp_path: Path) -> None:
    """HEAD and the first segment are there before the first record."""
    first, _ = reopen(tmp_path / "j")
    second, found = reopen(tmp_path / "j")
    assert first.head == second.head == GENESIS == Head(seq=0, hash="0" * 64)
    assert found == []


def test_the_epoch_is_one_above_the_highest_that_started(tmp_path: Path) -> None:
    """Whatever the order."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j")
        lease = await journal.take(reducer=1)
        assert lease.epoch == 1
        for number, epoch in enumerate([1, 7, 3]):
            started = ActorStarted(build="1", epoch=epoch, pid=1, policy=Policy())
            await journal.append(draft(number, started))
        abandon(journal)

    run(go())
    assert reopen(tmp_path / "j")[0].epoch == 8


def test_a_record_that_this_build_cannot_read_is_refused(tmp_path: Path) -> None:
    """The chain verifies, but a newer build wrote it: an update, not a repair."""
    build(tmp_path / "j", 1)
    started = draft(2, ActorStarted(build="9", epoch=1, pid=1, policy=Policy()))
    (first,) = list(read_journal(tmp_path / "j"))
    line, _ = seal(started, first.head)
    newest = VERSIONS["ActorStarted"]
    prefix = line.replace(b'"v":%d' % newest, b'"v":%d' % (newest + 1)).rpartition(b',"hash":"')[0]
    path = segments(tmp_path / "j")[-1]
    path.write_bytes(path.read_bytes() + _resealed(prefix, first.head))
    text = _refused(tmp_path / "j", JournalError)
    assert f"ActorStarted version {newest + 1} is unknown" in text
    assert "update user-miner" in text


def _resealed(prefix: bytes, head: Head) -> bytes:
    return prefix + b',"hash":"' + hashlib.sha256(head.hash.encode() + prefix).hexdigest().encode() + b'"}\n'
