"""``user-miner check``: what an operator sees of it, on journals of every kind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from actor.machine import REDUCER
from events.journal import GENESIS, Head, JournalReader
from events.journal.head import Place
from events.journal.snapshot import StoredSnapshot, save
from tests.audit.check_kit import Honest, story
from tests.audit.replay_kit import begun
from tests.cli.kit import Command, in_each_window, is_one_line, running
from tests.journal.kit import QuickDisk
from tests.patience import GIVE_UP_S
from tests.world import World

SAMPLE = Path(__file__).parents[2] / "journal" / "sample"
SEGMENT = "00000000000000000001.jsonl"
STEERING = "\x1b[31m \x9b32m \u202e \x07 \x7f"


def write(directory: Path, drive: Honest) -> Path:
    """What the machine was fed, as a journal."""
    (begun(directory) / SEGMENT).write_bytes(b"".join(drive.lines))
    return directory


def rewritten(journal: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The journal with records changed and the chain made whole again."""
    lines, last = [], GENESIS.hash
    for line in (journal / SEGMENT).read_bytes().splitlines():
        fields = orjson.loads(line)
        del fields["hash"]
        change(fields)
        prefix = orjson.dumps(fields)[:-1]
        last = hashlib.sha256(last.encode() + prefix).hexdigest()
        lines.append(b'%b,"hash":"%b"}\n' % (prefix, last.encode()))
    (journal / SEGMENT).write_bytes(b"".join(lines))
    return journal


def change_data(name: str, **data: Any) -> Callable[[dict[str, Any]], None]:
    """Replace fields of every event of this name."""

    def change(fields: dict[str, Any]) -> None:
        if fields["event"] == name:
            fields["data"] |= data

    return change


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A journal with which this build agrees."""
    return write(tmp_path / "journal", story())


def contents(directory: Path) -> dict[Path, bytes]:
    """Every file's bytes."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_this_build_agrees_with_the_sample(command: Command) -> None:
    """Every record of some days of mining, with every kind of event."""
    before = contents(SAMPLE)
    records = sum(1 for _ in JournalReader(SAMPLE))
    code, out, errors = command("check", SAMPLE)
    assert (code, errors) == (0, "")
    assert f"agrees with all {records} records\n" in out
    assert f"compared: {records} transitions, " in out
    assert contents(SAMPLE) == before


def test_agreement_as_json(good: Path, command: Command) -> None:
    """With what was compared."""
    code, out, errors = command("check", "--json", good)
    report = json.loads(out)
    assert (code, errors, report["ok"], report["complete"]) == (0, "", True, True)
    assert report["records"] == report["agreed"] == len(story().records)
    assert report["starts"] == {"0.1.0": 1}
    assert report["compared"] == {"effects": report["records"] - 3, "checkpoints": 2, "snapshots": 0}
    assert (report["divergences"], report["not_compared"]) == ([], [])


def test_the_first_divergence_ends_it(good: Path, command: Command) -> None:
    """The record, both sides, the rule and how much agrees before; nothing behind it is looked at."""
    rewritten(good, change_data("PostAnalyzed", content_sha256="0" * 64))
    code, out, errors = command("check", good)
    assert (code, errors) == (1, "")
    lines = out.splitlines()
    assert lines[0].startswith("record 5 PostAnalyzed at 2026-11-22T14:32:05.")
    assert lines[1].startswith("  what happened: post 1: talisman")
    assert lines[2] == "  expected (journal) → actual (this build):"
    assert lines[3].startswith('    ~ content_sha256: "000')
    assert lines[4] == "  decided by: rule 3 (actor.machine.scoring)"
    assert lines[5].startswith("  this build wants there: AnalyzePost (post_id 1), AnalyzePost (post_id 2), ")
    assert lines[6] == "  4 records before it agree"
    assert lines[7].endswith("diverges; --all goes on after the first divergence")
    assert len(lines) == 8


