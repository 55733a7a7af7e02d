"""strace as a source of faults: system calls on a journal's files fail, or the process dies as it enters one.

A call that strace makes fail never reaches the kernel, and neither does one that a kill meets: what was written before
is all there is. Only calls that touch the given paths count, so nothing but the journal is hit.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.patience import GIVE_UP_S

__all__ = ["CHANGING", "READING", "Call", "Strace", "journal_paths", "read_log", "strace_program"]

CHANGING: Final = frozenset(
    {
        *("openat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat"),
        *("write", "pwrite64", "ftruncate", "fdatasync", "fsync"),
    }
)
READING: Final = frozenset({"read", "pread64", "flock"})
_LINE: Final = re.compile(r"^(?P<thread>\d+) +(?P<name>[a-z0-9_]+)\((?P<rest>.*)$")
_TARGET: Final = re.compile(
    r'^\d+<(?P<fd>[^>]+)>(?:, "(?P<below>[^"]+)")?|^(?:AT_FDCWD(?:<[^>]*>)?, )?"(?P<path>[^"]+)"'
)
_BELOW: Final = frozenset({"openat", "mkdirat", "renameat", "renameat2", "unlinkat"})  # of others it is what is written
_MOVED: Final = re.compile(r" = (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call of a log.

    Attributes:
        name: Such as "fdatasync".
        path: The file it touched.
        number: 1 for its thread's first call of this name.
        length: How many bytes were moved, 0 for other calls.
        reads: Whether it can change nothing, such as an open for reading.
        injected: Whether strace interfered.
    """

    name: str
    path: Path
    number: int
    length: int
    reads: bool
    injected: bool


def strace_program() -> str:
    """Where strace is; a machine without it fails here, for a test that is passed over proves nothing."""
    program = shutil.which("strace")
    if program is None:
        raise FileNotFoundError("install strace (Debian: apt-get install strace)")
    return program


def journal_paths(journal: Path) -> list[Path]:
    """Every path that the actor may touch in ``journal``: a directory that may not exist yet."""
    names = ("HEAD", "LOCK", "unfinished.tmp", f"{1:020d}.jsonl", "snapshots", "quarantine")
    below = ("snapshots/unfinished.tmp", "quarantine/unfinished.tmp")
    there = (path for path in journal.rglob("*") if path.is_file())
    return sorted({journal.parent, journal, *(journal / name for name in (*names, *below)), *there})


class Strace:
    """One run of strace.

    Args:
        log: Where the calls are written.
        paths: What a call must touch to count.
        injections: As ``-e inject=`` takes them.
    """

    def __init__(self, log: Path, paths: Iterable[Path], injections: Sequence[str] = ()) -> None:
        self._log = log
        names = ",".join(f"?{name}" for name in sorted(CHANGING | READING))
        self._command = [strace_program(), "-f", "-y", "-s", "16", "-o", str(log), "-e", f"trace={names}"]
        for path in paths:
            self._command += ["-P", str(path)]
        for injection in injections:
            self._command += ["-e", f"inject={injection}"]
        self._process: subprocess.Popen[str] | None = None

    def around(self, command: Sequence[str], *, signals: bool = False) -> list[str]:
        """``command`` under strace, as a command of its own; ``signals`` where it injects some, which is slower."""
        return [*self._command, *([] if signals else ["--seccomp-bpf"]), *command]  # with a filter it loses signals

    def attach(self, pid: int) -> None:
        """Follow a process that runs already.

        Raises:
            PermissionError: It may not be traced.
        """
        self._process = subprocess.Popen(
            [*self._command, "-p", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        if "attached" not in line:
            self._process.kill()
            self._process.communicate()
            raise PermissionError(f"strace cannot follow process {pid}: {line.strip()}; permit ptrace (CAP_SYS_PTRACE)")

    def calls(self) -> list[Call]:
        """Wait for the end of the process that was followed; its calls."""
        if self._process is not None:
            self._process.communicate(timeout=GIVE_UP_S)
        return read_log(self._log)


def read_log(log: Path) -> list[Call]:
    """The calls of a log, in order; strace counts those of each thread by themselves."""
    calls: list[Call] = []
    counted: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is not None:
            counted[match["thread"], match["name"]] += 1
            calls.append(_call(match["name"], match["rest"], counted[match["thread"], match["name"]]))
        elif "INJECTED" in line or "DELAYED" in line:  # the second half of a call that another thread came between
            calls[-1] = replace(calls[-1], injected=True)
    return calls


def _call(name: str, rest: str, number: int) -> Call:
    moved = _MOVED.search(rest)
    return Call(
        name=name,
        path=_path(name, rest),
        number=number,
        length=int(moved[1]) if moved and name in {"write", "pwrite64", "read", "pread64"} else 0,
        reads=name in READING or (name == "openat" and "O_RDONLY" in rest),
        injected="INJECTED" in rest or "DELAYED" in rest,
    )


def _path(name: str, rest: str) -> Path:
    target = _TARGET.match(rest)
    if target is None:
        return Path()
    path = Path(target["fd"] or target["path"])
    return path / target["below"] if name in _BELOW and target["below"] else path
