"""How long a test waits: for an event, and for minutes before it gives up, so that no outcome hangs on speed.

What promises to end within seconds is timed by a ``Stopwatch``, which leaves out the time that a busy machine took.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import Popen
from typing import Any, Final, TypeVar

__all__ = ["GIVE_UP_S", "LIMITS_S", "Stopwatch", "patiently", "seconds_until_exit", "wait_for"]

T = TypeVar("T")

# Nothing that goes well takes as long, not even on one core with four busy loops beside it: who waits longer waits for
# what does not come. The one bound for processes, servers, threads and conditions.
GIVE_UP_S: Final = 300.0

# Time limits to try in turn, where one must run out but not before something else has happened.
LIMITS_S: Final = (0.2, 1.0, 5.0, 25.0, 125.0)


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + GIVE_UP_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {GIVE_UP_S:g} s for {what}"
        time.sleep(0.01)


def patiently(
    outcome: Callable[[float], T], *, is_late: Callable[[T], bool], limits_s: Iterable[float] = LIMITS_S
) -> T:
    """What comes out under a short limit or, where the machine was too slow for that one, under a longer one."""
    for limit_s in limits_s:
        found = outcome(limit_s)
        if not is_late(found):
            break
    return found


class Stopwatch:
    """Seconds that passed for a process, without those in which it was ready to run and had no core.

    So a promise in seconds holds or breaks on a busy machine as it does on an idle one. Linux tells what each thread
    waited for (``/proc/PID/task/TID/schedstat``); where nothing tells it, all seconds count.

    Args:
        pid: The process; this one when left out.
    """

    def __init__(self, pid: int | None = None) -> None:
        self._tasks = Path("/proc", str(pid or os.getpid()), "task")
        self._began_s = time.monotonic()
        self._waited_s = self._waits()

    def seconds(self) -> float:
        """Since the beginning."""
        passed_s = time.monotonic() - self._began_s
        return passed_s - sum(max(0.0, s - self._waited_s.get(task, 0.0)) for task, s in self._waits().items())

    def _waits(self) -> dict[str, float]:
        found = {}
        for task in self._tasks.glob("*/schedstat"):
            try:
                found[task.parent.name] = int(task.read_text().split()[1]) / 1e9
            except OSError:  # a thread that has just ended
                continue
        return found


def seconds_until_exit(process: Popen[Any], watch: Stopwatch) -> float:
    """Wait for a process's end, which is still to be reaped; what its watch shows then. It fills no pipe."""
    wait_for(lambda: os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT), "the end of the process")
    return watch.seconds()
