"""What status reads of a journal: its state by a snapshot, its last day by records, and nothing that it need not."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from actor.machine import REDUCER, State, encode_state
from actor.machine.history import FoldError, folded
from audit.status.look import Look
from events import catalogue as ev
from events.journal import JournalDamagedError, JournalReader, RolledBackError
from events.journal.layout import list_segments
from tests.audit.replay_kit import SAMPLE, SEGMENT, begun, story, write
from tests.kit import T0_MS, Drive, accepted
from tests.status.kit import keep, looked
from tests.world import World

DAY_MS = 86_400_000
SMALL = 6_000


def days(count: int) -> Drive:
    """One window a day, each with two posts."""
    drive = Drive().start()
    for day in range(count):
        drive.at_ms = T0_MS + day * DAY_MS
        drive.batch(60_000 + day * 72, 2 * day + 1, 2 * day + 2).accept_all()
    return drive


def seen(directory: Path, now_ms: int) -> Look:
    """The journal, read."""
    look = Look(directory, now_ms)
    look.refresh()
    return look


def last_state(directory: Path) -> State:
    """What folding every record gives."""
    *_, (_, state) = folded(JournalReader(directory))
    return state


@pytest.mark.parametrize("snapshot_after", [None, 1, 30, 51, 66])
def test_a_snapshot_changes_nothing_of_what_is_told(tmp_path: Path, snapshot_after: int | None) -> None:
    """I5: with one or without, at a file's first record or its last, the state is the fold of every record."""
    drive = days(8)
    journal = keep(tmp_path / "j", drive, segment_bytes=SMALL, snapshot_after=snapshot_after)
    assert len(list_segments(journal)) > 3
    look = seen(journal, drive.at_ms)
    assert look.snapshot_seq == snapshot_after
    assert encode_state(look.state) == encode_state(drive.state) == encode_state(last_state(journal))
    assert look.record is not None
    assert look.record.head == drive.head


def test_every_record_may_bear_the_snapshot(tmp_path: Path) -> None:
    """Whichever record it was made of, the same is told of the same day."""
    drive = days(2)
    plain = looked(keep(tmp_path / "0", drive, segment_bytes=SMALL), drive.at_ms)
    for seq in range(1, len(drive.records) + 1, 2):
        found = looked(keep(tmp_path / str(seq), drive, segment_bytes=SMALL, snapshot_after=seq), drive.at_ms)
        found["record"]["snapshot_seq"] = None
        for part in set(plain) - {"journal", "process", "disk"}:
            assert found[part] == plain[part], (seq, part)


def test_old_files_are_not_read(tmp_path: Path) -> None:
    """So a long journal is told of at once: only what the snapshot and the last day need is looked at."""
    drive = days(8)
    journal = keep(tmp_path / "j", drive, segment_bytes=SMALL, snapshot_after=len(drive.records) - 3)
    first, *_, last = list_segments(journal)
    (journal / first).write_bytes(b"x" * (journal / first).stat().st_size)
    assert encode_state(seen(journal, drive.at_ms).state) == encode_state(drive.state)
    content = bytearray((journal / last).read_bytes())
    content[len(content) // 2] ^= 1
    (journal / last).write_bytes(bytes(content))
    with pytest.raises(JournalDamagedError, match=last):
        seen(journal, drive.at_ms)


def test_a_snapshot_of_another_fold_is_not_used(tmp_path: Path) -> None:
    """After an update the whole journal is read, which takes longer and tells the same."""
    drive = days(3)
    journal = keep(tmp_path / "j", drive, segment_bytes=SMALL, snapshot_after=20)
    (path,) = journal.glob("snapshots/*.json")
    assert b'"reducer":%d,' % REDUCER in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b'"reducer":%d,' % REDUCER, b'"reducer":99,'))
    look = seen(journal, drive.at_ms)
    assert look.snapshot_seq is None
    assert encode_state(look.state) == encode_state(drive.state)


def test_the_sample_is_told_of() -> None:
    """A recorded journal with every kind of event."""
    look = seen(SAMPLE, 0)
    assert encode_state(look.state) == encode_state(last_state(SAMPLE))


