"""verify --hotkey: a third party, without the wallet, sees whether this hotkey vouches for this history."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bittensor_core import Keypair

from actor.edges.hotkey import is_signed_by
from actor.machine import REDUCER
from audit.vouch import KeptError, Vouched, compare_states, read_kept, vouch
from events import catalogue as ev
from events.codec import changed
from events.journal import Draft, JournalReader, Record, locate, parse, seal
from events.journal.record import checkpoint_message
from tests.audit.broken import clean, index, lines_of, records_of, rehashed, write
from tests.journal.spoiled import relinked
from tests.kit import Drive
from tests.world import World
from user_miner.cli import main

ALICE = Keypair.create_from_uri("//Alice").ss58_address
BOB = Keypair.create_from_uri("//Bob").ss58_address


def verify(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    """Run the command; its exit code and all it said."""
    with pytest.raises(SystemExit) as end:
        main(["verify", *args])
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out + said.err


def mined(world: World) -> Path:
    """A journal of two windows, each with its checkpoint."""
    world.mine()
    for _ in range(3):
        world.sandbox.add_post("Bittensor SN45 again")
    world.sandbox.next_window()
    world.mine()
    return locate(world.journal)


def checked(records: list[Record], kept: ev.CheckpointSigned | None = None) -> Vouched:
    """Alice's vouching for these records."""
    return vouch(records, is_signed_by, hotkey=ALICE, kept=kept)


def test_the_hotkey_vouches_for_its_journal(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and how far the last checkpoint reaches."""
    journal = mined(world)
    code, said = verify(capsys, str(journal), "--hotkey", ALICE)
    assert code == 0, said
    assert f"\nwhole: records 1 to {len(list(JournalReader(journal)))}; {ALICE} signed for records 1 to " in said
    assert said.endswith(" (2 checkpoint(s)), nobody yet for the 2 after that\n")
    code, said = verify(capsys, str(journal), "--hotkey", ALICE, "--json")
    assert json.loads(said)["vouched"]["checkpoints"] == 2


def test_another_hotkey_does_not(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and why: the journal is another's and the signatures do not hold."""
    code, said = verify(capsys, str(mined(world)), "--hotkey", BOB)
    assert code == 1
    assert f"this journal belongs to {ALICE}" in said
    assert f"not signed by {BOB}" in said


def test_a_rewritten_history_is_not_vouched_for(world: World) -> None:
    """Whoever rewrites a record and every hash behind it cannot write the signature: rehashed, not resigned."""
    records = list(JournalReader(mined(world)))
    drive = Drive()
    for record in records:
        event = record.event()
        if isinstance(event, ev.PostsScraped):
            event = changed(event, latency_ms=1)
        drive.at_ms = record.at_ms
        drive.on(event)
    assert checked(records).ok
    findings = checked(drive.records).findings
    assert any("stands behind another record" in line for line in findings)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: {"signature": "00" * 64},
        lambda _: {"signature": "no hex"},
        lambda _: {"state_sha256": "0" * 64},
        lambda e: {"seq": e.seq - 1},
        lambda _: {"head": "0" * 64},
    ],
)
def test_every_part_of_a_checkpoint_is_covered(
    world: World, spoil: Callable[[ev.CheckpointSigned], dict[str, object]]
) -> None:
    """Another seq, hash, digest or signature is found."""
    drive = Drive()
    for record in JournalReader(mined(world)):
        event = record.event()
        if isinstance(event, ev.CheckpointSigned):
            event = changed(event, **spoil(event))
        drive.at_ms = record.at_ms
        drive.on(event)
    assert not checked(drive.records).ok


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        ({"since": 1}, "lists hashes behind record 1, expected those behind 0"),
        ({"hashes_sha256": "0" * 64}, "lists other hashes of records 1 to "),
    ],
)
def test_a_signature_under_something_untrue_is_found(fields: dict[str, Any], finding: str) -> None:
    """Signed by the right hotkey, but not what the records are; the checkpoint behind it is judged by itself."""
    drive = Drive().start().batch(7, 1).accept_all().sign(**fields)
    untrue = drive.head.seq
    drive.batch(8, 2).accept_all().sign()
    vouched = checked(drive.records)
    assert [line.split(": ")[0] for line in vouched.findings] == [f"record {untrue}"]
    assert finding in vouched.findings[0]
    assert vouched.through_seq == drive.state.checkpoint_seq


