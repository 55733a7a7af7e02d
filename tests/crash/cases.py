"""One case: a real actor, one fault at one of its system calls, a restart, and what the inspector finds."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from tests.crash.nursery import End, Nursery
from tests.crash.scenes import Scene, Stage, add_posts
from tests.crash.strace import CHANGING, Call, Strace, journal_paths
from tests.patience import GIVE_UP_S, wait_for

__all__ = ["FAULTS", "Case", "Fault", "Outcome", "all_cases"]

Fault: TypeAlias = Literal[
    "SIGKILL", "EIO", "EIO for good", "ENOSPC", "ENOSPC for good", "short write", "short write for good"
]
_ERRORS: Final[tuple[Fault, ...]] = ("EIO", "EIO for good", "ENOSPC", "ENOSPC for good")
_SHORT: Final[tuple[Fault, ...]] = ("short write", "short write for good")
FAULTS: Final[tuple[Fault, ...]] = ("SIGKILL", *_ERRORS, *_SHORT)
_RUN: Final = ("run", "--windows", "1", "--logging.json")
_TAKES_NO_SPACE: Final = frozenset({"unlink", "unlinkat", "ftruncate"})
_HEAD_BYTES: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault at one call of a scene.

    Attributes:
        scene: Where it begins.
        fault: What happens; "for good" means from there on, to every call that the fault fits.
        call: Where it happens, as an undisturbed life made the call.
        before: How often each call was made before it, by name.
        limit: For a short write: the byte of the file where it is cut.
    """

    scene: Scene
    fault: Fault
    call: Call
    before: Mapping[str, int]
    limit: int | None = None

    def __str__(self) -> str:
        """Such as: window, EIO at fsync 3 (HEAD)."""
        return f"{self.scene.name}, {self.fault} at {self.call.name} {self.call.number} ({self.call.path.name})"

    def play(self, nursery: Nursery, folder: Path, *, as_command: bool = False) -> Outcome:
        """Play it in the new ``folder``; ``as_command`` starts a new Python under strace (errors only), not a fork."""
        with self.scene.opened(folder) as stage:
            strace = Strace(folder / "strace.log", journal_paths(stage.journal), self._injections())
            end = _run_command(stage, strace) if as_command else self._live(nursery, stage, strace)
            hit = [call for call in strace.calls() if call.injected]
            stage.inspector.life_ended(end.output)
            findings = [] if self.fault == "SIGKILL" else self._judge(end, hit)
            findings += _restart(nursery, stage)
            return Outcome(self._is_reached(end, hit), end.code, (*stage.inspector.findings, *findings))

    def _injections(self) -> list[str]:
        name, number = self.call.name, self.call.number
        if self.fault == "SIGKILL":
            return [f"{name}:signal=SIGKILL:when={number}"]
        if self.limit is not None:
            held = "signal=SIGSTOP:" if self.fault == "short write" else ""  # until the limit is lifted
            return [f"{name}:{held}delay_exit=1:when={number}"]  # a delay that marks the call in the log
        error, _, lasting = self.fault.partition(" ")
        if not lasting:
            return [f"{name}:error={error}:when={number}"]
        return [
            f"{other}:error={error}:when={count + 1}+"
            for other, count in self.before.items()
            if other == name or error == "EIO" or (other != "openat" and _takes_space(other))
        ]

    def _live(self, nursery: Nursery, stage: Stage, strace: Strace) -> End:
        env = stage.world.env()
        life = nursery.start(_RUN, env=env, folder=stage.world.folder, held=True, file_bytes=self.limit)
        strace.attach(life.pid)
        life.let_go()
        if self.fault == "short write":
            _lift_limit(life.pid, stage.journal, self.limit or 0)
        return life.end()

    def _is_reached(self, end: End, hit: Sequence[Call]) -> bool:
        return end.code == -signal.SIGKILL if self.fault == "SIGKILL" else bool(hit)

    def _judge(self, end: End, hit: Sequence[Call]) -> list[str]:
        """A failed write ends the actor with code 1 and one line; what it may pass over, it must name."""
        plain = [line for line in end.output.splitlines() if not line.startswith("{")]
        if end.code == 1 and self.fault != "short write":
            is_clear = len(plain) == 1 and plain[0].startswith("user-miner: ")
            return [] if is_clear else [f"expected one line for the operator, there are {plain}"]
        if end.code == 0 and not plain:
            silent = [call for call in hit if not _may_fail(call, end.output)]
            if self.fault == "short write" or not silent:
                return []
            return [f"a failed {call.name} of {call.path} was passed over in silence" for call in silent]
        return [f"ended with code {end.code} after {self.fault}: {end.output[-500:]}"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case: whether the fault was met, how the life ended, and what was violated."""

    reached: bool
    code: int
    findings: tuple[str, ...]


def all_cases(nursery: Nursery, scene: Scene, folder: Path) -> list[Case]:
    """Every fault at every call that it fits, in the order of the calls of an undisturbed life."""
    with scene.opened(folder) as stage:
        strace = Strace(folder / "strace.log", journal_paths(stage.journal))
        life = nursery.start(_RUN, env=stage.world.env(), folder=folder, held=True)
        strace.attach(life.pid)
        life.let_go()
        end = life.end()
        calls = strace.calls()
        stage.inspector.life_ended(end.output)
        stage.inspector.finished()
        assert end.code == 0, end.output
        assert not stage.inspector.findings, stage.inspector.findings
        ends = _record_ends(stage.journal)
    return [case for index in range(len(calls)) for case in _cases_at(scene, calls, index, ends)]


def _cases_at(scene: Scene, calls: Sequence[Call], index: int, ends: Sequence[int]) -> list[Case]:
    call = calls[index]
    before = dict.fromkeys(sorted({one.name for one in calls}), 0)
    before.update({one.name: one.number for one in calls[:index]})
    faults = [fault for fault in ("SIGKILL", *_ERRORS) if _fits(fault, call)]
    cases = [Case(scene=scene, fault=fault, call=call, before=before) for fault in faults]
    limit = _limit(calls, index, ends)
    if limit is not None:
        cases += [Case(scene=scene, fault=fault, call=call, before=before, limit=limit) for fault in _SHORT]
    return cases


def _fits(fault: Fault, call: Call) -> bool:
    if fault == "SIGKILL":
        return call.name in CHANGING
    if call.reads:
        return fault == "EIO"
    return fault.startswith("EIO") or _takes_space(call.name)


def _takes_space(name: str) -> bool:
    return name in CHANGING and name not in _TAKES_NO_SPACE


def _limit(calls: Sequence[Call], index: int, ends: Sequence[int]) -> int | None:
    """A size of files that cuts this write in the middle and no earlier one; None where there is none."""
    call = calls[index]
    if call.name == "write" and call.path.suffix == ".jsonl":
        later = sum(one.name == "write" and one.path == call.path for one in calls[index:])
        start, end = ends[-later - 1], ends[-later]
        return (start + end) // 2 if start > _HEAD_BYTES else None
    if call.name == "write" and (call.path.parent.name == "quarantine" or call.number == 1):
        return call.length // 2 if call.length > 1 else None
    return None


def _record_ends(journal: Path) -> list[int]:
    """Offsets in the only segment, 0 first."""
    ends = [0]
    for line in (journal / f"{1:020d}.jsonl").read_bytes().splitlines(keepends=True):
        ends.append(ends[-1] + len(line))
    return ends


def _lift_limit(pid: int, journal: Path, limit: int) -> None:
    """Wait until a file has exactly ``limit`` bytes, let files grow again, and let the stopped writer go on."""
    wait_for(lambda: _is_over(pid) or any(_size(path) == limit for path in journal.rglob("*")), "the short write")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os.kill(pid, signal.SIGCONT)  # it is stopped behind that write, or about to be


def _is_over(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"  # not reaped before `Life.end`


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else -1
    except FileNotFoundError:
        return -1


def _may_fail(call: Call, output: str) -> bool:
    """The holder's name in LOCK is a courtesy; a snapshot only saves time, and its failure is logged."""
    if call.path.name == "LOCK":
        return call.name in {"ftruncate", "pwrite64"}
    return '"no snapshot at record' in output or " is not used: " in output


def _run_command(stage: Stage, strace: Strace) -> End:
    command = strace.around([sys.executable, "-m", "user_miner.cli", *_RUN])
    world = stage.world
    done = subprocess.run(
        command, env=world.env(), cwd=world.folder, capture_output=True, text=True, timeout=GIVE_UP_S, check=False
    )
    return End(done.returncode, done.stdout + done.stderr)


def _restart(nursery: Nursery, stage: Stage) -> list[str]:
    """A life without faults works on to the end of a window: of this one, or of the next when this one is done."""
    world, inspector = stage.world, stage.inspector
    if inspector.names().count("CheckpointSigned") >= stage.windows:
        world.sandbox.next_window()
        add_posts(world.sandbox, 5)
    end = nursery.start(_RUN, env=world.env(), folder=world.folder).end()
    inspector.life_ended(end.output)
    inspector.finished()
    return [] if end.code == 0 else [f"the restart ended with code {end.code}: {end.output[-500:]}"]
