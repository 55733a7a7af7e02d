"""Bytes before the snapshot: changed ones stop the miner before it sends anything, and the next start is refused."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from actor.machine.encoding import encode_state
from actor.machine.state import REDUCER
from events.journal import FileJournal, Snapshot
from events.journal.record import Draft
from tests.world import World


def in_segments(world: World) -> list[Path]:
    """The world's journal in many short files, with a snapshot of its end."""
    (folder,) = world.journal.iterdir()
    history = world.history()
    shutil.rmtree(folder)

    async def write() -> None:
        journal = FileJournal(folder, segment_bytes=2_500, on_warning=pytest.fail)
        await journal.take(reducer=REDUCER)
        for record, _ in history:
            draft = Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest)
            assert await journal.append(draft) == record
        record, state = history[-1]
        await journal.save_snapshot(Snapshot(head=record.head, reducer=REDUCER, state=encode_state(state)))
        await journal.release()

    asyncio.run(write())
    return sorted(folder.glob("*.jsonl"))


def test_a_changed_byte_stops_the_miner(world: World) -> None:
    """The first, the last and any byte of closed files and of the open one."""
    world.mine()
    segments = in_segments(world)
    (folder,) = world.journal.iterdir()
    kept = world.folder / "kept"
    folder.rename(kept)
    rng = random.Random(194)  # noqa: S311
    world.sandbox.next_window()
    world.sandbox.advance_posts(1800)
    size = {path.name: path.stat().st_size for path in kept.glob("*.jsonl")}
    closed = segments[:-1]
    assert len(closed) > 3
    middle = rng.choice(closed[1:-1])
    places = [(segments[0], 0), (middle, rng.randrange(size[middle.name])), (closed[-1], -1), (segments[-1], -1)]
    for path, at in places:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)
        content = bytearray(path.read_bytes())
        content[at] ^= 1
        path.write_bytes(content)
        sent = submissions(world)
        code, output = world.run("--windows", "1")
        assert code == 1, output
        assert f"{path} at byte" in output
        assert "put the right files back from a backup" in output
        assert submissions(world) == sent
    was = {name.name: name.read_bytes() for name in folder.glob("*.jsonl")}
    code, output = world.run("--windows", "1")
    assert code == 1, output
    assert {name.name: name.read_bytes() for name in folder.glob("*.jsonl")} == was
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    code, output = world.run("--windows", "1")
    assert code == 0, output
    assert submissions(world) > 0


def submissions(world: World) -> int:
    """How many posts were sent."""
    return sum(exchange.route == "api.submit" for exchange in world.sandbox.ledger.api.exchanges())
