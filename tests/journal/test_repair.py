"""repair: what is said of the damage, and the journal that goes on behind a declared gap."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from actor.machine import fold
from actor.machine.history import folded
from actor.machine.state import State
from events import catalogue as ev
from events.codec import changed
from events.journal import FileJournal, JournalReader, verify_journal
from events.journal.repair import salvage, survey
from tests.audit.broken import write
from tests.journal.spoiled import (
    cut_below_head,
    flip,
    flip_in_the_middle,
    history,
    lose_a_segment,
    lose_head,
    relinked,
    segments,
    spoil_head,
    written,
)
from tests.kit import T0_MS, Drive, accepted, rejected
from user_miner.cli import main


def digest(journal: Path) -> dict[str, str]:
    """Every file's digest: the old journal is evidence."""
    files = (path for path in sorted(journal.rglob("*")) if path.is_file())
    return {str(path.relative_to(journal)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def repair(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    """Run the command; its exit code and all it said."""
    with pytest.raises(SystemExit) as end:
        main(["repair", *args])
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out + said.err


def state_of(journal: Path) -> State:
    """The folded state."""
    return fold(JournalReader(journal))


def test_a_whole_journal_needs_no_repair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, nothing written."""
    journal = written(tmp_path, history())
    before = digest(journal)
    code, said = repair(capsys, str(journal), "--accept-loss")
    assert (code, digest(journal)) == (0, before)
    assert "needs no repair" in said
    assert [path.name for path in tmp_path.iterdir()] == ["5Grw"]


def test_a_whole_journal_that_this_build_cannot_follow_is_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That ``run`` opens it is promised only of records that this build reads and allows."""
    for old, new, words in (
        (b'"event":"PostAnalyzed"', b'"event":"FromTheFuture"', "unknown event 'FromTheFuture'"),
        (b'"attempt":1', b'"attempt":7', "attempt 7 is not due"),
    ):
        journal = write(tmp_path / words, relinked(line.replace(old, new) for line in history().lines))
        code, said = repair(capsys, str(journal))
        assert (code, "needs no repair" in said) == (1, False)
        assert said.startswith("user-miner: the chain is whole, but this build cannot follow the records: record ")
        assert words in said
        assert said.endswith("; use the build that wrote them\n")


def test_damage_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason quotes what stands there: on one line, in what is printed and in what is declared."""
    journal = written(tmp_path, history(), segment_bytes=1 << 20)
    lines = segments(journal)[0].read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b'{"seq"', b'{"\\u001b[2J\\u202e\\n":1,"seq"')
    segments(journal)[0].write_bytes(b"".join(relinked(lines)))
    code, said = repair(capsys, str(journal), "--accept-loss")
    assert code == 0
    assert "unknown field" in said
    assert said.replace("\n", "").isprintable()
    (gap,) = (record.event() for record in JournalReader(tmp_path / "5Grw.repaired") if record.name == "GapDeclared")
    assert isinstance(gap, ev.GapDeclared)
    assert "unknown field" in gap.reason
    assert gap.reason.isprintable()


def test_without_acceptance_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run first: where, why, what is lost, what is still known; exit code 1."""
    journal = written(tmp_path, history())
    flip(segments(journal)[1], 200)
    before = digest(journal)
    code, said = repair(capsys, str(journal))
    assert (code, digest(journal)) == (1, before)
    assert f"behind byte {segments(journal)[0].stat().st_size} of {segments(journal)[0]}" in said
    assert "--accept-loss" in said
    assert [path.name for path in tmp_path.iterdir()] == ["5Grw"]


@pytest.mark.parametrize("spoil", [cut_below_head, lose_head, lose_a_segment, flip_in_the_middle, spoil_head])
def test_the_new_journal_declares_the_gap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None]
) -> None:
    """Good records byte for byte, then GapDeclared; whole for verify and for a start; the old one untouched."""
    journal = written(tmp_path, history())
    spoil(journal)
    before = digest(journal)
    damage = survey(journal)
    assert damage is not None
    code, said = repair(capsys, str(journal), "--accept-loss")
    assert code == 0, said
    assert digest(journal) == before
    new = tmp_path / "5Grw.repaired"
    assert verify_journal(new).ok
    steps = list(folded(JournalReader(new)))
    assert steps[-1][0].name == "GapDeclared"
    assert steps[-1][0].seq == damage.place.head.seq + 1
    old = b"".join(path.read_bytes() for path in segments(journal))
    kept = b"".join(path.read_bytes() for path in segments(new))
    assert old.startswith(kept[: kept.rindex(b"\n", 0, -1) + 1])
    assert survey(new) is None

    async def take() -> int:
        store = FileJournal(new, on_warning=print)
        lease = await store.take(reducer=0)
        await store.release()
        return lease.head.seq

    assert asyncio.run(take()) == damage.place.head.seq + 1


def test_what_is_known_from_behind_the_gap_is_taken_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """I1, I2, I3: seen posts stay seen, settled ones are not sent again, spent windows and quotas stay spent."""
    drive = history()
    journal = written(tmp_path, drive)
    flip(segments(journal)[0], 400)  # in the second record: nearly everything lies behind
    repair(capsys, str(journal), "--accept-loss")
    state = state_of(tmp_path / "5Grw.repaired")
    assert state.seen == drive.state.seen
    assert state.totals.accepted == drive.state.totals.accepted == 6
    assert state.window is not None
    assert state.window.number == 9
    assert state.counted[900] == 2
    assert state.posts == ()
    assert state.to_scrape == 0


def test_posts_whose_search_is_lost_stay_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """I2, I3: of the record of their search nothing can be read, but later ones name the posts."""
    drive = Drive().start().batch(7, 1, 2, 3)
    drive.on(accepted(drive.send(), start_block=700))
    drive.on(rejected(drive.send()))
    journal = written(tmp_path, drive, segment_bytes=1 << 20)
    lines = segments(journal)[0].read_bytes().splitlines(keepends=True)
    search = [record.name for record in drive.records].index("PostsScraped")
    flip(segments(journal)[0], sum(len(line) for line in lines[:search]) + 100)
    repair(capsys, str(journal), "--accept-loss")
    state = state_of(tmp_path / "5Grw.repaired")
    assert [state.is_seen(post_id) for post_id in ("1", "2", "3", "4")] == [True, True, True, False]


def test_a_settled_post_of_the_good_part_is_not_pending(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The break lies between a post's submission and its verdict, which can still be read behind it."""
    drive = Drive().start().batch(7, 1, 2)
    while drive.at() == "Submitting":
        drive.on(accepted(drive.send(), start_block=700))
    journal = written(tmp_path, drive, segment_bytes=1 << 20)
    lines = segments(journal)[0].read_bytes().splitlines(keepends=True)
    names = [record.name for record in drive.records]
    first = names.index("SubmissionStarted")
    flip(segments(journal)[0], sum(len(line) for line in lines[:first]) + 100)
    repair(capsys, str(journal), "--accept-loss")
    state = state_of(tmp_path / "5Grw.repaired")
    assert (state.state, state.posts) == ("WaitingForWindow", ())
    assert state.totals.accepted == 2


def test_a_journal_without_its_first_record_cannot_be_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose it is cannot be proved: one line says what to do."""
    journal = written(tmp_path, history())
    flip(segments(journal)[0], 10)
    code, said = repair(capsys, str(journal), "--accept-loss")
    assert code == 2
    assert "start a new one" in said
    assert not (tmp_path / "5Grw.repaired").exists()


def test_only_files_are_copied_from_quarantine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe or a device there holds no tail, and would never end."""
    journal = written(tmp_path, history())
    flip(segments(journal)[1], 200)
    (journal / "quarantine").mkdir()
    (journal / "quarantine" / "tail.bin").write_bytes(b"torn")
    (journal / "quarantine" / "endless.bin").symlink_to("/dev/zero")
    os.mkfifo(journal / "quarantine" / "pipe.bin")
    assert repair(capsys, str(journal), "--accept-loss")[0] == 0
    assert [path.name for path in (tmp_path / "5Grw.repaired" / "quarantine").iterdir()] == ["tail.bin"]


def test_an_existing_target_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second repair does not write over the first."""
    journal = written(tmp_path, history())
    flip(segments(journal)[1], 200)
    assert repair(capsys, str(journal), "--accept-loss")[0] == 0
    first = digest(tmp_path / "5Grw.repaired")
    code, said = repair(capsys, str(journal), "--accept-loss")
    assert code == 2
    assert "exists already" in said
    assert digest(tmp_path / "5Grw.repaired") == first
    assert repair(capsys, str(journal), "--accept-loss", "--out", str(tmp_path / "other"))[0] == 0


def test_salvage_knows_chosen_posts_by_the_days_of_the_fold() -> None:
    """In all their versions: by their records' day, and where nobody checked their dates by that which X told."""
    drive = Drive().start().window(7).scraped(20, edits=("18", "19"), timestamp=T0_MS // 1000 - 2 * 86_400)
    assert salvage(drive.records).seen == {day: tuple(sorted(ids)) for day, ids in drive.state.seen.items()}
    assert list(drive.state.seen) == [T0_MS // 86_400_000]
    search = drive.records[-1].event()
    unchecked = Drive().start().window(7)
    unchecked.on(changed(search, since=None))
    assert list(salvage(unchecked.records).seen) == list(unchecked.state.seen) == [T0_MS // 86_400_000 - 2]


def test_salvage_reads_only_what_it_can() -> None:
    """An event of a newer build tells nothing, and stops nothing."""
    drive = history(1)
    known = salvage(drive.records)
    assert known.records == len(drive.records)
    assert set(known.settled) == {"1", "2"}
    assert known.epoch == 1
    strange = [msgspec.structs.replace(r, name="FromTheFuture") for r in drive.records]
    assert salvage(strange).settled == ()
    assert isinstance(known, ev.Salvage)


def test_a_repaired_journal_starts_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Epochs that lie behind the gap count, so that the next start has a higher one."""
    drive = history(1)
    for _ in range(3):
        drive.start()
    journal = written(tmp_path, drive, segment_bytes=1 << 20)
    flip(segments(journal)[0], 700)
    assert repair(capsys, str(journal), "--accept-loss")[0] == 0
    new = tmp_path / "5Grw.repaired"

    async def next_epoch() -> int:
        store = FileJournal(new, on_warning=print)
        lease = await store.take(reducer=0)
        await store.release()
        return lease.epoch

    assert asyncio.run(next_epoch()) == 5
    assert state_of(new).epoch == 4


def test_what_was_paid_behind_the_gap_is_not_forgotten() -> None:
    """By UTC day, so that budgets go on from there."""
    drive = Drive().start().batch(7, 1, 2)
    day = drive.at_ms // 86_400_000
    drive.at_ms += 86_400_000
    drive.accept_all().batch(8, 3)
    told = salvage(drive.records).spent
    assert told == {
        day: ev.Spent(
            posts=10, users=10, prompt_tokens=200, completion_tokens=20, largest_prompt=100, largest_completion=10
        ),
        day + 1: ev.Spent(
            posts=10, users=10, prompt_tokens=100, completion_tokens=10, largest_prompt=100, largest_completion=10
        ),
    }
    assert told == drive.state.spent
