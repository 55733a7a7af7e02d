"""The log's thread: lines in order, none waited for, what finds no room counted, the end bounded."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import GIVE_UP_S, Stopwatch, wait_for
from user_miner.log_file import to_stderr
from user_miner.logs import JsonFormat, LogThread


class Slow(logging.Handler):
    """Takes each line when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []
        self.reached, self.go_on = threading.Event(), threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Wait, and keep it."""
        self.reached.set()
        assert self.go_on.wait(GIVE_UP_S)
        self.taken.append(self.format(record))


@pytest.fixture
def slow() -> Iterator[Slow]:
    """A writer that hangs until it is let go on."""
    found = Slow()
    yield found
    found.go_on.set()


def logger_of(thread: LogThread) -> logging.Logger:
    """A logger of nothing else."""
    logger = logging.Logger("test")  # noqa: LOG001
    logger.addHandler(thread)
    return logger


def test_lines_are_dropped_and_counted_while_nobody_takes_them(slow: Slow) -> None:
    """Whoever logs goes on; where the gap is stands how many are missing; what is kept stays in order."""
    thread = LogThread(slow, most_chars=100)
    log = logger_of(thread)
    log.warning("first")
    assert slow.reached.wait(GIVE_UP_S)
    for number in range(40):
        log.warning("line %02d %s", number, "x" * 12)
    kept = 40 - thread.dropped
    assert 0 < kept < 10
    slow.go_on.set()
    wait_for(lambda: len(slow.taken) == 1 + kept, "what waited")
    log.warning("%s", "a line longer than all that may wait" * 10)
    log.warning("last")
    thread.close()
    told = f"{thread.dropped} log lines were dropped here: the place that the log goes to did not take them in time"
    lines = [f"line {number:02d} {'x' * 12}" for number in range(kept)]
    assert slow.taken == ["first", *lines, told, "last"]
    assert thread.dropped == 40 - kept + 1


def test_a_gap_at_the_end_is_told_as_well(slow: Slow) -> None:
    """In the log's own form, by the thread's last line; what is logged later is dropped."""
    thread = LogThread(slow, most_chars=10)
    thread.setFormatter(JsonFormat(lambda text: text))
    log = logger_of(thread)
    log.warning("too long for it")
    slow.go_on.set()
    thread.close()
    log.warning("late")
    (line,) = slow.taken
    assert line.startswith('{"event": "1 log lines were dropped here')
    assert thread.dropped == 2


def test_the_end_does_not_wait_for_who_takes_nothing(slow: Slow) -> None:
    """A second at most."""
    thread = LogThread(slow)
    logger_of(thread).warning("line")
    watch = Stopwatch()
    thread.close()
    thread.close()
    assert watch.seconds() < 2


def test_a_line_that_cannot_be_made_is_told_of(slow: Slow) -> None:
    """Without what it was to be made of, in which a secret may be; whoever logs goes on."""
    slow.go_on.set()
    thread = LogThread(slow)
    logger_of(thread).warning("%d", "the secret")
    thread.close()
    (line,) = slow.taken
    assert line == "a log line could not be formatted: TypeError: '%d'"


def test_last_words_that_nobody_takes_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full pipe is not waited for; a file takes all."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr("sys.stderr", pipe)
        to_stderr("x" * 10_000_000, within_s=0.1)
        os.set_blocking(reading, False)
        assert set(reader.read()) == {ord("x")}
    with (tmp_path / "file").open("w", encoding="utf-8") as file:
        monkeypatch.setattr("sys.stderr", file)
        to_stderr("ä" * 10_000, within_s=0.1)
    assert (tmp_path / "file").read_text("utf-8") == "ä" * 10_000
