"""How many seeds of the simulation find each planted bug; see tests/simulation/planted.py.

    python -m benchmarks.campaign_planted [--only TEXT] [--seeds N] [--jobs J]

Keeps what it measured in tests/simulation/planted_found.json, and tries the real build on every seed up to the last one
that was needed. Exit code 1 when a bug was not found, or the real build broke a promise.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Final

from tests.simulation.planted import PLANTED
from tests.simulation.planted_hunt import FIRST_SEED, MOST_SEEDS, WINDOWS, Found, hunt, load, plan_of, save
from user_miner.simulation.campaign import run_campaign

_WIDTH: Final = max(len(planted.name) for planted in PLANTED)


def _hunt(task: tuple[int, int]) -> tuple[str, Found | None, float]:
    number, seeds = task
    began_s = time.monotonic()
    found = hunt(PLANTED[number], seeds=seeds)
    return PLANTED[number].name, found, time.monotonic() - began_s


def _hunts(only: str, seeds: int, jobs: int) -> Iterator[tuple[str, Found | None, float]]:
    tasks = [(number, seeds) for number, planted in enumerate(PLANTED) if only in planted.name]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for hunted in as_completed([pool.submit(_hunt, task) for task in tasks]):
            yield hunted.result()


def main() -> int:
    """Look for each bug, then for a mistake of the oracles."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="bugs whose names hold this text")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help="give up after so many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    options = parser.parse_args()
    kept, missed = load(), 0
    for name, found, seconds in _hunts(options.only, options.seeds, options.jobs):
        if found is None:
            missed += 1
            kept.pop(name, None)
            print(f"{name:<{_WIDTH}}  not found in {options.seeds} seeds  {seconds:.0f} s", flush=True)
        else:
            kept[name] = found
            told = f"{found.seeds:>4} seeds, {found.windows:>2} windows, {found.rule}"
            print(f"{name:<{_WIDTH}}  {told}  {seconds:.0f} s", flush=True)
    save(kept)
    last = max((found.seed for found in kept.values()), default=FIRST_SEED)
    real = run_campaign([plan_of(seed) for seed in range(FIRST_SEED, last + 1)], jobs=options.jobs)
    for failure in real.failures:
        print(f"the real build, seed {failure.plan.seed}: {failure.violations[0]}")
    print(f"{len(kept)} of {len(PLANTED)} bugs found within {last} seeds of {WINDOWS} windows")
    print(f"the real build broke a promise in {len(real.failures)} of these seeds")
    return 1 if missed or real.failures else 0


if __name__ == "__main__":
    sys.exit(main())
