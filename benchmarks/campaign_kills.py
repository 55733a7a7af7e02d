"""A thousand random SIGKILLs of the running actor on one journal; see tests/crash/kills.py.

    python -m benchmarks.campaign_kills [--kills N] [--seed S]

Prints progress and a summary. Exit code 1 when anything was lost, repeated or contradicted.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.crash.kills import Summary, kill_again_and_again

_EVERY: Final = 50


def _progress(kills: int, records: int) -> None:
    if kills % _EVERY == 0:
        print(f"  {kills} kills, {records} records", flush=True)


def _text(done: Summary) -> str:
    states = ", ".join(f"{name} {times}" for name, times in done.states.most_common())
    return (
        f"{done.kills} kills in {done.seconds:.0f} s, {done.early} of them before the start was recorded\n"
        f"state at the kill: {states}\n"
        f"{done.records} records, {done.windows} windows, {done.accepted} posts accepted\n"
        f"{done.torn} tails torn by hand, {done.repaired} repaired\n"
        f"violations: {len(done.findings)}"
    )


def main() -> int:
    """Kill so many times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1_000, help="how many lives end by SIGKILL")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="of the moments and the torn tails")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="user-miner-kills-") as folder:
        done = kill_again_and_again(Path(folder), kills=options.kills, seed=options.seed, on_progress=_progress)
    for finding in done.findings:
        print(f"violated: {finding}")
    print(_text(done))
    return 1 if done.findings else 0


if __name__ == "__main__":
    sys.exit(main())