def test_all_divergences(good: Path, command: Command) -> None:
    """Each as long as the first; and a word that later ones may follow from it."""
    rewritten(good, change_data("PostAnalyzed", content_sha256="0" * 64))
    code, out, _ = command("check", "--all", good)
    assert code == 1
    assert out.count("PostAnalyzed at ") == 5
    assert "later ones may follow from the first" in out
    code, out, _ = command("check", "--all", "--json", good)
    report = json.loads(out)
    found = [divergence for divergence in report["divergences"] if divergence["event"] == "PostAnalyzed"]
    assert (code, report["ok"], report["complete"], len(found)) == (1, False, True, 5)
    assert found[0]["differences"][0]["path"] == "content_sha256"
    assert set(found[0]["differences"][0]) == {"path", "journal", "build"}
    assert (found[0]["agreed"], found[1]["agreed"]) == (4, 4)


def test_another_way_shows_the_table_s_rows(good: Path, command: Command) -> None:
    """With the guards' values, the row taken, and the one that the journal took."""

    def change(fields: dict[str, Any]) -> None:
        if fields["seq"] == 5:
            fields["to"] = "Submitting"

    rewritten(good, change)
    code, out, _ = command("check", good)
    assert code == 1
    assert "the journal goes to Submitting, this build to Analyzing" in out
    assert "    taken  to Analyzing: analysis_due is true\n" in out
    assert "           to Submitting: post_queued is true  ← the journal's way\n" in out
    (found,) = json.loads(command("check", "--json", good)[1])["divergences"]
    assert {"to": "Analyzing", "guards": {"analysis_due": True}, "taken": True} in found["rows"]


def test_an_event_of_a_newer_build_is_one_clear_divergence(good: Path, command: Command) -> None:
    """This build cannot run there, and says why."""

    def change(fields: dict[str, Any]) -> None:
        if fields["event"] == "ActorStopped":
            fields["event"] = "ActorPaused"

    rewritten(good, change)
    code, out, errors = command("check", good)
    assert (code, errors) == (1, "")
    assert "this build cannot read it: unknown event 'ActorPaused': was this journal written by a newer build?" in out


