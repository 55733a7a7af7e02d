"""SIGTERM at any moment: after every record of a window, before the journal is taken, while a long one is read."""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Final

import pytest

from events.catalogue import ActorStopped
from events.journal import verify_journal
from tests.cli.kit import Command, is_one_line, only_journal
from tests.crash.strace import Strace
from tests.docs.kit import ROOT
from tests.kit import HOTKEY
from tests.patience import Stopwatch, seconds_until_exit
from tests.world import World

STOP_S: Final = 5.0
RECORDS: Final = 18  # of a life: its start and whole window

BUSY: Final = """
import signal, time
from user_miner.commands.signals import Signals
Signals()
signal.raise_signal(signal.SIGTERM)
time.sleep(3600)
print("unreached")
"""

IsMoment = Callable[[logging.LogRecord], bool]


class Terminating(logging.Handler):
    """Sends this process SIGTERM at a moment that a line of the log marks."""

    def __init__(self, is_moment: IsMoment) -> None:
        super().__init__()
        self._is_moment = is_moment

    def emit(self, record: logging.LogRecord) -> None:
        """The line is about to be written; what it tells has just happened."""
        if self._is_moment(record):
            signal.raise_signal(signal.SIGTERM)


@contextmanager
def terminated(is_moment: IsMoment) -> Iterator[None]:
    """A life in this process gets SIGTERM then."""
    handler, logger = Terminating(is_moment), logging.getLogger("actor")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def after_records(count: int) -> IsMoment:
    """The moment after so many records, or when there is nothing left to do in the window."""
    told: list[str] = []

    def is_moment(line: logging.LogRecord) -> bool:
        kind = getattr(line, "kind", None)
        if kind is None:
            return False
        told.append(kind)
        return len(told) == count or kind == "CheckpointSigned"

    return is_moment


def test_sigterm_after_each_record_of_a_window(here: World, command: Command) -> None:
    """R14, I1 to I9: each life ends in time with a goodbye; together they are a whole history without a finding."""
    for number in range(5 * RECORDS):
        here.sandbox.add_post(f"Bittensor SN45 goes on, part {number}")
    for count in range(1, RECORDS + 1, 2):
        here.sandbox.next_window()
        watch = Stopwatch()
        with terminated(after_records(count)):
            code, _, errors = command("run")
        assert watch.seconds() < STOP_S
        assert code == 0, errors
        last = here.history()[-1][0].event()
        assert last == ActorStopped(reason="SIGTERM", posts_processed=here.state().totals.accepted)
    names = here.names()
    before = {name for name, after in pairwise(names) if after == "ActorStopped"}
    assert before >= {"ActorStarted", "PostsScraped", "PostAnalyzed", "SubmissionAccepted"}
    code, found, _ = command("audit", only_journal(here))
    assert code == 0, found
    assert here.sandbox.ledger.x.searches == names.count("PostsScraped")
    assert len(here.sandbox.ledger.api.accepted()) == here.state().totals.accepted


def test_sigterm_during_a_wait(here: World, command: Command) -> None:
    """R14: after a failed attempt and after a 429 nothing is waited out; the wait is the next life's."""
    here.sandbox.script("api.submit", "500", times=1)
    here.sandbox.script("api.submit", "429", times=1)
    for kind in ("SubmissionFailed", "RateLimited"):
        with terminated(partial(is_kind, kind)):
            code, _, errors = command("run")
        assert code == 0, errors
        assert here.names()[-2:] == [kind, "ActorStopped"]
        assert here.state().state == "Backoff"
    only_journal(here)


def is_kind(kind: str, line: logging.LogRecord) -> bool:
    """Whether a line tells of a record of this kind."""
    return getattr(line, "kind", None) == kind


def test_sigterm_before_the_journal_is_taken(here: World, command: Command) -> None:
    """Nothing is sent; a life that had begun to begin says goodbye."""
    with terminated(lambda line: line.getMessage().startswith("journal ")):
        code, _, errors = command("run")
    assert code == 0, errors
    assert here.names() in ([], ["JournalCreated", "ActorStarted", "ActorStopped"])
    assert not here.sandbox.ledger.api.exchanges()


@pytest.mark.parametrize("read", [300, 1_000])
def test_sigterm_while_a_long_journal_is_read(world: World, read: int) -> None:
    """While it is checked, and while it is folded: nothing is written, and the journal stays as it is."""
    folder = world.journal / HOTKEY
    shutil.copytree(ROOT / "journal" / "sample", folder, ignore=shutil.ignore_patterns("snapshots"))
    segments = sorted(folder.glob("*.jsonl"))
    before = [segment.read_bytes() for segment in segments]
    strace = Strace(world.folder / "log", segments, [f"read:signal=SIGTERM:when={read}"])
    command = strace.around([sys.executable, "-m", "user_miner.cli", "run"], signals=True)
    done = subprocess.run(command, env=world.env(), cwd=world.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert sum(call.name == "read" for call in strace.calls()) >= read
    assert [segment.read_bytes() for segment in segments] == before
    assert verify_journal(folder).ok
    assert not world.sandbox.ledger.api.exchanges()


def test_sigterm_while_nothing_listens_to_it_ends_it_all_the_same() -> None:
    """A loop that does not come to its stop, since a disk hangs for example, is left within 5 seconds."""
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert seconds_until_exit(process, Stopwatch(process.pid)) < STOP_S
        out, errors = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert is_one_line(errors, "without a last record")