def test_a_state_that_is_not_the_records_is_found_apart_from_the_signatures() -> None:
    """The hotkey vouches for these records; what it says that they fold to is another matter."""
    drive = Drive().start().batch(7, 1).accept_all().sign(state_sha256="0" * 64)
    assert (checked(drive.records).ok, checked(drive.records).through_seq) == (True, drive.state.checkpoint_seq)
    states = compare_states(drive.records)
    (finding,) = states.findings
    assert finding.startswith(f"record {drive.head.seq}: the checkpoint's state is not what this build folds")
    assert (states.compared, states.not_followed) == (1, None)


@pytest.mark.parametrize("reducer", [1, REDUCER - 1, REDUCER + 1])
def test_another_fold_s_state_is_signed_but_not_compared(reducer: int) -> None:
    """An older or newer build folded it; what it came to cannot be told here, and is no finding."""
    drive = Drive().start().batch(7, 1).accept_all().sign(reducer=reducer, state_sha256="0" * 64)
    vouched = checked(drive.records)
    assert (vouched.findings, vouched.other_folds, vouched.checkpoints) == ((), 1, 1)
    assert (compare_states(drive.records).compared, compare_states(drive.records).findings) == (0, ())


def test_records_that_this_build_does_not_follow_are_no_forgery(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A build with other rows wrote and signed them: the signatures hold, and the states are not compared."""
    drive = Drive().start().batch(7, 1).accept_all().sign()
    lines = lines_of(drive)
    place = index(lines, ev.SubmissionAccepted)
    lines[place].dest = "Backoff"
    lines[place + 1].source = "Backoff"
    journal = write(tmp_path / "journal", signed(rehashed(lines)))
    code, said = verify(capsys, str(journal), "--hotkey", ALICE)
    assert code == 0, said
    assert f"record {place + 1} says to Backoff" in said
    assert "signed, but were not compared; `check` tells more" in said
    assert "\nwhole: records 1 to " in said


def test_a_newer_build_s_checkpoint_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which says what to do; whether it is signed cannot be told here."""
    lines = list(Drive().start().batch(7, 1).accept_all().sign().lines)
    lines[-1] = lines[-1].replace(b'"v":3,"event":"CheckpointSigned"', b'"v":9,"event":"CheckpointSigned"')
    journal = write(tmp_path / "newer", relinked(lines))
    code, said = verify(capsys, str(journal))
    assert (code, said.count("\n")) == (1, 1)
    assert f"record {len(lines)}: CheckpointSigned version 9 is unknown" in said
    assert "update user-miner" in said


def signed(written: list[bytes]) -> list[bytes]:
    """A journal whose only checkpoint, its last record, Alice signed as it stands."""
    *before, last = written
    head = records_of(before)[-1].head
    event = parse(last, head).event()
    assert isinstance(event, ev.CheckpointSigned)
    signature = Keypair.create_from_uri("//Alice").sign(checkpoint_message(event)).hex()
    record = parse(last, head)
    draft = Draft(at_ms=record.at_ms, event=changed(event, signature=signature), source=record.source, dest=record.dest)
    return [*before, seal(draft, head)[0]]


@pytest.mark.parametrize("place", range(1, 12))
def test_a_history_that_somebody_edited_and_hashed_anew_is_not_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: int
) -> None:
    """Without a word about the hotkey: any record, all hashes and HEAD made anew, checkpoints kept or made to fit."""
    for kept in (True, False):
        lines = clean()
        for line in lines:
            line.kept = kept
        lines[place].at_ms += 1
        journal = write(tmp_path / str(kept), rehashed(lines))
        code, said = verify(capsys, str(journal))
        assert code == 1, said
        assert "\nthe signatures do not cover this history: " in said
        assert "whole" not in said.splitlines()[-1]


