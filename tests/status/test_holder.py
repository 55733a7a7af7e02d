"""Who holds a journal is told by the kernel, in whatever container it runs, and asking disturbs nobody."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actor.machine import REDUCER
from audit.status.holder import find_holder
from events.journal import FileJournal
from tests.users import unshared, without_root
from tests.world import wait_for

_CONTAINER = ("--pid", "--fork", "--mount-proc")


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """A journal that this process holds."""
    journal = FileJournal(directory, on_warning=print)
    asyncio.run(journal.take(reducer=REDUCER))
    try:
        yield
    finally:
        asyncio.run(journal.release())


def named(directory: Path, pid: int, host: str | None = None) -> None:
    """A LOCK as a process of this number would have left it."""
    content = {"pid": pid, "host": host or os.uname().nodename, "started": "2026-11-22T14:32:05+00:00"}
    (directory / "LOCK").write_text(json.dumps(content) + "\n")


def ended_pid() -> int:
    """The number of a process that was."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_holder_is_named(tmp_path: Path) -> None:
    """With its number, host and the time that it took the journal; once it let go, it is the last one."""
    with held(tmp_path):
        found = find_holder(tmp_path)
        assert (found.holds, found.pid, found.host) == ("yes", os.getpid(), os.uname().nodename)
        assert found.since_ms is not None
    after = find_holder(tmp_path)
    assert (after.holds, after.pid, after.lives) == ("no", os.getpid(), True)


def test_a_process_that_was_killed_and_not_yet_waited_for_does_not_run(tmp_path: Path) -> None:
    """The kernel keeps its number until its parent asks; nothing of it runs."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        named(tmp_path, process.pid)
        assert find_holder(tmp_path).lives
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert find_holder(tmp_path).lives is False


def test_asking_never_takes_the_lock(tmp_path: Path) -> None:
    """A miner that starts while it is asked again and again is never told that somebody holds the journal."""
    program = (
        "import sys; from pathlib import Path; from audit.status.holder import find_holder\n"
        "print('asking', flush=True)\n"
        "while True: find_holder(Path(sys.argv[1]))"
    )
    with held(tmp_path):
        pass
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True) as asking:
        try:
            assert asking.stdout is not None
            assert asking.stdout.readline() == "asking\n"
            for _ in range(60):
                with held(tmp_path):
                    pass
        finally:
            asking.kill()


def test_a_journal_that_nobody_ever_took_has_no_holder(tmp_path: Path) -> None:
    """There is no LOCK then."""
    found = find_holder(tmp_path)
    assert (found.holds, found.pid) == ("no", None)


def test_a_lock_of_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    """Its number is told, and that it is gone; a number that another process has now changes nothing."""
    pid = ended_pid()
    named(tmp_path, pid)
    found = find_holder(tmp_path)
    assert (found.holds, found.pid, found.lives) == ("no", pid, False)
    named(tmp_path, os.getpid())
    assert (find_holder(tmp_path).holds, find_holder(tmp_path).lives) == ("no", True)


def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    """The kernel frees its lock, whatever LOCK still says."""
    program = (
        "import asyncio, sys, time; from pathlib import Path; from events.journal import FileJournal\n"
        "asyncio.run(FileJournal(Path(sys.argv[1]), on_warning=print).take(reducer=1)); time.sleep(3600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path]) as process:
        try:
            wait_for(lambda: find_holder(tmp_path).pid == process.pid, "the other process to take the journal")
            wait_for(lambda: find_holder(tmp_path).holds == "yes", "its lock")
        finally:
            process.kill()
        process.wait()
    found = find_holder(tmp_path)
    assert (found.holds, found.pid, found.lives) == ("no", process.pid, False)


def test_what_this_host_cannot_see_is_unknown(tmp_path: Path) -> None:
    """A holder on another host, whose locks are not this kernel's, is told as unknown rather than as nobody."""
    named(tmp_path, 1, host="container")
    found = find_holder(tmp_path)
    assert (found.holds, found.pid, found.host, found.lives) == ("unknown", 1, "container", None)


def test_a_lock_that_this_user_cannot_read_is_unknown(tmp_path: Path) -> None:
    """Nothing is claimed of what the kernel was not asked about."""
    (tmp_path / "LOCK").touch(mode=0o200)
    tmp_path.chmod(0o755)
    with without_root(tmp_path):
        assert find_holder(tmp_path).holds == "unknown"


@pytest.mark.parametrize("host", [None, "container"])
def test_a_holder_in_another_container_is_seen(tmp_path: Path, host: str | None) -> None:
    """Its number means nothing here and the list of locks hides it, whether it has this host's name or its own."""
    program = (
        "import asyncio, os, sys; from pathlib import Path; from audit.status.holder import find_holder\n"
        "found = find_holder(Path(sys.argv[1])); print(found.holds, found.pid, found.lives)"
    )
    command = (*_CONTAINER, sys.executable, "-c", program, tmp_path)
    with held(tmp_path):
        if host is not None:
            named(tmp_path, os.getpid(), host)
        assert unshared(*command) == f"yes {os.getpid()} True\n"
    assert unshared(*command).split()[0] == ("no" if host is None else "unknown")


def test_a_lock_that_is_no_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Who holds a journal with a pipe for a LOCK cannot be told."""
    os.mkfifo(tmp_path / "LOCK")
    assert find_holder(tmp_path).holds == "unknown"


def test_a_lock_full_of_nonsense_names_nobody(tmp_path: Path) -> None:
    """Whatever stands in it, nothing is raised and nothing believed."""
    for content in (b"", b"{", b"[]", b'{"pid": "x", "host": 1, "started": 2}', b"\xff" * 10_000, b'{"pid": -5}'):
        (tmp_path / "LOCK").write_bytes(content)
        found = find_holder(tmp_path)
        assert (found.holds, found.pid) == ("no", None), content
