"""A sample of the faults that `make crash` plays in full: system calls on the journal's files fail, or are the last."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.crash.cases import FAULTS, Case, all_cases
from tests.crash.nursery import Nursery
from tests.crash.scenes import prepared
from tests.crash.seeds import printed_seed, seeded
from tests.crash.strace import read_log, strace_program

MORE = ("SIGKILL", "SIGKILL", "EIO", "ENOSPC")  # beside one of every fault
COMMANDS = 2  # the last ones, in a new Python instead of a fork, which knows errors only
LOG = """\
17 openat(AT_FDCWD</w>, "/j/HEAD", O_RDWR|O_CLOEXEC) = 7</j/HEAD>
17 pwrite64(7</j/HEAD>, "{\\"generation\\":2"..., 512, 0 <unfinished ...>
18 +++ exited with 0 +++
17 <... pwrite64 resumed>) = -1 EIO (Input/output error) (INJECTED)
17 openat(AT_FDCWD</w>, "/j/HEAD", O_RDONLY|O_CLOEXEC) = 8</j/HEAD>
17 openat(6</j>, "1.jsonl", O_WRONLY|O_APPEND|O_CLOEXEC) = 7</j/1.jsonl>
17 write(7</j/1.jsonl>, "{\\"seq\\":1,\\"at\\":"..., 340) = 340
"""


def sample(cases: Sequence[Case], rng: random.Random) -> list[Case]:
    """One case of every fault, and some more."""
    return [rng.choice([case for case in cases if case.fault == fault]) for fault in (*FAULTS, *MORE)]


def test_a_sample_of_faults_at_system_calls(tmp_path: Path) -> None:
    """I3, I4, I8: killed or refused at any call on its files, the actor loses, repeats and pretends nothing."""
    rng = seeded(printed_seed())
    with Nursery() as nursery, prepared(nursery, tmp_path / "scenes") as scenes:
        cases = [case for scene in scenes for case in all_cases(nursery, scene, tmp_path / f"count-{scene.name}")]
        chosen = sample(cases, rng)
        for index, case in enumerate(chosen):
            outcome = case.play(nursery, tmp_path / str(index), as_command=index >= len(chosen) - COMMANDS)
            assert outcome.reached, f"{case} was not reached: {outcome}"
            assert not outcome.findings, f"{case}: {outcome.findings}"


def test_a_machine_without_strace_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests fail there and say how to go on; they are not passed over."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="apt-get install strace"):
        strace_program()


def test_a_log_of_strace_is_read(tmp_path: Path) -> None:
    """Calls are counted by name; a call whose second half stands apart is one call."""
    (tmp_path / "log").write_text(LOG)
    calls = read_log(tmp_path / "log")
    assert [(call.name, call.number, str(call.path), call.reads) for call in calls] == [
        ("openat", 1, "/j/HEAD", False),
        ("pwrite64", 1, "/j/HEAD", False),
        ("openat", 2, "/j/HEAD", True),
        ("openat", 3, "/j/1.jsonl", False),
        ("write", 1, "/j/1.jsonl", False),
    ]
    assert [call.injected for call in calls] == [False, True, False, False, False]
    assert calls[-1].length == 340
