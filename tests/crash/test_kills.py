"""A bounded part of `make kills`, and proof that its inspector sees what it is there to see."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.crash.inspector import Inspector
from tests.crash.kills import kill_again_and_again
from tests.crash.seeds import printed_seed
from tests.world import World

KILLS = 25


def inspected(world: World) -> Inspector:
    """An inspector of the only journal in a world, after one honest life."""
    code, output = world.run("--windows", "1", "--logging.json")
    assert code == 0, output
    (journal,) = (path for path in world.journal.iterdir() if path.is_dir())
    inspector = Inspector(world.sandbox, journal)
    inspector.life_ended(output)
    inspector.finished()
    return inspector


def test_random_kills_lose_nothing(tmp_path: Path) -> None:
    """I1, I3, I4, I5, I8: however often and whenever the actor dies, nothing that was acknowledged is lost."""
    done = kill_again_and_again(tmp_path, kills=KILLS, seed=printed_seed())
    assert not done.findings, done
    assert done.kills == KILLS
    assert done.accepted > 0


def test_the_inspector_finds_lost_and_invented_records(world: World) -> None:
    """A journal without its last record, and a log that tells of a record that never was."""
    inspector = inspected(world)
    assert inspector.findings == []
    segment = next(world.journal.glob("*/*.jsonl"))
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-1]))
    inspector.life_ended('{"seq": 99, "kind": "WindowOpened", "event": "window 7"}\n')
    found = "\n".join(inspector.findings)
    assert "bytes of records that a reader had seen are gone" in found
    assert "record 99 (WindowOpened) was acknowledged and is lost" in found


def test_the_inspector_finds_what_is_paid_for_twice(world: World) -> None:
    """An actor that forgot its journal analyzes and sends again, and nothing that it logs was there before."""
    inspector = inspected(world)
    shutil.rmtree(world.journal)
    world.mine()
    inspector.life_ended("")
    found = "\n".join(inspector.findings)
    for what in ("I2: post", "I3: a post was analyzed again", "I3: 1 searches in a life that recorded 0", "I8: bytes"):
        assert what in found
