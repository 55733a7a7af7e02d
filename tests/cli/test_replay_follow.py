"""``user-miner replay --follow``: what is there, what is added, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from events.journal import Draft, FileJournal, Record
from tests.audit import replay_kit
from tests.audit.replay_kit import SEGMENT, STEERING, hostile_story, story, timeline, write
from tests.cli.kit import is_one_line
from tests.kit import Drive
from tests.patience import GIVE_UP_S
from tests.world import wait_for
from user_miner.commands.replay import ReplayOptions, run_replay

Action = Callable[[], object]


class Script:
    """What happens to the journal while the tail has nothing to do: one action a pause, then Ctrl-C.

    Attributes:
        said: What had been printed at each pause.
    """

    def __init__(self, capsys: pytest.CaptureFixture[str], *actions: Action) -> None:
        self.said: list[str] = []
        self._capsys = capsys
        self._actions = iter(actions)

    def __call__(self) -> None:
        """One pause."""
        self.said.append(self._capsys.readouterr().out)
        action = next(self._actions, None)
        if action is None:
            raise KeyboardInterrupt
        action()

    def follow(self, journal: Path, options: ReplayOptions) -> tuple[int, str]:
        """Follow to the end of the script; the exit code and what was said on standard error."""
        code = run_replay(journal, options, pause=self)
        out, errors = self._capsys.readouterr()
        self.said.append(out)
        return code, errors


def adding(directory: Path, lines: list[bytes], name: str = SEGMENT) -> Action:
    """Append these lines."""

    def add() -> None:
        with (directory / name).open("ab") as file:
            file.writelines(lines)

    return add


def begun(directory: Path, drive: Drive, count: int) -> Path:
    """A journal that holds the first records."""
    replay_kit.begun(directory)
    adding(directory, drive.lines[:count])()
    return directory


def test_what_is_added_is_printed_as_it_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By window, each line as soon as it is known; Ctrl-C is a good end."""
    drive = story()
    journal = begun(tmp_path / "j", drive, 4)
    script = Script(capsys, *(adding(journal, drive.lines[i : i + 1]) for i in range(4, 46)))
    assert script.follow(journal, ReplayOptions(follow=True)) == (0, "")
    assert script.said[0] == "".join(timeline(drive.records[:4]).splitlines(keepends=True)[:-1])
    assert script.said[1].endswith("analyzed   1 post(s) by 1 LLM call(s) with 110 tokens\n")
    assert script.said[3] == "", "an attempt that was begun is not told before its answer"
    assert script.said[4].endswith("accepted   1\n")
    text = "".join(script.said)
    assert [line.split()[0] for line in text.splitlines() if " ended " in line] == ["10", "23", "27", "45"]
    assert text.count("checkpoint of record 10 signed") == 1


def test_all_at_once_is_what_replay_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But for the sum at the end, for there is none."""
    drive = story()
    script = Script(capsys)
    assert script.follow(write(tmp_path / "j", drive), ReplayOptions(follow=True)) == (0, "")
    assert "".join(script.said) == timeline(drive.records)


@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
def test_records_over_segments_a_restart_and_half_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """Each record once, in order, whatever file it stands in and however it came to be there."""
    drive = story()
    journal = begun(tmp_path / "j", drive, 9)
    half = len(drive.lines[9]) // 2
    script = Script(
        capsys,
        adding(journal, [drive.lines[9][:half]]),
        lambda: None,
        adding(journal, [drive.lines[9][half:], *drive.lines[10:20]]),
        adding(journal, drive.lines[20:30], f"{21:020d}.jsonl"),
        adding(journal, [], f"{31:020d}.jsonl"),
        adding(journal, drive.lines[30:40], f"{31:020d}.jsonl"),
        adding(journal, drive.lines[40:], f"{41:020d}.jsonl"),
    )
    assert script.follow(journal, ReplayOptions(follow=True, verbose=True, as_json=as_json)) == (0, "")
    parts = [
        [json.loads(line)["seq"] if as_json else int(line.split()[0]) for line in said.split("\n")[:-1]]
        for said in script.said
    ]
    spans = [(1, 9), (1, 0), (1, 0), (10, 20), (21, 30), (1, 0), (31, 40), (41, 46), (1, 0)]
    assert parts == [list(range(first, last + 1)) for first, last in spans]


def test_filters_hold_for_what_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A window's block begins when the first of its records passes, with what it missed."""
    drive = story()
    journal = begun(tmp_path / "j", drive, 2)
    script = Script(capsys, *(adding(journal, drive.lines[i : i + 1]) for i in range(2, 46)))
    options = ReplayOptions(follow=True, events=("RateLimited",))
    assert script.follow(journal, options) == (0, "")
    assert not "".join(script.said[:25])
    assert script.said[25].split()[0] == "14"
    assert "! limited    4" in script.said[25]
    post = Script(capsys)
    assert post.follow(journal, ReplayOptions(follow=True, post_id="5", verbose=True)) == (0, "")
    assert [line.split()[0] for line in "".join(post.said).splitlines()] == ["15", "18", "27", "31", "38", "39"]