def test_where_no_journal_is_nothing_is_checked(tmp_path: Path, command: Command) -> None:
    """Empty, foreign, missing: wrong use, in one line."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("hello")
    for name, words in (("empty", "no journal in"), ("foreign", "no journal in"), ("missing", "is not a directory")):
        code, out, errors = command("check", tmp_path / name)
        assert (code, out) == (2, ""), name
        assert is_one_line(errors, words)


def test_a_journal_without_records_is_agreed_with(tmp_path: Path, command: Command) -> None:
    """Just created, and nothing happened yet."""
    code, out, errors = command("check", write(tmp_path / "new", Honest()))
    assert (code, errors) == (0, "")
    assert "agrees with all 0 records" in out
    assert "written by nobody yet" in out


def test_damage_is_one_line(tmp_path: Path, command: Command) -> None:
    """A lost end, or bytes that changed: exit code 1, as every reader."""
    for name, damage in (("cut", cut), ("flipped", flipped), ("other lines", other_lines)):
        journal = Path(shutil.copytree(SAMPLE, tmp_path / name))
        damage(journal)
        code, _, errors = command("check", journal)
        assert code == 1, name
        assert is_one_line(errors, str(journal)), name


def cut(journal: Path) -> None:
    """The last segment is missing."""
    max(journal.glob("*.jsonl")).unlink()


def flipped(journal: Path) -> None:
    """One bit in the middle."""
    path = sorted(journal.glob("*.jsonl"))[1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def other_lines(journal: Path) -> None:
    """JSON lines of something else."""
    for path in journal.glob("*.jsonl"):
        path.write_text('{"level":"info","msg":"hello"}\n' * 3)


def test_an_unfinished_record_is_left_aside(good: Path, command: Command) -> None:
    """It was never acknowledged; it is mentioned."""
    with (good / SEGMENT).open("ab") as file:
        file.write(b'{"seq":99,"at":"2026')
    code, out, _ = command("check", good)
    assert code == 0
    assert "not compared: 20 bytes of an unfinished record at the end\n" in out


def test_a_snapshot_that_cannot_be_read_is_left_aside(good: Path, command: Command) -> None:
    """It is a cache."""
    (good / "snapshots").mkdir()
    (good / "snapshots" / f"{7:020d}.json").write_text("nonsense")
    place = Place(head=Head(seq=8, hash="0" * 64), segment=SEGMENT, offset=0)
    stored = StoredSnapshot(place=place, segments=(), epoch=1, declared=(), reducer=REDUCER, state=b"{")
    save(QuickDisk(), good, stored)
    code, out, errors = command("check", good)
    assert (code, errors) == (0, "")
    assert "not compared: snapshot 00000000000000000007.json: its checksum is wrong\n" in out
    assert "not compared: snapshot 00000000000000000008.json: unexpected end of data" in out


def test_a_journal_that_a_miner_wrote(world: World, command: Command) -> None:
    """Checked while it grows, and again when it rests, with its snapshot: this build agrees with itself (I5)."""
    world.sandbox.script("api.submit", "500", times=1)
    world.sandbox.script("llm.chat", "slow", times=5, seconds=0.1)
    lengths: set[int] = set()
    with running(world, "--windows", "2", env=world.env(LLM_CONCURRENCY="1")) as process:
        for _ in in_each_window(world, 2):
            code, out, errors = command("check", "--json", world.journal)
            assert (code, errors) == (0, ""), out
            lengths.add(json.loads(out)["records"])
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 0, errors
    assert len(lengths) > 1, "the journal was seen growing"
    code, out, errors = command("check", "--json", world.journal)
    assert (code, errors) == (0, ""), out
    report = json.loads(out)
    assert (report["compared"]["checkpoints"], report["compared"]["snapshots"]) == (2, 1)
    assert report["not_compared"] == []


def test_a_post_cannot_steer_the_terminal(tmp_path: Path, command: Command) -> None:
    """Neither what happened nor what differs carries a control character out, as text or as JSON."""
    drive = Honest()
    drive.start().window(812).scraped(1, content=f"SN45 {STEERING}").analyze_all().accept_all()
    journal = write(tmp_path / "journal", drive)

    def change(fields: dict[str, Any]) -> None:
        if fields["event"] == "SubmissionStarted":
            fields["data"]["body"]["content"] = f"{STEERING}!"
            fields["data"]["body"]["tokens"] = {STEERING: 1.0}
        if fields["event"] == "SubmissionAccepted":
            fields["data"] |= {"status": STEERING, STEERING: STEERING}

    rewritten(journal, change)
    for arguments in (["--all"], ["--all", "--json"]):
        code, out, errors = command("check", *arguments, journal)
        assert code == 1
        assert out.count("SubmissionStarted") >= 1
        assert (out + errors).replace("\n", "").isprintable(), arguments


def test_a_folder_with_one_journal_will_do(good: Path, command: Command) -> None:
    """JOURNAL_DIR itself is what operators have at hand."""
    parent = good.parent / "parent"
    parent.mkdir()
    shutil.move(good, parent / "5Grw")
    assert command("check", parent)[0] == 0


def test_the_journal_may_be_read_only(good: Path, command: Command) -> None:
    """Nothing is written, not even a lock."""
    before = contents(good)
    good.chmod(0o500)
    try:
        assert command("check", good)[0] == 0
    finally:
        good.chmod(0o700)
    assert contents(good) == before


def test_a_divergence_stays_one_when_the_reader_leaves(good: Path) -> None:
    """``check | head`` in a script still tells one build from another, and says nothing more."""
    rewritten(good, change_data("PostAnalyzed", content_sha256="0" * 64))
    reading, writing = os.pipe()
    os.close(reading)
    for unbuffered in ("", "1"):
        with subprocess.Popen(
            [sys.executable, "-m", "user_miner.cli", "check", "--all", str(good)],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        ) as process:
            _, errors = process.communicate(timeout=GIVE_UP_S)
        assert (process.returncode, errors) == (1, "")
    os.close(writing)
