"""A long journal is read by two processes, and whoever reads it sees no difference."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from events.journal import JournalDamagedError, JournalReader, Record, read_journal
from events.journal.ahead import ReadAhead
from events.journal.record import GENESIS

RECORDED = Path(__file__).parent / "recorded" / "v1" / "whole"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two segments of a window's records."""
    return Path(shutil.copytree(RECORDED, tmp_path / "journal"))


def ahead(directory: Path) -> JournalReader:
    """A reader to whom every journal is a long one."""
    return JournalReader(directory, ahead_bytes=0)


def children() -> set[int]:
    """Processes that this one started and that were not waited for; other tests may have left some, for good."""
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("utf-8").split()}


def test_the_records_are_the_same(journal: Path) -> None:
    """From the first one on and from behind a checkpoint, with the end where the records end."""
    alone = list(read_journal(journal))
    reader = ahead(journal)
    assert list(reader) == alone
    assert reader.head == alone[-1].head
    assert list(JournalReader(journal, after=alone[9].head, ahead_bytes=0)) == alone[10:]
    assert [record for batch in ReadAhead(journal, GENESIS) for record in batch] == alone


def test_the_other_process_tells_where_it_ended(journal: Path) -> None:
    """So that nothing is read twice, and what was read can be looked for again."""
    other = ReadAhead(journal, GENESIS)
    *_, last = (record for batch in other for record in batch)
    assert other.end is not None
    assert other.end.place.head == last.head
    assert other.end.place.offset == (journal / other.end.place.segment).stat().st_size
    reader = ahead(journal)
    list(reader)
    reader.check_kept()
    assert list(reader) == []


def test_nobody_is_left_behind(journal: Path) -> None:
    """Neither at the end nor when the rest is not wanted."""
    before = children()
    records = iter(ahead(journal))
    next(records)
    assert children() > before
    records.close()  # type: ignore[attr-defined]  # a generator
    assert children() == before
    list(ahead(journal))
    assert children() == before


def test_a_death_costs_nothing(journal: Path) -> None:
    """The reader goes on by itself where the other process is gone: every record once, in order."""
    alone = list(read_journal(journal))
    before = children()
    records = iter(ahead(journal))
    found = [next(records)]
    for pid in children() - before:
        os.kill(pid, signal.SIGKILL)
    found += records
    assert found == alone


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/echo"])
def test_what_cannot_be_started_is_not_needed(journal: Path, python: str) -> None:
    """An interpreter that is not there, or says something else, is no reason to refuse a journal."""
    other = ReadAhead(journal, GENESIS, python=python)
    assert list(other) == []
    assert other.end is None


@pytest.mark.parametrize("place", [200, -300])
def test_damage_is_named_as_ever(journal: Path, place: int) -> None:
    """The good records, then the same refusal, wherever the bytes were changed."""
    path = min(journal.glob("*.jsonl"))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)

    def read(reader: JournalReader) -> tuple[list[Record], str]:
        found: list[Record] = []
        with pytest.raises(JournalDamagedError) as refused:
            found.extend(reader)
        return found, str(refused.value)

    assert read(ahead(journal)) == read(JournalReader(journal))


def test_a_torn_tail_is_told(journal: Path) -> None:
    """Its length is the same."""
    path = max(journal.glob("*.jsonl"))
    path.write_bytes(path.read_bytes() + b'{"seq":99,"at"')
    alone, reader = JournalReader(journal), ahead(journal)
    assert list(reader) == list(alone)
    assert reader.tail_bytes == alone.tail_bytes == 14
