"""Many lives of the real actor at a small price: a process that imported everything forks a child for each life.

A child is a process of its own that runs ``user-miner run`` from ``user_miner.cli.main`` on, and SIGKILL ends it like
any other; only the second that Python needs for its imports is saved. The parent has one thread and no event loop, so a
fork copies nothing that is running. As a program, this file is that parent.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

from tests.patience import GIVE_UP_S

__all__ = ["End", "Life", "Nursery"]

ROOT: Final = Path(__file__).parents[2]
_PIPE_BYTES: Final = 1 << 20  # what one life logs at most before somebody reads it
_LIFE_S: Final = round(GIVE_UP_S)  # a life that hangs ends by SIGALRM, which no caller takes for a proper end
_IMPORTS: Final = (
    "user_miner.cli",
    "user_miner.commands.run",
    "actor.edges.api_http",
    "actor.edges.llm",
    "actor.edges.x_http",
    "bittensor_core",
    "httpx",
    "openai.resources.chat.completions",
)


@dataclass(frozen=True, slots=True)
class End:
    """How a life ended: the exit code, negative for a signal, and all that was printed."""

    code: int
    output: str


class Nursery:
    """The parent of all lives; use it as a context manager. One life at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask()  # imported everything
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()

    def ask(self, **question: Any) -> dict[str, Any]:
        """Send a line, read a line."""
        process = self._process
        assert process is not None, "use the nursery in a with statement"
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, "the nursery died; what it printed stands above"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def start(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        folder: Path,
        held: bool = False,
        file_bytes: int | None = None,
        program: str = "user_miner.cli",
    ) -> Life:
        """Begin a life.

        Args:
            arguments: What would stand behind ``user-miner`` on a command line.
            env: The whole environment.
            folder: The working directory.
            held: Wait for `Life.let_go` before anything is done.
            file_bytes: No file may grow beyond this many bytes; the limit can be raised from outside.
            program: The module whose ``main`` gets the arguments.
        """
        life = {"program": program, "env": {**env}, "folder": str(folder), "held": held, "file_bytes": file_bytes}
        answer = self.ask(start=[*arguments], **life)
        return Life(self, answer["pid"])


class Life:
    """One process of the actor."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid

    def let_go(self) -> None:
        """Let a held life begin."""
        os.kill(self.pid, signal.SIGUSR1)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; one that comes after the end changes nothing."""
        os.kill(self.pid, number)  # not reaped before `end`, so the pid is still this one's

    def end(self) -> End:
        """Wait for the end."""
        answer = self._nursery.ask(wait=self.pid)
        return End(answer["code"], answer["output"])


@dataclass(slots=True)
class _Child:
    pid: int
    output: int


def _parent() -> None:
    for name in _IMPORTS:
        importlib.import_module(name)
    child = _Child(0, -1)
    for line in sys.stdin:
        question = json.loads(line)
        answer: dict[str, Any] = {}
        if "start" in question:
            child = _fork(question)
            answer = {"pid": child.pid}
        elif "wait" in question:
            answer = _wait(child)
        print(json.dumps(answer), flush=True)  # noqa: T201  (the protocol)


def _wait(child: _Child) -> dict[str, Any]:
    with os.fdopen(child.output, "rb") as pipe:
        output = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child.pid, 0)
    return {"code": os.waitstatus_to_exitcode(status), "output": output}


def _fork(question: dict[str, Any]) -> _Child:
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    if question["held"]:  # blocked before the fork, so that it cannot come too early
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        _live(question, theirs)
    os.close(theirs)
    return _Child(pid, ours)


def _live(question: dict[str, Any], output: int) -> NoReturn:
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        os.chdir(question["folder"])
        os.environ.clear()
        os.environ.update(question["env"])
        signal.alarm(_LIFE_S)
        if question["held"]:
            signal.sigwait({signal.SIGUSR1})
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
        if question["file_bytes"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (question["file_bytes"], resource.RLIM_INFINITY))
        code = _run(question["program"], question["start"])
    except BaseException:  # noqa: BLE001  (as Python itself ends: a traceback and code 1)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(program: str, arguments: Sequence[str]) -> int:
    sys.argv = ["user-miner", *arguments]
    try:
        importlib.import_module(program).main([*arguments])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    _parent()
