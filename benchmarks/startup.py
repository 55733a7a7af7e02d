"""What it takes to start, and what an idle miner takes: a real ``user-miner run`` against the stand-ins on loopback.

The first poll is seen by the stand-in, so the time is from the start of the process to a request on the wire. The idle
miner has worked one window before (search, analysis, submission), so all libraries are there; then no window opens any
more and it polls every 12 seconds, as it does between windows.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from actor.machine.encoding import encode_state
from actor.machine.state import REDUCER, State
from benchmarks.journal_kit import DRY, drafts
from events.codec import changed
from events.journal import Draft, FileJournal, Record, Snapshot
from sandbox import Sandbox, SandboxConfig
from tests.kit import HOTKEY
from tests.world import World, make_wallet

POLL_S: Final = "12"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def seconds_to(condition: Callable[[], object], began_s: float, limit_s: float = 60.0) -> float:
    """How long until it holds."""
    while not condition():
        assert time.monotonic() - began_s < limit_s, "waited too long"
        time.sleep(0.002)
    return time.monotonic() - began_s


def help_s() -> float:
    """One ``--help``, as whoever types it waits for it."""
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-m", "user_miner.cli", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began_s


def first_poll_s(world: World) -> float:
    """From the start of the process to its first question for the block."""
    before = len(world.sandbox.ledger.api.exchanges("api.status"))
    began_s = time.monotonic()
    with world.start(env=world.env(POLL_INTERVAL_SECONDS=POLL_S)) as process:
        taken = seconds_to(lambda: len(world.sandbox.ledger.api.exchanges("api.status")) > before, began_s)
        world.stop(process)
    return taken


def rss_mib(pid: int) -> float:
    """Resident memory now."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def cpu_s(pid: int) -> float:
    """Time on the processor so far, by the process and in the kernel for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def idle(world: World, seconds: float) -> tuple[float, float, float]:
    """Memory before and after a window was worked, and the share of a core while nothing happens."""
    with world.start(env=world.env(POLL_INTERVAL_SECONDS=POLL_S)) as process:
        asked, began_s = len(world.sandbox.ledger.api.exchanges("api.status")), time.monotonic()
        seconds_to(lambda: len(world.sandbox.ledger.api.exchanges("api.status")) > asked, began_s)
        early = rss_mib(process.pid)
        seconds_to(lambda: "CheckpointSigned" in world.names(), began_s)
        time.sleep(1)
        used_s, since_s = cpu_s(process.pid), time.monotonic()
        time.sleep(seconds)
        share = (cpu_s(process.pid) - used_s) / (time.monotonic() - since_s)
        late = rss_mib(process.pid)
        world.stop(process)
    return early, late, share


async def lengthen(folder: Path, history: list[tuple[Record, State]], count: int) -> None:
    """Write a journal of so many records more before a snapshot; a start hashes them and folds none of them."""
    journal = FileJournal(folder, on_warning=print, disk=DRY)
    await journal.take(reducer=REDUCER)
    created = history[0][0]
    await journal.append(Draft(at_ms=created.at_ms, event=created.event(), source=created.source, dest=created.dest))
    for draft in drafts(count):
        record = await journal.append(draft)
    state = changed(history[-1][1], checkpoint_seq=record.seq, epoch=0)
    await journal.save_snapshot(Snapshot(head=record.head, reducer=REDUCER, state=encode_state(state)))
    await journal.release()


def told(taken: list[float]) -> str:
    """Median, fastest and slowest."""
    return f"{statistics.median(taken):5.2f} s ({min(taken):.2f} to {max(taken):.2f})"


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--records", type=int, default=1_000_000, help="before the snapshot of a long journal")
    options.add_argument("--idle-seconds", type=float, default=48.0)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=0)) as box:
        for number in range(5):
            box.add_post(f"Bittensor SN45 keeps shipping, part {number}")
        make_wallet(Path(folder) / "wallets")
        world = World(folder=Path(folder), sandbox=box)
        early, late, share = idle(world, asked.idle_seconds)
        other = World(folder=Path(folder) / "other", sandbox=box)
        make_wallet(other.folder / "wallets")
        asyncio.run(lengthen(other.journal / HOTKEY, world.history(), asked.records))
        pairs = [(first_poll_s(world), first_poll_s(other)) for _ in range(asked.rounds)]
        polls, long_polls = map(list, zip(*pairs, strict=True))
        helps = [help_s() for _ in range(asked.rounds)]
    print(f"--help            {told(helps)}, aim 0.3 s")
    print(f"first poll        {told(polls)}, aim 1 s")
    print(f"first poll        {told(long_polls)} with {asked.records:,} records before the snapshot")
    print(f"memory            {early:.0f} MiB at the first poll, {late:.0f} MiB after a window, aim 90 MiB")
    print(f"idle              {100 * share:.2f} % of a core over {asked.idle_seconds:g} s, aim 1 %")


if __name__ == "__main__":
    main()