def test_what_is_added_is_read_once(tmp_path: Path) -> None:
    """A second look reads on where the first one ended, whole records only."""
    drive = story()
    lines = drive.lines
    journal = begun(tmp_path / "j")
    (journal / SEGMENT).write_bytes(b"".join(lines[:20]) + lines[20][:30])
    look = seen(journal, drive.at_ms)
    assert look.record is not None
    assert (look.record.seq, look.tail_bytes) == (20, 30)
    assert not look.refresh()
    with (journal / SEGMENT).open("ab") as file:
        file.write(lines[20][30:] + b"".join(lines[21:]))
    assert look.refresh()
    assert encode_state(look.state) == encode_state(drive.state)


def test_a_journal_that_was_rolled_back_is_noticed(tmp_path: Path) -> None:
    """Records that were shown are not there any more."""
    journal = write(tmp_path / "j", story())
    look = seen(journal, T0_MS)
    (journal / SEGMENT).write_bytes(b"".join(story().lines[:10]))
    with pytest.raises(RolledBackError):
        look.refresh()
    shutil.rmtree(journal)
    with pytest.raises((RolledBackError, OSError)):
        look.refresh()


def test_a_record_of_another_build_is_a_finding(tmp_path: Path) -> None:
    """One that this machine refuses, one that leads elsewhere, and one that cannot be read."""
    drive = Drive().start().batch(7, 1)
    changes = {
        "refused": (b'"event":"PostAnalyzed"', b'"event":"BackoffElapsed"', "BackoffElapsed"),
        "elsewhere": (b'"to":"Submitting"', b'"to":"Scraping"', "this build is in Submitting"),
        "unknown": (b'"event":"PostAnalyzed"', b'"event":"Nonsense"', "run the build that wrote it"),
    }
    for name, (found, put, told) in changes.items():
        line = _sealed(drive.lines[-1].replace(found, put), drive.records[-2].hash)
        (begun(tmp_path / name) / SEGMENT).write_bytes(b"".join(drive.lines[:-1]) + line)
        with pytest.raises(FoldError, match=told):
            seen(tmp_path / name, T0_MS)


def _sealed(line: bytes, before: str) -> bytes:
    """The line with the hash that continues the chain."""
    prefix = line[: line.rindex(b',"hash":"')]
    digest = hashlib.sha256(before.encode() + prefix).hexdigest()
    return prefix + b',"hash":"' + digest.encode() + b'"}\n'


def test_an_empty_journal_is_no_finding(tmp_path: Path) -> None:
    """It was taken, and nothing was written yet."""
    (begun(tmp_path) / SEGMENT).write_bytes(b"")
    found = looked(tmp_path, T0_MS)
    assert (found["record"]["seq"], found["hotkey"], found["posts"]) == (0, None, [])


def test_a_mined_journal_is_read_from_its_snapshot(mined: World) -> None:
    """The miner saves one when it stops; the posts of its last window are told all the same."""
    (journal,) = mined.journal.iterdir()
    state = mined.state()
    look = seen(journal, mined.history()[-1][0].at_ms)
    assert look.record is not None
    assert look.snapshot_seq == look.record.seq
    assert encode_state(look.state) == encode_state(state)
    assert state.window is not None
    posts = list(look.seen.posts.of_window(state.window.number))
    told = [event for record, _ in mined.history() if isinstance(event := record.event(), ev.PostsScraped)]
    assert [post.post_id for post in posts if post.window == state.window.number] == [p.id for p in told[-1].posts]
    assert {post.verdict for post in posts} >= {"accepted", "rejected"}


def test_verdicts_without_their_search_are_told(tmp_path: Path) -> None:
    """The search of a post may lie further back than what is read; its verdict is not lost for that."""
    drive = Drive().start().batch(7, 1)
    look = Look(write(tmp_path / "j", drive), T0_MS)
    look.seen.posts.take(drive.records[-1], accepted("1"))
    found = look.seen.posts.get("1")
    assert found is not None
    assert (found.verdict, found.author) == ("accepted", "")
