"""Many real miners at small cost: each is ``user-miner run`` in a process of its own, forked of one that imported it.

So a run costs a tenth of a second of processor time instead of more than one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.patience import GIVE_UP_S, Stopwatch, wait_for
from user_miner.cli import main

__all__ = ["Miner", "mining", "terminated"]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.cli.preloaded"])


@dataclass(frozen=True, slots=True)
class Miner:
    """One that runs.

    Attributes:
        pid: Its process.
        log: What it writes to standard error, as JSON lines.
    """

    pid: int
    log: Path
    _process: ForkServerProcess

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.exitcode


def terminated(miners: Sequence[Miner]) -> list[tuple[int | None, float]]:
    """SIGTERM to all at once; for each its exit code, and how many seconds its end took."""
    watches = {miner.pid: Stopwatch(miner.pid) for miner in miners}
    seconds = dict.fromkeys(watches, 0.0)
    for miner in miners:
        os.kill(miner.pid, signal.SIGTERM)

    def are_over() -> bool:
        left = [miner.pid for miner in miners if miner.exit_code is None]
        seconds.update({pid: watches[pid].seconds() for pid in left})
        return not left

    wait_for(are_over, "the end of the processes")
    return [(miner.exit_code, seconds[miner.pid]) for miner in miners]


@contextmanager
def mining(folder: Path, env: Mapping[str, str]) -> Iterator[Miner]:
    """A miner in this folder, with nothing but this environment, which does not outlive the test."""
    log = folder / "log.json"
    process = _FORKS.Process(target=_run, args=(folder, dict(env), log))
    process.start()
    try:
        assert process.pid is not None
        yield Miner(process.pid, log, process)
    finally:
        process.kill()
        process.join(GIVE_UP_S)


def _run(folder: Path, env: Mapping[str, str], log: Path) -> None:
    """In the new process."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
    main(["run", "--logging.json"])
