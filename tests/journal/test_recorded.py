"""Journals that were recorded once and are never written again: they verify, decode and replay for ever."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from actor.edges.hotkey import is_signed_by
from actor.machine.history import folded
from events.catalogue import EVENTS, CheckpointSigned, JournalCreated
from events.journal import GENESIS, Draft, FileJournal, locate, read_journal, seal, verify_journal
from events.journal.record import checkpoint_message
from events.upcast import VERSIONS
from tests.journal.kit import QuickDisk, contents, draft, run

HERE = Path(__file__).parent / "recorded"
JOURNALS = sorted(path.parent for path in HERE.glob(f"v*/*/{1:020d}.jsonl"))


@pytest.fixture(params=JOURNALS, ids=lambda path: f"{path.parent.name}-{path.name}")
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of one recorded journal."""
    source: Path = request.param
    return Path(shutil.copytree(source, tmp_path / "recorded"))


def test_no_recorded_byte_ever_changes() -> None:
    """Every file is listed with its digest, and nothing else is there."""
    lines = [line.partition("  ") for line in (HERE / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    listed = {name: digest for digest, _, name in lines}
    found = {
        str(path.relative_to(HERE)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in HERE.glob("v*/**/*")
        if path.is_file()
    }
    assert found == listed


def test_every_event_is_recorded() -> None:
    """In its present version too; a new one needs a new recorded journal, see recorded/README.md."""
    found = {(record.name, record.v) for journal in JOURNALS for record in read_journal(journal)}
    assert found >= {(name, VERSIONS[name]) for name in EVENTS}


def test_it_verifies(recorded: Path) -> None:
    """Whole, with its HEAD, and the quarantined bytes are those that were declared."""
    report = verify_journal(recorded)
    assert report.ok, report.findings
    assert report.head_state == "whole"
    assert report.witnessed == report.head
    assert report.tail_bytes == 0
    declared = {r.data["quarantine"]: r.data["sha256"] for r in read_journal(recorded) if r.name == "TailRepaired"}
    kept = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in recorded.glob("quarantine/*")}
    assert kept == declared


def test_it_replays(recorded: Path) -> None:
    """This build's machine comes from state to state as the records say."""
    records = list(read_journal(recorded))
    assert [record.seq for record, _ in folded(records)] == list(range(1, len(records) + 1))


def test_it_is_encoded_to_the_same_bytes(recorded: Path) -> None:
    """As long as no event in it has a newer version: same values, same line, same hash."""
    lines = [line for path in sorted(recorded.glob("*.jsonl")) for line in path.read_bytes().splitlines(keepends=True)]
    head = GENESIS
    for record, line in zip(read_journal(recorded), lines, strict=True):
        again = Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest)
        if record.v == VERSIONS[record.name]:
            assert seal(again, head) == (line, record.head)
        head = record.head


def test_its_checkpoints_are_signed(recorded: Path) -> None:
    """By the hotkey that the first record names, over the record before."""
    hotkey, before = "", GENESIS
    for record in read_journal(recorded):
        event = record.event()
        if isinstance(event, JournalCreated):
            hotkey = event.hotkey
        if isinstance(event, CheckpointSigned):
            assert (event.seq, event.head) == (before.seq, before.hash)
            assert is_signed_by(hotkey, checkpoint_message(event), bytes.fromhex(event.signature))
        before = record.head


def test_it_can_be_taken_and_goes_on(recorded: Path) -> None:
    """Nothing is repaired or declared again, and what was there stays as it is."""
    before = contents(recorded)

    async def go() -> None:
        journal = FileJournal(recorded, on_warning=pytest.fail, disk=QuickDisk())
        lease = await journal.take(reducer=1)
        assert lease.repairs == ()
        await journal.append(draft(1))
        await journal.release()

    run(go())
    after = contents(recorded)
    assert locate(recorded) == recorded
    for name, content in before.items():
        assert name == "HEAD" or after[name].startswith(content)
    assert verify_journal(recorded).ok