def test_hostile_texts_are_inert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in every other mode."""
    journal = write(tmp_path / "j", hostile_story())
    for options in (
        ReplayOptions(follow=True),
        ReplayOptions(follow=True, verbose=True),
        ReplayOptions(follow=True, as_json=True),
    ):
        script = Script(capsys)
        assert script.follow(journal, options) == (0, "")
        text = "".join(script.said)
        assert STEERING not in text
        assert text.replace("\n", "").isprintable()


def cut_back(journal: Path) -> None:
    """The end is gone."""
    path = journal / SEGMENT
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))


def replaced(journal: Path) -> None:
    """Another journal stands in its place."""
    other = Drive()
    other.at_ms += 1
    other.start()
    for number in range(60_000, 60_030):
        other.window(number).scraped()
    write(journal, other)


def broken(journal: Path) -> None:
    """What is added does not belong there."""
    (journal / SEGMENT).write_bytes((journal / SEGMENT).read_bytes() + (b'{"seq":47}\n' + story().lines[44]))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut_back, ("no longer holds record 46 at byte", "rolled back, replaced or removed")),
        (replaced, ("no longer holds record 46 at byte",)),
        (shutil.rmtree, ("no longer holds record 46 at byte",)),
        (broken, ("after record 46",)),
    ],
    ids=["cut back", "replaced", "removed", "broken"],
)
def test_a_journal_that_is_no_longer_the_same_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    """One clear line and exit code 1, at the next look."""
    journal = write(tmp_path / "j", story())
    script = Script(capsys, lambda: None, lambda: spoil(journal), lambda: None)
    code, errors = script.follow(journal, ReplayOptions(follow=True))
    assert code == 1
    assert is_one_line(errors, *words)
    assert len(script.said) == 3, "it was noticed before the next pause"


def _draft_of(record: Record) -> Draft:
    return Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest)


def test_the_miner_is_not_disturbed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It takes the journal, writes, stops and starts again under a tail that has read it before."""
    drive = story()
    records = iter(drive.records)

    async def run(count: int) -> None:
        journal = FileJournal(tmp_path / "j", segment_bytes=4_000, on_warning=lambda _line: None)
        await journal.take(reducer=1)
        for _ in range(count):
            await journal.append(_draft_of(next(records)))
        await journal.release()

    asyncio.run(run(3))
    script = Script(capsys, *[lambda: asyncio.run(run(10))] * 4)
    assert script.follow(tmp_path / "j", ReplayOptions(follow=True, verbose=True)) == (0, "")
    assert [len(said.splitlines()) for said in script.said] == [3, 10, 10, 10, 10, 0]
    assert len(list((tmp_path / "j").glob("*.jsonl"))) > 3


@contextmanager
def tail(journal: Path, *arguments: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """``replay --follow`` in a process of its own, which does not outlive the test."""
    command = [sys.executable, "-m", "user_miner.cli", "replay", str(journal), "--follow", *arguments]
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_a_real_tail(tmp_path: Path) -> None:
    """With exit code 0 and without a word, while it sleeps; what was added before is there."""
    drive = story()
    journal = begun(tmp_path / "j", drive, 4)
    with tail(journal, "--verbose") as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(4)]
        adding(journal, drive.lines[4:6])()
        more = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=GIVE_UP_S)
    assert [int(line.split()[0]) for line in [*first, *more]] == [1, 2, 3, 4, 5, 6]
    assert (process.returncode, out, errors) == (0, "", "")


def test_a_real_tail_ends_when_its_reader_leaves(tmp_path: Path) -> None:
    """``--follow | head -1``: also when nothing more is ever written, so that no process is left behind."""
    journal = write(tmp_path / "j", story())
    reading, writing = os.pipe()
    with tail(journal, stdout=writing) as process:
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as output:
            wait_for(lambda: "checkpoint of record 45 signed" in output.readline(), "the last line")
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, errors) == (0, "")
