"""Every fault at every system call that the actor makes on its journal, each followed by a restart.

    python -m benchmarks.campaign_crash [--only TEXT] [--stride N] [--workers N]

Prints progress, then a table of the cases by call and fault. Exit code 1 when anything was violated.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.crash.cases import FAULTS, Outcome, all_cases
from tests.crash.nursery import Nursery
from tests.crash.scenes import prepared

_EVERY: Final = 25


def _share(number: int, workers: int, stride: int, only: str) -> list[tuple[str, str, str, Outcome]]:
    """One worker's cases: case, call, fault and outcome of each."""
    folder = Path(tempfile.mkdtemp(prefix="user-miner-crash-"))
    done: list[tuple[str, str, str, Outcome]] = []
    with Nursery() as nursery, prepared(nursery, folder / "scenes") as scenes:
        cases = [case for scene in scenes for case in all_cases(nursery, scene, folder / f"count-{scene.name}")]
        mine = [case for case in cases if only in str(case)][::stride][number::workers]
        for index, case in enumerate(mine):
            outcome = case.play(nursery, folder / f"case-{index}")
            done.append((str(case), case.call.name, case.fault, outcome))
            if outcome.reached and not outcome.findings:
                shutil.rmtree(folder / f"case-{index}")
            else:
                print(f"  {case}: {outcome}; left in {folder / f'case-{index}'}", flush=True)
            if (index + 1) % _EVERY == 0:
                print(f"  worker {number}: {index + 1} of {len(mine)}, now {case}", flush=True)
    if all(outcome.reached and not outcome.findings for *_, outcome in done):
        shutil.rmtree(folder)
    return done


def _table(counted: Counter[tuple[str, str]]) -> Iterator[str]:
    calls = sorted({call for call, _ in counted})
    yield "  ".join([f"{'call':<10}", *FAULTS])
    for call in calls:
        yield _row(call, [counted[call, fault] for fault in FAULTS])
    yield _row("all", [sum(counted[call, fault] for call in calls) for fault in FAULTS])


def _row(name: str, counts: Sequence[int]) -> str:
    cells = (f"{count or '-':>{len(fault)}}" for count, fault in zip(counts, FAULTS, strict=True))
    return "  ".join([f"{name:<10}", *cells])


def main() -> int:
    """Play all cases."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help='play only cases with this in their names, such as "EIO at read"')
    parser.add_argument("--stride", type=int, default=1, help="play only every N-th case")
    parser.add_argument("--workers", type=int, default=2, help="processes at once")
    options = parser.parse_args()
    began = time.monotonic()
    with ProcessPoolExecutor(options.workers) as pool:
        more = (options.workers, options.stride, options.only)
        shares = [pool.submit(_share, number, *more) for number in range(options.workers)]
        done = [row for share in shares for row in share.result()]
    for line in _table(Counter((call, fault) for _, call, fault, _ in done)):
        print(line)
    violated = [row for row in done if row[3].findings]
    missed = [row for row in done if not row[3].reached]
    for case, _, _, outcome in violated:
        print(f"violated: {case}: {'; '.join(outcome.findings)}")
    for case, *_ in missed:
        print(f"not reached: {case}")
    codes = Counter(outcome.code for *_, outcome in done)
    print(
        f"{len(done)} cases in {time.monotonic() - began:.0f} s; lives ended with {dict(codes)}; "
        f"{len(missed)} faults not reached; {len(violated)} cases violated"
    )
    return 1 if violated or missed else 0


if __name__ == "__main__":
    sys.exit(main())
