"""Files that a person named: what nobody writes to is given up, what somebody writes is waited for."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from events.named_file import read_named
from tests.patience import GIVE_UP_S, Stopwatch


@contextmanager
def later(what: threading.Thread) -> Iterator[None]:
    what.start()
    yield
    what.join(GIVE_UP_S)
    assert not what.is_alive()


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    """Through a link as well; what has no end is cut."""
    file = tmp_path / "file"
    file.write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to(file)
    assert [read_named(tmp_path / "link", most) for most in (3, 10, 11)] == [b"012", b"0123456789", b"0123456789"]
    assert read_named(Path("/dev/zero"), 5) == bytes(5)


@pytest.mark.parametrize("through", ["itself", "link"])
def test_a_named_pipe_without_a_writer_is_given_up(tmp_path: Path, through: str) -> None:
    """In one line that says what it is and what to do."""
    pipe = tmp_path / "itself"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    watch = Stopwatch()
    with pytest.raises(OSError, match=r"nobody wrote to it within 0\.3 s: name a file") as refused:
        read_named(tmp_path / through, 10, wait_s=0.3)
    assert refused.value.errno == errno.ETIMEDOUT
    assert 0.2 < watch.seconds() < GIVE_UP_S


def test_a_writer_of_a_named_pipe_may_come_later_and_take_its_time(tmp_path: Path) -> None:
    """Only its first byte has a limit; all of it is read."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:  # opens when it is read
            file.write(b"first, ")
            time.sleep(0.5)
            file.write(b"then")

    with later(threading.Thread(target=write)):
        assert read_named(pipe, 100, wait_s=GIVE_UP_S) == b"first, then"


def test_a_writer_that_says_nothing_leaves_an_empty_text(tmp_path: Path) -> None:
    """As of an empty file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with later(threading.Thread(target=lambda: pipe.open("wb").close())):
        assert read_named(pipe, 100, wait_s=GIVE_UP_S) == b""


@pytest.mark.parametrize("pause_s", [0.0, 0.5])
def test_a_pipe_of_a_shell_is_waited_for(pause_s: float) -> None:
    """However long its program takes, such as one that asks for a password; it has a writer from the beginning."""
    reading, writing = os.pipe()

    def write() -> None:
        time.sleep(pause_s)
        os.write(writing, b"late")
        os.close(writing)

    with later(threading.Thread(target=write)):
        assert read_named(Path(f"/dev/fd/{reading}"), 100, wait_s=0.1) == b"late"
    os.close(reading)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A folder, nothing at all, a socket."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        for name in (".", "nothing", "s"):
            with pytest.raises(OSError, match=r"\[Errno \d+\]"):
                read_named(tmp_path / name, 10)
