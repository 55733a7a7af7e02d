"""``status --watch``: on a terminal, in a pipe, on a dumb terminal, while the journal lives its life."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from audit.status.lines import StatusLine, status_lines
from audit.status.page import fitting, page_of
from audit.status.watch import Pause, Watched
from events import catalogue as ev
from events.journal import Draft, FileJournal
from tests.audit.replay_kit import SEGMENT, begun, hostile_story, story, write
from tests.kit import Drive
from tests.patience import GIVE_UP_S, Stopwatch
from tests.status.kit import keep, looked, terminal

XTERM = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
_LEAVES = b"\x1b[?1049l"
_ENTERS = b"\x1b[?1049h"
_SHOWS_CURSOR = b"\x1b[?25h"


class Time:
    """A clock that a test moves."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        """The present moment."""
        return self.now_ms


def cut(journal: Path, count: int) -> None:
    """Only the first records are left."""
    lines = (journal / SEGMENT).read_bytes().splitlines(keepends=True)
    (journal / SEGMENT).write_bytes(b"".join(lines[:count]))


@contextmanager
def piped(*words: str | Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """``user-miner`` whose output goes into a pipe."""
    command = [sys.executable, "-m", "user_miner.cli", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env or {}) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_terminal_shows_a_page_that_survives_resizing(tmp_path: Path) -> None:
    """Drawn on the other screen, anew at another size, wrapped to its width; Ctrl-C gives the terminal back."""
    journal = write(tmp_path / "j", story())
    with terminal("status", "--watch", "--journal", journal, env=XTERM, rows=40, columns=100) as page:
        first = page.read("processed", "last error")
        assert first.count(_ENTERS) == 1
        for rows, columns in ((40, 60), (12, 30), (1, 1), (50, 140)):
            before = len(page.output)
            page.resize(rows, columns)
            drawn = page.read("user", since=before) if columns > 1 else page.read("\x1b[H", since=before)
            assert b"Traceback" not in drawn
        page.type(b"\x03")
        assert page.end() == 0
        assert page.output.count(_LEAVES) == 1
        assert page.output.rindex(_SHOWS_CURSOR) > page.output.rindex(b"\x1b[?25l")
        assert b"Traceback" not in page.output
        assert b"last error" in page.output[page.output.rindex(_LEAVES) :], "what was shown last stays"


def troubled() -> Drive:
    """A story with trouble near its end, and more to tell than a small terminal holds."""
    drive = Drive().start().batch(7, 1, 2, 3, 4, 5)
    drive.on(ev.ApiUnreachable(reason="no route to the host"))
    return drive


def test_a_small_terminal_shows_trouble_first(tmp_path: Path) -> None:
    """At 60x15, and says how much is left out; a large one shows all in its order."""
    journal = write(tmp_path / "j", troubled())
    with terminal("status", "--watch", "--journal", journal, env=XTERM, rows=15, columns=60) as page:
        shown = page.read("lines").decode()
        assert "does not answer" in shown
        assert "last error" in shown
        assert shown.index("does not answer") < shown.index("on netuid")
        assert re.search(r"\+\d+ lines", shown)
        before = len(page.output)
        page.resize(50, 140)
        whole = page.read("last error", "processed", since=before).decode()
        assert whole.index("on netuid") < whole.index("does not answer")
        assert " lines" not in whole
        page.type(b"\x03")
        assert page.end() == 0


@pytest.mark.parametrize("columns", [20, 40, 60, 100, 200])
def test_a_page_fits_its_terminal(tmp_path: Path, columns: int) -> None:
    """At every height that holds the title, a line and the count; each line is shown or counted."""
    drive = troubled()
    fields = looked(write(tmp_path / "j", drive), drive.at_ms)
    lines = list(status_lines({**fields, "finding": "the journal is damaged " * 5}))
    title = StatusLine("", "title")
    for rows in range(1, 60):
        console = Console(width=columns, height=rows, file=io.StringIO())
        shown = fitting(title, lines, console)
        drawn = len(console.render_lines(page_of(shown), pad=False))
        assert drawn <= max(rows, 3)
        if shown[1:] != lines:
            *some, count = shown[1:]
            assert count.text == f"+{len(lines) - len(some)} lines"
            tones = [line.tone == "bad" for line in some]
            assert tones == sorted(tones, reverse=True)
            assert all(line.label for line in some)


def test_a_new_size_ends_the_pause() -> None:
    """So the page fits at once, not with the next second."""
    with Pause() as pause:
        resized = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGWINCH))
        resized.start()
        watch = Stopwatch()
        pause.wait(60)
        assert watch.seconds() < 30
        resized.join()
        pause.wait(0)  # nothing is left to be told


def test_sigterm_gives_the_terminal_back(tmp_path: Path) -> None:
    """As Ctrl-C does."""
    journal = write(tmp_path / "j", story())
    with terminal("status", "--watch", "--journal", journal, env=XTERM) as page:
        page.read("last error")
        page.signal(signal.SIGTERM)
        assert page.end() == 0
        assert page.output.count(_LEAVES) == 1


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    """No escape sequence at all, whatever posts and servers wrote."""
    journal = write(tmp_path / "j", hostile_story())
    with terminal("status", "--watch", "--journal", journal, env={**XTERM, "TERM": "dumb"}) as page:
        page.read("processed", "\n")
        page.type(b"\x03")
        assert page.end() == 0
        assert b"\x1b" not in page.output


def test_a_pipe_gets_a_line_for_each_change(tmp_path: Path) -> None:
    """While the journal grows into further files, and until its reader leaves."""
    drive = Drive().start().batch(7, 1, 2).accept_all()
    journal = keep(tmp_path / "j", drive, segment_bytes=2_000)

    async def append(event_count: int) -> None:
        store = FileJournal(journal, on_warning=print, segment_bytes=2_000)
        await store.take(reducer=1)
        start = len(drive.records)
        drive.batch(8 + event_count, 10 + event_count)
        for record in drive.records[start:]:
            draft = Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest)
            await store.append(draft)
        await store.release()

    with piped("status", "--watch", "--journal", journal) as process:
        assert process.stdout is not None
        assert f"record {len(drive.records)} " in process.stdout.readline()
        asyncio.run(append(0))
        line = process.stdout.readline()
        while f"record {len(drive.records)} " not in line:
            assert line
            line = process.stdout.readline()
        process.stdout.close()
        assert process.wait(GIVE_UP_S) == 0


def test_json_lines_tell_each_change(tmp_path: Path) -> None:
    """A line with all of it; SIGINT ends with 0."""
    journal = write(tmp_path / "j", story())
    with piped("status", "--watch", "--json", "--journal", journal) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        cut(journal, 20)
        changes = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, errors) == (0, "")
    assert told["record"]["seq"] == len(story().records)
    assert "rolled back" in changes[0]["finding"]
    assert (changes[1]["record"]["seq"], changes[1]["finding"]) == (20, None)


def test_a_journal_that_is_rolled_back_is_read_anew(tmp_path: Path) -> None:
    """The finding is told once, then the journal as it is now; the notice stays."""
    journal = write(tmp_path / "j", story())
    watched = Watched(journal, Time(story().at_ms))
    assert watched.fields() is not None
    cut(journal, 20)
    fields = watched.fields()
    assert fields is not None
    assert "rolled back" in fields["finding"]
    fields = watched.fields()
    assert fields is not None
    assert (fields["finding"], fields["record"]["seq"]) == (None, 20)
    assert watched.notice is not None
    assert "can be read again" in watched.notice


def test_a_journal_that_vanishes_and_comes_back(tmp_path: Path) -> None:
    """What was known stays on the page beside the finding; nothing raises."""
    time = Time(story().at_ms)
    journal = write(tmp_path / "j", story())
    watched = Watched(journal, time)
    watched.fields()
    journal.rename(tmp_path / "away")
    for _ in range(4):
        fields = watched.fields()
        assert fields is not None
        assert fields["finding"]
        assert fields["record"]["seq"] == len(story().records)
        time.now_ms += 6_000
    assert watched.finding is not None
    assert "cannot read" in watched.finding
    (tmp_path / "away").rename(journal)
    time.now_ms += 6_000
    fields = watched.fields()
    assert fields is not None
    assert fields["finding"] is None


def test_a_damaged_journal_is_told_and_not_read_all_the_time(tmp_path: Path) -> None:
    """While it stays damaged it is read again every five seconds; what was good before the damage is told."""
    time = Time(story().at_ms)
    drive = story()
    drive.lines[30] = drive.lines[30].replace(b"e", b"f", 1)
    journal = write(tmp_path / "j", drive)
    watched = Watched(journal, time)
    for _ in range(3):
        fields = watched.fields()
        assert fields is not None
        assert (fields["record"]["seq"], SEGMENT in fields["finding"]) == (30, True)
    write(journal, story())
    assert watched.fields() == fields, "not looked at yet"
    time.now_ms += 5_000
    found = watched.fields()
    assert found is not None
    assert found["finding"] is None


def test_a_clock_that_is_set_back_stops_no_retry(tmp_path: Path) -> None:
    """The next look is not put off by the hours that the clock went back."""
    time = Time(story().at_ms)
    watched = Watched(tmp_path / "none", time)
    for _ in range(3):
        assert watched.fields() is None
    write(tmp_path / "none", story())
    time.now_ms -= 3_600_000
    fields = watched.fields()
    assert fields is not None
    assert fields["finding"] is None


def test_the_page_goes_on_with_the_journal_and_outlives_it(tmp_path: Path) -> None:
    """A record that is added is shown; so is that the journal is gone, with exit code 1 at Ctrl-C.

    Nothing but the page's own sequences reaches the terminal, whatever posts and servers wrote.
    """
    lines = hostile_story().lines
    journal = begun(tmp_path / "j")
    (journal / SEGMENT).write_bytes(b"".join(lines[:-1]))
    with terminal("status", "--watch", "--journal", journal, env=XTERM, rows=80, columns=200) as page:
        page.read(f"{len(lines) - 1} ", "last error")
        with (journal / SEGMENT).open("ab") as file:
            file.write(lines[-1])
        page.read(f"{len(lines)} GapDeclared")
        shutil.rmtree(journal)
        page.read("notice", "finding")
        page.type(b"\x03")
        assert page.end() == 1
    for sequence in (b"\x1b[31m", b"\x9b32m", "\u202e".encode(), b"\x07", b"\x7f"):
        assert sequence not in page.output
