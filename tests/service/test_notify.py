"""What ``run`` tells a service manager, over a real socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from actor.machine.state import INITIAL
from tests.cli.kit import running
from tests.patience import GIVE_UP_S
from tests.world import World, wait_for
from user_miner.commands.notify import Notifier, keep_alive

PATIENCE_US = 600_000


@contextmanager
def listening(address: str | bytes) -> Iterator[socket.socket]:
    """A manager's socket."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as line:
        line.bind(address)
        line.settimeout(GIVE_UP_S)
        yield line


def heard(line: socket.socket) -> list[str]:
    """What has come so far, one entry for each datagram."""
    line.settimeout(0)
    told = []
    while True:
        try:
            told.append(line.recv(4096).decode())
        except BlockingIOError:
            return told


def follow(line: socket.socket, process: subprocess.Popen[str], world: World) -> list[str]:
    """Let a miner work a window, hang, go on and stop; what it told of it, pings left out."""
    told: list[str] = []

    def pings() -> int:
        new = heard(line)
        told.extend(text for text in new if text != "WATCHDOG=1")
        return new.count("WATCHDOG=1")

    wait_for(lambda: [pings(), "CheckpointSigned" in world.names()][1], "the window's end")
    wait_for(pings, "a ping")
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "T", "the stop")
    pings()
    time.sleep(2 * PATIENCE_US / 1e6)
    assert pings() == 0, "a process that hangs is silent"
    process.send_signal(signal.SIGCONT)
    wait_for(pings, "a ping")
    code, output = world.stop(process)
    assert code == 0, output
    pings()
    return told


def test_the_manager_is_told_ready_status_alive_and_stopping(world: World, tmp_path: Path) -> None:
    """In order; ready comes once the start is on record; pings come while it works and not while it hangs."""
    path = str(tmp_path / "notify")
    with (
        listening(path) as line,
        running(world, env=world.env(NOTIFY_SOCKET=path, WATCHDOG_USEC=str(PATIENCE_US))) as p,
    ):
        told = follow(line, p, world)
    assert told[:2] == ["STATUS=WaitingForWindow, no window yet; posts_processed 0", "READY=1"]
    states = [text.removeprefix("STATUS=").split(",")[0] for text in told[2:-1]]
    assert list(dict.fromkeys(states)) == ["Scraping", "Analyzing", "Submitting", "WaitingForWindow"]
    assert told[-2] == "STATUS=WaitingForWindow, window 60000; posts_processed 5"
    assert told[-1] == "STOPPING=1\nSTATUS=stopping: SIGTERM"


def test_an_abstract_socket_is_reached() -> None:
    """A name behind "@" is no file; a text from outside stays one line of one field."""
    name = f"user-miner-test-{os.getpid()}"
    with listening(f"\0{name}") as line:
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).tell(STATUS="a\nREADY=1\x1b")
        assert line.recv(4096) == b"STATUS=a READY=1 "


def test_a_manager_that_does_not_listen_is_no_trouble(tmp_path: Path) -> None:
    """No socket, one that is gone, one whose buffer is full, one of an unknown kind: nothing raises, nothing waits."""
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    Notifier({"NOTIFY_SOCKET": "vsock:2:1234"}).ready()
    path = str(tmp_path / "full")
    with listening(path) as line:
        for _ in range(10_000):
            Notifier({"NOTIFY_SOCKET": path}).ready()
        assert set(heard(line)) == {"READY=1"}


@pytest.mark.parametrize(
    ("environ", "every_s"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 1.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_pings_come_three_times_within_the_manager_s_patience(environ: dict[str, str], every_s: float | None) -> None:
    """Where it waits for this process at all."""
    assert Notifier({"NOTIFY_SOCKET": "/x", **environ}).ping_every_s == every_s
    assert Notifier(environ).ping_every_s is None


def test_a_loop_that_does_not_answer_is_silent(tmp_path: Path) -> None:
    """What is asked waits in the inbox of a loop that hangs, and no ping leaves; one that answers pings."""
    path = str(tmp_path / "notify")

    async def told(*, answers: bool) -> list[str]:
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000"})
        pings = asyncio.create_task(keep_alive(notifier, lambda ping: not answers or ping(INITIAL) == ()))
        await asyncio.sleep(0.05)
        pings.cancel()
        return heard(line)

    with listening(path) as line:
        assert asyncio.run(told(answers=False)) == []
        assert set(asyncio.run(told(answers=True))) == {"WATCHDOG=1"}
