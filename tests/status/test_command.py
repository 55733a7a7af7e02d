"""``user-miner status``: its options, exit codes, and what a journal that is damaged or gone makes of it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.audit.replay_kit import SAMPLE, SEGMENT, story, write
from tests.cli.kit import Command, is_one_line, running
from tests.world import World, wait_for


def test_a_running_miner_is_told_of(world: World, command: Command) -> None:
    """Its process holds the journal; its state and posts are those of its records, as lines and as JSON."""
    with running(world) as process:
        wait_for(lambda: world.names().count("CheckpointSigned") == 1, "a window's end")
        code, out, errors = command("status", "--journal", world.journal, "--json")
        assert (code, errors) == (0, "")
        told = json.loads(out)
        assert (told["process"]["holds"], told["process"]["pid"]) == ("yes", process.pid)
        assert told["process"]["uptime_s"] < 60
        assert [post["stands"] for post in told["posts"]] == ["accepted"] * 5
        assert (told["posts_processed"], told["today"]["accepted"]) == (5, 5)
        assert told["today"]["posts"] == world.sandbox.ledger.x.posts_read
        code, out, _ = command("status", "--journal", world.journal)
        assert (code, f"process      {process.pid} holds the journal since" in out) == (0, True)
        assert world.stop(process)[0] == 0
    told = json.loads(command("status", "--journal", world.journal, "--json")[1])
    assert (told["process"]["holds"], told["process"]["said_goodbye"]) == ("no", True)
    assert told["record"]["snapshot_seq"] == told["record"]["seq"], "a clean stop leaves a snapshot"
    assert [post["stands"] for post in told["posts"]] == ["accepted"] * 5


def test_a_killed_miner_leaves_a_stale_lock(world: World, command: Command) -> None:
    """It is told as such, and is no finding: the next start goes on."""
    with running(world) as process:
        wait_for(lambda: "PostsScraped" in world.names(), "a search")
        process.kill()
        process.wait()
    code, out, _ = command("status", "--journal", world.journal)
    assert code == 0
    assert f"LOCK is stale, its process {process.pid} is gone" in out


def test_the_journal_is_found_by_the_settings(command: Command, tmp_path: Path) -> None:
    """JOURNAL_DIR of the settings file, by default the folder ``journal``; --journal wins."""
    write(tmp_path / "journal" / "5abc", story())
    assert "journal/5abc on netuid 45" in command("status")[1]
    write(tmp_path / "elsewhere" / "5def", story())
    (tmp_path / "settings").write_text(f"JOURNAL_DIR={tmp_path / 'elsewhere'}\n")
    assert "elsewhere/5def" in command("status", "--env-file", "settings")[1]
    assert "journal/5abc" in command("status", "--env-file", "settings", "--journal", "journal")[1]


def test_wrong_use_is_one_line(command: Command, tmp_path: Path) -> None:
    """Exit code 2: no folder, no journal in it, several of them, no such settings file."""
    for arguments in ([], ["--journal", tmp_path], ["--env-file", "none"], ["--watch"]):
        code, out, errors = command("status", *arguments)
        assert (code, out) == (2, ""), arguments
        assert is_one_line(errors)
    for name in ("5abc", "5def"):
        write(tmp_path / "journal" / name, story())
    code, _, errors = command("status")
    assert (code, is_one_line(errors, "5abc, 5def")) == (2, True)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_damaged_journal_is_a_finding(command: Command, tmp_path: Path, *, as_json: bool) -> None:
    """Exit code 1; what was good before the damage is told, and the place of it."""
    drive = story()
    lines = drive.lines
    lines[30] = lines[30].replace(b"e", b"f", 1)
    journal = write(tmp_path / "j", drive)
    code, out, errors = command("status", "--journal", journal, *(["--json"] if as_json else []))
    assert (code, is_one_line(errors, SEGMENT, "after record 30")) == (1, True)
    if as_json:
        told = json.loads(out)
        assert (told["record"]["seq"], SEGMENT in told["finding"]) == (30, True)
        assert told["process"]["said_goodbye"] is None
    else:
        assert "record       30 " in out
        assert "the last one that can be read: all below is as of it" in out


@pytest.mark.parametrize("count", [0, 1, 3, 30])
def test_damage_is_put_down_to_nobody(mined: World, command: Command, tmp_path: Path, *, count: int) -> None:
    """How the last process ended stands in what cannot be read: that is said, with the place and what to run."""
    (whole,) = mined.journal.iterdir()
    journal = shutil.copytree(whole, tmp_path / "j")
    data = bytearray((journal / SEGMENT).read_bytes())
    lines = bytes(data).splitlines(keepends=True)
    count = min(count, len(lines) - 1)
    data[sum(map(len, lines[:count])) + 5] ^= 1
    (journal / SEGMENT).write_bytes(data)
    code, out, errors = command("status", "--journal", journal)
    assert (code, is_one_line(errors, f"{SEGMENT} at byte ", f"after record {count}", "user-miner repair")) == (1, True)
    assert "process      none; how the last one ended cannot be read" in out
    assert "crash" not in out
    assert "cleanly" not in out
    assert ("without a record that can be read" in out) == (count == 0)


def test_damage_before_the_snapshot_leaves_the_state_of_what_is_good(
    mined: World, command: Command, tmp_path: Path
) -> None:
    """The snapshot speaks of records that are no longer proven: it stands for none of them."""
    (whole,) = mined.journal.iterdir()
    journal = shutil.copytree(whole, tmp_path / "j")
    lines = (journal / SEGMENT).read_bytes().splitlines(keepends=True)
    lines[8] = lines[8].replace(b"e", b"f", 1)
    (journal / SEGMENT).write_bytes(b"".join(lines))
    assert list((journal / "snapshots").iterdir())
    code, out, _ = command("status", "--journal", journal, "--json")
    told = json.loads(out)
    assert (code, told["record"]["seq"], told["record"]["snapshot_seq"]) == (1, 8, None)
    assert (told["state"]["name"], told["hotkey"] is None, told["process"]["epoch"]) == (
        json.loads(lines[7])["to"],
        False,
        1,
    )


def test_a_journal_without_head_slots_is_a_finding(command: Command, tmp_path: Path) -> None:
    """Whether its end is missing cannot be told."""
    journal = write(tmp_path / "j", story())
    (journal / "HEAD").write_bytes(b"x" * 1024)
    code, _, errors = command("status", "--journal", journal)
    assert (code, is_one_line(errors, "HEAD")) == (1, True)


def test_a_journal_that_lost_its_end_is_a_finding(mined: World, command: Command, tmp_path: Path) -> None:
    """HEAD witnessed more records than there are, with a snapshot and without."""
    (whole,) = mined.journal.iterdir()
    for keeps_snapshot in (True, False):
        journal = shutil.copytree(whole, tmp_path / f"j{keeps_snapshot}")
        if not keeps_snapshot:
            shutil.rmtree(journal / "snapshots")
        lines = (journal / SEGMENT).read_bytes().splitlines(keepends=True)
        (journal / SEGMENT).write_bytes(b"".join(lines[:-2]))
        code, _, errors = command("status", "--journal", journal)
        assert (code, is_one_line(errors, "lost its end", "user-miner repair")) == (1, True)


def test_nothing_is_written(command: Command, tmp_path: Path) -> None:
    """Every file of the journal is as it was, and none is new: in a directory that nobody may write to."""
    journal = shutil.copytree(SAMPLE, tmp_path / "j")
    before = {path: (path.stat().st_mtime_ns, path.is_dir() or path.read_bytes()) for path in journal.rglob("*")}
    journal.chmod(0o500)
    try:
        assert command("status", "--journal", journal)[0] == 0
        assert command("status", "--journal", journal, "--json")[0] == 0
    finally:
        journal.chmod(0o700)
    after = {path: (path.stat().st_mtime_ns, path.is_dir() or path.read_bytes()) for path in journal.rglob("*")}
    assert after == before


def test_a_relative_place_is_a_place(command: Command, tmp_path: Path) -> None:
    """The journal itself may be named, from any folder."""
    write(tmp_path / "a" / "j", story())
    assert command("status", "--journal", os.path.relpath(tmp_path / "a" / "j"))[0] == 0
