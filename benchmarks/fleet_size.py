"""What many hotkeys in one process take: a real ``user-miner fleet`` against the stand-ins on loopback.

Each number of hotkeys has a process of its own, which is started, works one window, is idle for a while, and is stopped
by SIGTERM; then it is started again on its journals. The stand-ins answer at once, so that what is measured is the
miner; they run in the benchmark's process, which has another core.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.startup import cpu_s, rss_mib
from sandbox import Sandbox, SandboxConfig
from tests.fleet.kit import Hotkeys
from tests.world import World

LIMIT_S = 1_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One row."""

    hotkeys: int
    started_s: float
    again_s: float
    early_mib: float
    late_mib: float
    peak_mib: float
    threads: int
    files: int
    window_cpu_s: float
    idle_share: float
    polls: int
    stopped_s: float


def until(condition: Callable[[], object], every_s: float = 0.2) -> float:
    """Wait until it holds; how long that took."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < LIMIT_S, "waited too long"
        time.sleep(every_s)
    return time.monotonic() - began_s


def fields(pid: int) -> dict[str, str]:
    """What the kernel tells of a process."""
    return dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


@contextmanager
def at_work(fleet: Hotkeys, epoch: int) -> Iterator[tuple[subprocess.Popen[str], float]]:
    """The fleet once all of its journals are taken, and how many seconds that took."""
    log = fleet.world.folder / "log.txt"
    command = [sys.executable, "-m", "user_miner.cli", "fleet", str(fleet.file)]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(fleet.world.folder), "TMPDIR": str(fleet.world.folder)}
    with (
        log.open("w") as file,
        subprocess.Popen(command, env=env, cwd=fleet.world.folder, stderr=file, text=True) as one,  # noqa: S603
    ):
        took_s = until(lambda: log.read_text().count(f", epoch {epoch},") >= len(fleet.addresses), 0.05)
        yield one, took_s
        one.kill()


def are_idle(fleet: Hotkeys) -> bool:
    """Whether each journal holds its window's end."""
    return all(
        b'"event":"CheckpointSigned"' in (fleet.journal(name) / f"{1:020d}.jsonl").read_bytes()
        for name in fleet.addresses
    )


def measured(count: int, idle_s: float) -> Size:
    """One number of hotkeys from its start to its end."""
    with (
        tempfile.TemporaryDirectory(dir=".", prefix=".bench-fleet-") as folder,
        Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=0)) as box,
    ):
        for number in range(20):
            box.add_post(f"Bittensor SN45 keeps shipping, part {number}")
        world = World(folder=Path(folder).absolute(), sandbox=box)
        names = [f"hotkey{number}" for number in range(count)]
        common = {"POLL_INTERVAL_SECONDS": 12, "BLOCK_SECONDS": 12, "LLM_CONCURRENCY": 20}
        fleet = Hotkeys(world, *names, **common)
        with at_work(fleet, 1) as (process, started_s):
            pid = process.pid
            early_mib = rss_mib(pid)
            until(lambda: are_idle(fleet), 1.0)
            window_cpu_s = cpu_s(pid)
            time.sleep(2)
            used_s, since_s, asked = cpu_s(pid), time.monotonic(), len(box.ledger.api.exchanges("api.status"))
            time.sleep(idle_s)
            share = (cpu_s(pid) - used_s) / (time.monotonic() - since_s)
            polls = len(box.ledger.api.exchanges("api.status")) - asked
            told = fields(pid)
            files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            late_mib = rss_mib(pid)
            process.terminate()
            stopped_s = until(lambda: process.poll() is not None, 0.02)
        with at_work(fleet, 2) as (_, again_s):
            pass
    return Size(
        hotkeys=count,
        started_s=started_s,
        again_s=again_s,
        early_mib=early_mib,
        late_mib=late_mib,
        peak_mib=int(told["VmHWM"].split()[0]) / 1024,
        threads=int(told["Threads"]),
        files=files,
        window_cpu_s=window_cpu_s,
        idle_share=share,
        polls=polls,
        stopped_s=stopped_s,
    )


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hotkeys", type=int, nargs="*", default=[1, 10, 100, 1_000])
    options.add_argument("--idle-seconds", type=float, default=48.0)
    asked = options.parse_args()
    print(
        "| hotkeys | first start | next start | memory at the start | after a window | peak | threads | open files ",
        end="",
    )
    print("| processor, start and a window | processor, idle | polls, idle | stop |")
    print("|" + "---|" * 12)
    for count in asked.hotkeys:
        one = measured(count, asked.idle_seconds)
        print(
            f"| {one.hotkeys:,} | {one.started_s:.1f} s | {one.again_s:.1f} s | {one.early_mib:.0f} MiB "
            f"| {one.late_mib:.0f} MiB | {one.peak_mib:.0f} MiB | {one.threads} | {one.files:,} "
            f"| {one.window_cpu_s:.1f} s | {100 * one.idle_share:.2f} % | {one.polls} | {one.stopped_s:.2f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
