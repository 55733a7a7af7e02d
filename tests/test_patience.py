"""The waits of other tests: what a stopwatch leaves out, and which time limit counts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.patience import Stopwatch, patiently, seconds_until_exit

WORK_S = 0.3


@pytest.fixture
def crowded() -> Iterator[None]:
    """This thread shares one core with a process that never rests."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        command = [sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            other.stdout.readline()
            yield
            other.kill()
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.usefixtures("crowded")
def test_a_wait_for_a_core_is_left_out() -> None:
    """Work takes longer by the clock on the wall than by the stopwatch."""
    watch, began_s = Stopwatch(), time.monotonic()
    worked_s = time.thread_time()
    while time.thread_time() - worked_s < WORK_S:
        pass
    assert watch.seconds() < time.monotonic() - began_s - WORK_S / 4


def test_a_process_is_timed_to_its_end() -> None:
    """It is still there to be asked for its exit code; its sleep counts, however busy the machine."""
    program = f"import time; input(); time.sleep({WORK_S})"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        watch = Stopwatch(process.pid)
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert seconds_until_exit(process, watch) > WORK_S / 2  # a wait that had begun before counts as one of now
        assert process.wait() == 0


def test_a_limit_that_was_too_short_is_raised() -> None:
    """The first outcome that is not late is what came out; the last one, when all are."""
    tried: list[float] = []

    def outcome(limit_s: float) -> float:
        tried.append(limit_s)
        return limit_s

    found = patiently(outcome, is_late=lambda s: s < 2, limits_s=(1, 2, 3))
    assert (found, tried) == (2, [1, 2])
    assert patiently(outcome, is_late=lambda _: True, limits_s=(1, 2)) == 2
