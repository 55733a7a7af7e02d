"""Days of ``user-miner run`` in minutes, against stand-ins whose blocks come faster: are memory and open files flat?

    python -m benchmarks.campaign_soak [--hours H] [--window-s S] [--json FILE]

Everything that waits for blocks or seconds is sped up alike, polls and backoff included, so a simulated day has as many
polls, searches, analyses, submissions and failures as a real one. Exit code 1 when it is not flat.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from events.journal import verify_journal
from sandbox import Sandbox, SandboxConfig
from tests.world import World, make_wallet, wait_for

_BLOCKS: Final = 100
_BLOCK_S: Final = 12.0
_POLL_S: Final = 12.0
_BACKOFF_S: Final = 3.0
_WINDOW_S: Final = _BLOCKS * _BLOCK_S
_POSTS_PER_MINUTE: Final = 2.0
# Some of everything that goes wrong on ordinary days.
_RATES: Final = {
    "x.search": {"503": 0.02, "hang": 0.005, "html": 0.01},
    "llm.chat": {"500": 0.02, "drop": 0.02, "garbled": 0.02},
    "api.submit": {"500": 0.03, "lost_answer": 0.02, "429": 0.005},
    "api.status": {"503": 0.001, "drop": 0.001},
}
# What still counts as flat over the second half: the state keeps ids of chosen posts, and digests of recent texts.
_MOST_RSS_MIB: Final = 2.0
_MOST_FILES: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The process at the end of a window.

    Attributes:
        hour: Simulated hours since the first sample.
        rss_mib: Memory in use.
        files: Open files.
        threads: Threads.
        cpu_s: Processor time since its start.
    """

    hour: float
    rss_mib: float
    files: int
    threads: int
    cpu_s: float


def sample(pid: int, hour: float) -> Sample:
    """Read it from the kernel."""
    process = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    times = (process / "stat").read_text().rpartition(")")[2].split()
    return Sample(
        hour=hour,
        rss_mib=int(status["VmRSS"].split()[0]) / 1024,
        files=len(list((process / "fd").iterdir())),
        threads=int(status["Threads"]),
        cpu_s=(int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"),
    )


def growth(samples: Sequence[Sample], values: Sequence[float]) -> float:
    """What the fitted line gains over the samples."""
    hours = [each.hour for each in samples]
    return statistics.linear_regression(hours, values).slope * (hours[-1] - hours[0])


def run(folder: Path, *, hours: float, window_s: float) -> list[Sample]:
    """One miner from beginning to end; a sample for each window."""
    faster = _WINDOW_S / window_s
    windows = round(hours * 3600 / _WINDOW_S)
    config = SandboxConfig(
        seconds_per_block=_BLOCK_S / faster,
        blocks_per_window=_BLOCKS,
        posts_per_minute=_POSTS_PER_MINUTE * faster,
        x_quota=1_000_000,
        rates=_RATES,
    )
    with Sandbox(config) as box, socket.socket() as reserved:
        make_wallet(folder / "wallets")
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        reserved.close()
        world = World(folder=folder, sandbox=box)
        env = world.env(
            POLL_INTERVAL_SECONDS=str(_POLL_S / faster),
            SUBMIT_BACKOFF_SECONDS=str(_BACKOFF_S / faster),
            METRICS_PORT=str(port),
            LOG_FILE="miner.log",
        )
        with world.start(env=env) as process:
            try:
                samples = list(_follow(world, process, port, windows=windows, window_s=window_s))
            finally:
                code, output = world.stop(process)
        assert code == 0, output
        assert verify_journal(next(world.journal.iterdir())).ok
        return samples


def _follow(world: World, process: subprocess.Popen[str], port: int, *, windows: int, window_s: float) -> list[Sample]:
    wait_for(lambda: (world.folder / "miner.log").exists() and "metrics at" in _log(world), "the start")
    first = world.sandbox.window
    samples: list[Sample] = []
    while len(samples) < windows:
        time.sleep(window_s)
        assert process.poll() is None, _log(world)[-2000:]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            answer.read()
        samples.append(sample(process.pid, (world.sandbox.window - first) * _WINDOW_S / 3600))
        if len(samples) % 18 == 0:
            print(_line(samples[-1]), flush=True)
    return samples


def _log(world: World) -> str:
    return (world.folder / "miner.log").read_text("utf-8")


def _line(each: Sample) -> str:
    return (
        f"  {each.hour:5.1f} h  {each.rss_mib:6.1f} MiB  {each.files:3} open files  "
        f"{each.threads:2} threads  {each.cpu_s:6.1f} s CPU"
    )


def report(samples: Sequence[Sample]) -> tuple[bool, str]:
    """Whether it is flat, and the figures."""
    half = samples[len(samples) // 2 :]
    rss = growth(half, [each.rss_mib for each in half])
    files = growth(half, [float(each.files) for each in half])
    hours = samples[-1].hour - samples[0].hour
    cpu_s = samples[-1].cpu_s - samples[0].cpu_s
    flat = rss <= _MOST_RSS_MIB and files <= _MOST_FILES
    most = max(each.rss_mib for each in samples)
    lines = [
        f"{hours:.1f} simulated hours, {len(samples)} samples",
        f"memory in the second half: {half[0].rss_mib:.1f} to {half[-1].rss_mib:.1f} MiB, at most {most:.1f} in all",
        f"the line fitted to it gains {rss:+.2f} MiB (flat: at most {_MOST_RSS_MIB})",
        f"open files: {min(s.files for s in half)} to {max(s.files for s in half)}",
        f"the line fitted to them gains {files:+.2f} (flat: at most {_MOST_FILES})",
        f"threads: {min(s.threads for s in half)} to {max(s.threads for s in half)}",
        f"{cpu_s:.1f} s of processor time, {100 * cpu_s / (hours * 3600):.3f} % of a core at the real pace",
        "flat" if flat else "NOT FLAT",
    ]
    return flat, "\n".join(lines)


def main() -> int:
    """Run it once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hours", type=float, default=72.0, help="how long, in simulated hours")
    parser.add_argument("--window-s", type=float, default=4.0, help="real seconds for each window of 20 minutes")
    parser.add_argument("--json", type=Path, help="write the samples there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="user-miner-soak-") as folder:
        samples = run(Path(folder), hours=options.hours, window_s=options.window_s)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(each) for each in samples]), "utf-8")
    flat, text = report(samples)
    print(text)
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
