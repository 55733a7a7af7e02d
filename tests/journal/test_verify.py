"""Verification reports everything that is wrong, with file and byte, and raises nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from events.journal import VerifyReport, verify_journal
from tests.journal.kit import NOW_MS, build, contents, file_journal, run, segments


def test_a_whole_journal_has_no_finding(tmp_path: Path) -> None:
    """And its figures are right."""
    build(tmp_path / "j", 9, witness_at=[7])
    before = contents(tmp_path / "j")
    report = verify_journal(tmp_path / "j")
    assert report.ok
    assert (report.records, report.segments, report.head.seq) == (9, len(segments(tmp_path / "j")), 9)
    assert report.bytes == sum(path.stat().st_size for path in segments(tmp_path / "j"))
    assert (report.first_at_ms, report.last_at_ms) == (NOW_MS + 1, NOW_MS + 9)
    assert (report.head_state, report.tail_bytes) == ("whole", 0)
    assert report.witnessed is not None
    assert report.witnessed.seq == 7
    assert contents(tmp_path / "j") == before


def test_an_empty_journal_is_whole(tmp_path: Path) -> None:
    """No record, no time."""

    async def go() -> None:
        journal = file_journal(tmp_path / "j")
        await journal.take(reducer=1)
        await journal.release()

    run(go())
    report = verify_journal(tmp_path / "j")
    assert report.ok
    assert (report.records, report.first_at_ms, report.last_at_ms) == (0, None, None)


@pytest.mark.parametrize("tail", [b"torn", b"torn\nand more"])
def test_an_interrupted_write_is_no_damage(tmp_path: Path, tail: bytes) -> None:
    """It is told apart: the next start moves it to quarantine."""
    build(tmp_path / "j", 9)
    with segments(tmp_path / "j")[-1].open("ab") as file:
        file.write(tail)
    report = verify_journal(tmp_path / "j")
    assert report.ok
    assert (report.tail_bytes, report.records) == (len(tail), 9)


def _found(report: VerifyReport) -> list[tuple[str, int]]:
    return [(finding.file, finding.offset) for finding in report.findings]


def test_every_break_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    """One finding for each damaged place, in order."""
    build(tmp_path / "j", 12, witness_at=[12])
    first, third = segments(tmp_path / "j")[0], segments(tmp_path / "j")[2]
    for path in (first, third):
        path.write_bytes(path.read_bytes().replace(b"number", b"nimber", 1))
    report = verify_journal(tmp_path / "j")
    assert _found(report) == [(first.name, 0), (third.name, 0)]
    assert report.records == 12


def test_a_record_that_is_none_any_more_is_one_finding(tmp_path: Path) -> None:
    """The chain is taken up again behind it."""
    build(tmp_path / "j", 9, witness_at=[9])
    path = segments(tmp_path / "j")[1]
    path.write_bytes(path.read_bytes().replace(b'"event"', b'"ev\0nt"', 1))
    report = verify_journal(tmp_path / "j")
    assert _found(report) == [(path.name, 0)]
    assert report.records == 8


def test_a_missing_segment_is_one_finding(tmp_path: Path) -> None:
    """At the file that follows the gap."""
    build(tmp_path / "j", 12, witness_at=[12])
    segments(tmp_path / "j")[1].unlink()
    following = segments(tmp_path / "j")[1]
    report = verify_journal(tmp_path / "j")
    assert _found(report) == [(following.name, 0)]
    assert "files are missing" in report.findings[0].reason


def test_a_lost_end_is_found(tmp_path: Path) -> None:
    """Cleanly cut, torn, or with its whole segment."""
    build(tmp_path / "j", 9, witness_at=[9])
    last = segments(tmp_path / "j")[-1]
    whole = last.read_bytes()
    for length in range(len(whole)):
        last.write_bytes(whole[:length])
        report = verify_journal(tmp_path / "j")
        assert not report.ok
        assert report.tail_bytes == 0
        assert report.findings[-1].file == "HEAD"
    last.unlink()
    assert not verify_journal(tmp_path / "j").ok


@pytest.mark.parametrize(
    ("spoil", "state", "ok"),
    [
        (lambda content: content[:100] + b"\0" + content[101:], "one slot damaged", True),
        (lambda content: content[:511], "damaged", False),
        (None, "missing", False),
    ],
)
def test_the_state_of_head_is_told(tmp_path: Path, spoil: object, state: str, *, ok: bool) -> None:
    """One damaged slot is survived; none or both leave a rollback undetectable."""
    build(tmp_path / "j", 3, witness_at=[3])
    path = tmp_path / "j" / "HEAD"
    if callable(spoil):
        path.write_bytes(spoil(path.read_bytes()))
    else:
        path.unlink()
    report = verify_journal(tmp_path / "j")
    assert (report.head_state, report.ok) == (state, ok)


def test_head_of_another_journal_is_found(tmp_path: Path) -> None:
    """Its record is not the one in that place."""
    build(tmp_path / "a", 6, witness_at=[6])
    build(tmp_path / "b", 6, witness_at=[6], segment_bytes=400)
    shutil.copy(tmp_path / "b" / "HEAD", tmp_path / "a" / "HEAD")
    assert "speaks of another record 6" in verify_journal(tmp_path / "a").findings[0].reason


def test_foreign_names_are_a_finding_and_the_rest_is_read(tmp_path: Path) -> None:
    """A copy among the segments, and what is no file: each is named."""
    build(tmp_path / "j", 6)
    (tmp_path / "j" / "copy.jsonl").touch()
    os.mkfifo(tmp_path / "j" / f"{7:020d}.jsonl")
    report = verify_journal(tmp_path / "j")
    assert report.records == 6
    assert [finding.file for finding in report.findings] == [f"{7:020d}.jsonl", "copy.jsonl"]
    assert "is no regular file" in report.findings[0].reason
    assert "is not a segment" in report.findings[1].reason


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    """Bytes done, bytes in all."""
    build(tmp_path / "j", 2_100, segment_bytes=100_000)
    seen: list[tuple[int, int]] = []
    report = verify_journal(tmp_path / "j", on_progress=lambda done, total: seen.append((done, total)))
    assert len(seen) == 3
    assert seen[-1] == (report.bytes, report.bytes)
    assert seen == sorted(seen)