def test_what_nobody_signed_yet_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A journal without a checkpoint has nothing but its hashes, and that is no finding until a hotkey is asked for."""
    journal = write(tmp_path / "young", Drive().start().batch(7, 1).lines)
    code, said = verify(capsys, str(journal))
    assert code == 0
    assert said.splitlines()[-1].startswith("whole by its hashes, which anybody can make anew: records 1 to 5; ")
    assert said.endswith("no checkpoint is signed yet, so nobody vouches for them\n")
    assert verify(capsys, str(journal), "--hotkey", ALICE)[0] == 1


def test_version_1_is_verified_as_before() -> None:
    """It signed the end of the chain, by the same hotkey; a list that follows begins at record 1."""
    recorded = Path(__file__).parents[1] / "journal" / "recorded" / "v1" / "whole"
    old = list(JournalReader(recorded))
    assert (checked(old).checkpoints, checked(old).findings) == (1, ())
    drive = Drive().start().batch(7, 1).accept_all()
    drive.sign(since=None, hashes_sha256=None, reducer=1)
    drive.batch(8, 2).accept_all().sign()
    (_, second) = [event for r in drive.records if isinstance(event := r.event(), ev.CheckpointSigned)]
    assert second.since == 0
    assert checked(drive.records).ok


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_kept_checkpoint_of_each_version_is_read(tmp_path: Path, version: int) -> None:
    """As the journal's line or as its data alone."""
    older: dict[str, Any] = {"journal": None} if version < 3 else {}
    older |= {"since": None, "hashes_sha256": None, "reducer": 1} if version < 2 else {}
    drive = Drive().start().batch(7, 1).accept_all().sign(**older)
    data = drive.records[-1].data
    if version == 1:
        data = {name: data[name] for name in ("seq", "head", "state_sha256", "signature")}
    elif version == 2:
        del data["journal"]
    for content in (data, {"v": version, "data": data}):
        (tmp_path / "kept.json").write_text(json.dumps(content))
        kept = read_kept(tmp_path / "kept.json")
        assert kept == drive.records[-1].event()
        assert checked(drive.records, kept).ok


def test_a_kept_checkpoint_that_never_ends_is_none(tmp_path: Path) -> None:
    """A device would be read for ever, and a file of any length takes its memory."""
    (tmp_path / "kept.json").touch()
    os.truncate(tmp_path / "kept.json", 1 << 38)
    for path in (tmp_path / "kept.json", Path("/dev/zero")):
        with pytest.raises(KeptError, match=r"holds no checkpoint: it is longer than 1 MiB"):
            read_kept(path)


