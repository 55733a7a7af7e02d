"""The hashes that the next checkpoint signs: remembered as they are written, read back only after a start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actor.chain_end import ChainEnd
from actor.edges.hotkey import is_signed_by
from actor.machine.history import folded
from audit.vouch import compare_states, vouch
from events.catalogue import CheckpointSigned
from events.journal import GENESIS, Draft, FileJournal, MemoryJournal, Record
from events.journal.record import hashes_sha256
from tests.kit import HOTKEY, Drive
from tests.world import World


class CountingJournal(MemoryJournal):
    """Notes from where it was read, and how many records were given out."""

    def __init__(self, lines: list[bytes]) -> None:
        super().__init__(lines)
        self.reads: list[int] = []
        self.given = 0

    async def read(self, after_seq: int = 0) -> AsyncIterator[Record]:
        """As a journal in memory does."""
        self.reads.append(after_seq)
        async for record in super().read(after_seq):
            self.given += 1
            yield record


def story() -> Drive:
    """Two windows with their checkpoints, and the beginning of a third."""
    drive = Drive().start()
    drive.batch(7, 1, 2).accept_all().sign()
    drive.batch(8, 3).accept_all().sign()
    return drive.batch(9, 4)


def digest(records: list[Record], since: int) -> str:
    """What a checkpoint behind all these records has to sign."""
    return hashes_sha256(record.hash for record in records[since:])


@pytest.mark.parametrize("snapshot_seq", [0, 3, 12, 17, 19])
def test_any_start_comes_to_the_same_list(snapshot_seq: int) -> None:
    """From the first record or from a snapshot, before or behind the last checkpoint; nothing is read twice."""
    drive = story()
    since = drive.state.checkpoint_seq
    assert 12 < since < 17
    assert len(drive.records) > 19

    async def go() -> tuple[str, CountingJournal]:
        journal = CountingJournal(drive.lines)
        await journal.take(reducer=1)
        end = ChainEnd(journal)
        end.begin(drive.records[snapshot_seq - 1].head if snapshot_seq else GENESIS)
        for record, state in list(folded(drive.records))[snapshot_seq:]:
            end.follow(record, state.checkpoint_seq)
        await end.reach_back(since)
        await end.reach_back(since)
        assert end.head == drive.head
        assert end.journal == drive.records[0].hash
        return end.hashes_sha256(since), journal

    found, journal = asyncio.run(go())
    assert found == digest(drive.records, since)
    assert journal.reads == [0] * bool(snapshot_seq) + [since] * (snapshot_seq > since)


def test_records_that_come_while_it_reads_are_not_lost() -> None:
    """The journal may go on under a read that reaches back."""
    drive = story()
    since = drive.state.checkpoint_seq

    async def go() -> str:
        journal = CountingJournal(drive.lines[:-2])
        await journal.take(reducer=1)
        end = ChainEnd(journal)
        end.begin(drive.records[-3].head)
        reading = asyncio.create_task(end.reach_back(since))
        for record in drive.records[-2:]:
            await journal.append(
                Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest)
            )
            end.follow(record, since)
        await reading
        return end.hashes_sha256(since)

    assert asyncio.run(go()) == digest(drive.records, since)


def test_a_list_that_was_not_read_is_not_signed() -> None:
    """A digest of a part of it would be a lie."""
    end = ChainEnd(MemoryJournal())
    end.begin(story().head)
    with pytest.raises(ValueError, match=r"hashes are known from record \d+, wanted from 1"):
        end.hashes_sha256(0)


def test_lists_meet_over_restarts(world: World) -> None:
    """Three runs of the real miner: each checkpoint begins where the one before ended, and all are as signed."""
    world.mine()
    for _ in range(2):
        world.sandbox.add_post("Bittensor SN45 again")
        world.sandbox.next_window()
        world.mine()
    records = [record for record, _ in world.history()]
    signed = [event for record in records if isinstance(event := record.event(), CheckpointSigned)]
    assert [event.since for event in signed] == [0, *(event.seq for event in signed[:-1])]
    assert all(event.hashes_sha256 == digest(records[: event.seq], event.since or 0) for event in signed)
    assert vouch(records, is_signed_by, hotkey=HOTKEY).ok
    assert compare_states(records).findings == ()


@pytest.mark.parametrize("at", [0, 300, 1_000, 5_000])
def test_damage_where_the_next_checkpoint_reads_costs_no_search(world: World, at: int) -> None:
    """Before the snapshot of a clean stop: refused at the start, each time, with no byte changed and nothing asked."""
    world.mine()
    (segment,) = world.journal.glob("*/*.jsonl")
    content = bytearray(segment.read_bytes())
    content[at] ^= 1
    segment.write_bytes(content)
    world.sandbox.next_window()
    asked = len(world.sandbox.ledger.x.exchanges())
    for _ in range(2):
        code, output = world.run("--windows", "1")
        assert code == 1, output
        assert "put the right files back from a backup" in output
        assert "nothing was changed" not in output
        assert segment.read_bytes() == bytes(content)
    assert len(world.sandbox.ledger.x.exchanges()) == asked


def test_a_journal_is_read_from_the_segment_that_is_asked_for(tmp_path: Path) -> None:
    """So a start costs what happened since the last checkpoint, however long the journal is."""
    drive = story()

    async def go() -> None:
        journal = FileJournal(tmp_path / "j", segment_bytes=2_000, on_warning=pytest.fail)
        await journal.take(reducer=1)
        for record in drive.records:
            await journal.append(
                Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest)
            )
        first, *_, last = sorted((tmp_path / "j").glob("*.jsonl"))
        content = first.read_bytes()
        first.write_bytes(b"?" * len(content))  # whoever reads it notices
        found = [record.seq async for record in journal.read(after_seq=int(last.stem) - 1)]
        assert found == list(range(int(last.stem), len(drive.records) + 1))
        first.write_bytes(content)
        assert len([record async for record in journal.read()]) == len(drive.records)
        await journal.release()

    asyncio.run(go())
