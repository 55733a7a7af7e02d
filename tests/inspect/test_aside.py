"""The audit in a process of its own says what ``audit`` says, keeps up with a journal, and holds nobody up."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.inspect.judge import AtOnce, Judged
from tests.audit.replay_kit import SAMPLE, story, write
from tests.index.kit import walked, write_files
from tests.patience import Stopwatch, wait_for
from user_miner.inspect.aside import Aside


@pytest.fixture
def notes() -> list[str]:
    """What the judge said."""
    return []


@pytest.fixture
def aside(notes: list[str]) -> Iterator[Aside]:
    """A judge, whose process is gone afterwards."""
    judge = Aside(notes.append)
    yield judge
    judge.close()


def settled(judge: Aside, journal: Path, records: int) -> Judged:
    """The report of so many records."""
    wait_for(lambda: judge.judged(journal, records).records >= records, "the audit")
    return judge.judged(journal, records)


def as_read(judged: Judged) -> list[Any]:
    """As the page gets it."""
    found: list[Any] = orjson.loads(orjson.dumps([*judged]))
    return found


@pytest.mark.parametrize("seed", [3, 8])
def test_as_a_journal_grows_each_report_is_that_of_its_length(
    tmp_path: Path, aside: Aside, notes: list[str], seed: int
) -> None:
    """Also over the ends of files, and beside another journal."""
    lines = walked(seed, 1_100)
    for count in (2, 300, 301, 500, len(lines)):
        journal = write_files(tmp_path / "j", lines[:count], each=350)
        assert as_read(settled(aside, journal, count)) == as_read(AtOnce().judged(journal, count))
        assert aside.known(journal) == count
    assert as_read(settled(aside, SAMPLE, 5_089)) == as_read(AtOnce().judged(SAMPLE, 5_089))
    assert aside.known(journal) == len(lines)
    assert notes == []


def test_who_asks_does_not_wait(tmp_path: Path, aside: Aside) -> None:
    """Until there is a report, none is told; an old one stays until there is a newer one."""
    drive = story()
    journal = write(tmp_path / "journal", drive)
    assert aside.judged(journal, len(drive.lines)) == (0, None)
    report = settled(aside, journal, len(drive.lines))
    assert aside.judged(journal, len(drive.lines) + 1) == report


@pytest.mark.parametrize("at", [0, 30])
def test_a_journal_that_cannot_be_read_has_no_report(tmp_path: Path, aside: Aside, notes: list[str], at: int) -> None:
    """It is told as judged, so that nobody waits for it; and once it can be read, it has one."""
    drive = story()
    journal = write(tmp_path / "journal", drive)
    segment = next(journal.glob("*.jsonl"))
    lines = [*drive.lines]
    lines[at] = lines[at].replace(b'"seq":', b'"sEq":')
    segment.write_bytes(b"".join(lines))
    assert settled(aside, journal, 31) == (31, None)
    segment.write_bytes(b"".join(drive.lines))
    found = settled(aside, journal, len(drive.lines))
    assert as_read(found) == as_read(AtOnce().judged(journal, len(drive.lines)))
    assert notes == []


def test_a_process_that_is_killed_is_told_once(tmp_path: Path, aside: Aside, notes: list[str]) -> None:
    """The last report stays."""
    drive = story()
    journal = write(tmp_path / "journal", drive)
    report = settled(aside, journal, len(drive.lines))
    process = aside._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(3):
        assert aside.judged(journal, len(drive.lines) + 1) == report
    wait_for(lambda: notes, "the note")
    (line,) = notes
    assert "ended before its time" in line


def test_it_ends_at_once_whatever_it_does(tmp_path: Path, notes: list[str]) -> None:
    """With the server, in the middle of a long audit."""
    judge = Aside(notes.append)
    journal = write_files(tmp_path / "j", walked(5, 6_000), each=100_000)
    watch = Stopwatch(os.getpid())
    judge.judged(journal, 10**9)
    judge.close()
    assert watch.seconds() < 3
    assert notes == []