def test_a_checkpoint_kept_elsewhere_shows_a_rollback(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A journal and HEAD restored from an old backup are whole by themselves; the kept checkpoint says otherwise."""
    world.mine()
    old = list(JournalReader(locate(world.journal)))
    world.sandbox.next_window()
    world.mine()
    new = list(JournalReader(locate(world.journal)))
    (kept,) = [record.event() for record in new[len(old) :] if record.name == "CheckpointSigned"]
    assert isinstance(kept, ev.CheckpointSigned)
    assert checked(new, kept).ok
    assert any("rolled back" in line for line in checked(old, kept).findings)
    (line,) = [r for r in new if r.seq == kept.seq + 1]
    (tmp_path / "kept.json").write_text(json.dumps({"data": line.data}))
    arguments = (str(locate(world.journal)), "--hotkey", ALICE, "--checkpoint", str(tmp_path / "kept.json"))
    assert verify(capsys, *arguments)[0] == 0
    (tmp_path / "kept.json").write_text(json.dumps({**line.data, "head": "0" * 64}))
    assert verify(capsys, *arguments)[0] == 1


def test_a_checkpoint_of_another_journal_of_this_hotkey_is_told_as_that() -> None:
    """In the journal and kept elsewhere: it neither vouches for this history nor shows a rollback of it."""
    other = Drive()
    other.at_ms += 1
    kept = other.start().window(7).sign().records[-1].event()
    assert isinstance(kept, ev.CheckpointSigned)
    drive = Drive().start().batch(7, 1).accept_all()
    drive.sign()
    assert checked(drive.records).ok
    assert checked(drive.records, kept).findings == (
        "the kept checkpoint is of another journal of this hotkey: ask for the one that it names",
    )
    drive.window(8).sign(journal=other.records[0].hash)
    (finding,) = checked(drive.records).findings
    assert finding.startswith(f"record {drive.head.seq}: the checkpoint names another journal")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("windows", [1, 3])
def test_an_older_checkpoint_of_another_journal_accuses_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], version: int, windows: int
) -> None:
    """It names no journal: where it speaks of another record, or of one that is not there, it cannot be compared."""
    older: dict[str, Any] = {"journal": None}
    older |= {"since": None, "hashes_sha256": None, "reducer": 1} if version < 2 else {}
    other = Drive()
    other.at_ms += 1
    other.start()
    for number in range(windows):
        other.window(7 + number).scraped()
    other.sign(**older)
    kept = other.records[-1].event()
    assert isinstance(kept, ev.CheckpointSigned)
    drive = Drive().start().window(7).sign()
    found = checked(drive.records, kept)
    assert (found.findings, found.ok) == ((), True)
    assert found.incomparable is not None
    assert "cannot be compared" in found.incomparable
    assert checked(other.records, kept).incomparable is None
    data = {name: value for name, value in other.records[-1].data.items() if name not in older or older[name]}
    (tmp_path / "kept.json").write_text(json.dumps(data))
    code, said = verify(capsys, str(write(tmp_path / "j", drive.lines)), "--checkpoint", str(tmp_path / "kept.json"))
    assert code == 1
    assert "FOUND" not in said
    assert "cannot be compared" in said
    assert "whole: records 1 to" in said


def test_a_journal_without_checkpoints_is_not_vouched_for() -> None:
    """Silence proves nothing."""
    assert checked(Drive().start().records).findings[-1].startswith("no checkpoint was signed")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--hotkey", "5nonsense"), "no journal of 5nonsense"),
        (("--checkpoint", "x.json"), "cannot read x.json: No such file or directory"),
        (("--hotkey", ALICE, "--checkpoint", "missing.json"), "cannot read missing.json: No such file or directory"),
    ],
)
def test_wrong_use_is_one_line(
    world: World, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    """Exit code 2."""
    world.mine()
    code, said = verify(capsys, str(world.journal), *arguments)
    assert code == 2
    assert message in said


def run(capsys: pytest.CaptureFixture[str], checkpoint: Path) -> tuple[int, str]:
    """``user-miner run --checkpoint``; its exit code and all it said."""
    with pytest.raises(SystemExit) as end:
        main(["run", "--windows", "1", "--checkpoint", str(checkpoint)])
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out + said.err


def test_run_refuses_a_journal_that_was_rolled_back(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole by itself, HEAD included, but older than what the hotkey signed: nothing is written or sent."""
    for name, value in world.settings().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    world.mine()
    journal = locate(world.journal)
    shutil.copytree(journal, tmp_path / "backup")
    world.sandbox.next_window()
    world.mine()
    kept = [record for record in JournalReader(journal) if record.name == "CheckpointSigned"][-1]
    (tmp_path / "kept.json").write_text(json.dumps({"data": kept.data}))
    world.sandbox.next_window()
    assert run(capsys, tmp_path / "kept.json")[0] == 0
    shutil.rmtree(journal)
    shutil.copytree(tmp_path / "backup", journal)
    before = {path: path.read_bytes() for path in journal.rglob("*") if path.is_file()}
    searches = world.sandbox.ledger.x.searches
    code, said = run(capsys, tmp_path / "kept.json")
    assert (code, world.sandbox.ledger.x.searches) == (1, searches)
    assert "rolled back or rewritten" in said
    assert {path: path.read_bytes() for path in journal.rglob("*") if path.is_file()} == before
    (tmp_path / "kept.json").write_text(json.dumps({**kept.data, "head": "0" * 64}))
    assert run(capsys, tmp_path / "kept.json")[0] == 2, "a forged checkpoint proves nothing"
    for journal_named in (None, "ab" * 32):
        signed = Drive().start().sign(journal=journal_named, head="0" * 64).records[-1].data
        (tmp_path / "kept.json").write_text(json.dumps({k: v for k, v in signed.items() if v is not None}))
        code, said = run(capsys, tmp_path / "kept.json")
        assert (code, "of another" in said) == (1, True), said
    assert {path: path.read_bytes() for path in journal.rglob("*") if path.is_file()} == before
