"""Ctrl-C in commands that wait for servers: one line that says how far they came, their exit code, no traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.kit import is_one_line
from tests.patience import GIVE_UP_S
from tests.world import World, wait_for

Process = subprocess.Popen[str]


@contextmanager
def started(world: World, *arguments: str, **settings: str) -> Iterator[Process]:
    """The command in a process group of its own, as a shell starts it on a terminal."""
    command = [sys.executable, "-m", "user_miner.cli", *arguments]
    with subprocess.Popen(
        command,
        env=world.env(**settings),
        cwd=world.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def interrupted(process: Process) -> tuple[int, str, str]:
    """What a terminal's Ctrl-C, which the whole group gets, makes of it."""
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=GIVE_UP_S)
    return process.returncode, out, errors


def posts(world: World, number: int) -> str:
    """A file of so many labelled posts."""
    file = world.folder / "posts.jsonl"
    lines = ({"text": f"gm {at}", "direct": [], "sentiment": "neutral"} for at in range(number))
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(file)


def test_evaluate_says_what_was_paid(world: World) -> None:
    """Posts, calls and tokens until then, and how many questions were under way."""
    world.sandbox.script("llm.chat", "ok", times=2)
    world.sandbox.script("llm.chat", "hang", times=99)
    with started(world, "evaluate", posts(world, 9), "--live", LLM_CONCURRENCY="3") as process:
        wait_for(lambda: len(world.sandbox.ledger.llm.exchanges("llm.chat")) == 5, "three questions that hang")
        code, out, errors = interrupted(process)
    spent = world.sandbox.ledger.llm
    assert (code, out, spent.calls) == (130, "", 2)
    assert errors == (
        f"user-miner: interrupted: 2 of 9 posts were asked about, in 2 calls with {spent.prompt_tokens:,} prompt and "
        f"{spent.completion_tokens:,} completion tokens; 3 more under way, which may be billed\n"
    )


@pytest.mark.parametrize(
    ("flags", "hangs", "paid"),
    [
        ([], "api", ""),
        (["--llm"], "llm", "; llm-answer: under way, and may be billed"),
        (["--paid"], "llm", "; x-search: [^;]+; llm-answer: under way, and may be billed"),
    ],
)
def test_doctor_says_how_far_it_came(world: World, flags: list[str], hangs: str, paid: str) -> None:
    """How many checks were done, and what became of each paid question."""
    route, ledger = {"api": ("api.status", world.sandbox.ledger.api), "llm": ("llm.chat", world.sandbox.ledger.llm)}[
        hangs
    ]
    world.sandbox.script(route, "hang", times=99)
    with started(world, "doctor", "--timeout", "600", *flags) as process:
        wait_for(lambda: len(ledger.exchanges(route)) == 1, "a question that hangs")
        code, out, errors = interrupted(process)
    assert (code, out) == (130, "")
    (line,) = [line for line in errors.splitlines() if " asks " not in line]
    assert re.fullmatch(rf"user-miner: interrupted: after \d+ of \d\d checks{paid}", line)


def test_doctor_says_it_when_nothing_was_paid_yet(world: World) -> None:
    """While it waits for settings that somebody has yet to write into a pipe."""
    pipe = world.folder / "pipe"
    os.mkfifo(pipe)
    with started(world, "doctor", "--llm", "--env-file", str(pipe)) as process, pipe.open("w"):
        code, out, errors = interrupted(process)
    assert (code, out) == (130, "")
    assert is_one_line(errors, "interrupted: before the first check; nothing was paid for")


def test_refresh_says_that_nothing_was_written(world: World) -> None:
    """While the chain does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(GIVE_UP_S)
        network = f"ws://127.0.0.1:{server.getsockname()[1]}"
        with started(world, "subnets", "refresh", "--subtensor.network", network) as process:
            connection, _ = server.accept()
            with connection:
                code, out, errors = interrupted(process)
    assert (code, out) == (130, "")
    assert is_one_line(errors, f"interrupted: {network} has not answered yet; nothing was written")
    assert not (world.folder / "subnets.json").exists()


def test_sandbox_ends_as_asked(world: World) -> None:
    """Ctrl-C is how it ends: exit code 0, and a line that tells that nothing serves any more."""
    with started(world, "sandbox", "--port", "0") as process:
        assert process.stdout is not None
        process.stdout.readline()
        code, _, errors = interrupted(process)
    assert code == 0
    assert errors.splitlines()[1:] == ["# The stand-ins are stopped."]


def test_demo_leaves_no_process_behind(world: World) -> None:
    """Neither miner nor stand-ins, and it says where the journal is."""
    with started(world, "demo", "--journal", "demo") as process:
        assert process.stdout is not None
        assert "are up" in process.stdout.readline()
        code, _, errors = interrupted(process)
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    assert code == 130
    assert is_one_line(errors, "interrupted: miner and stand-ins are stopped, and demo is left as it is")


def test_whatever_else_is_interrupted_says_so(world: World) -> None:
    """A command that has nothing to tell of what it did, here while it reads a pipe that nobody writes to."""
    pipe = world.folder / "pipe"
    os.mkfifo(pipe)
    with started(world, "evaluate", str(pipe)) as process, pipe.open("w"):
        code, out, errors = interrupted(process)
    assert (code, out, errors) == (130, "", "user-miner: interrupted\n")
