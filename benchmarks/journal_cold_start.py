"""Cold start: take() of journals of 10³, 10⁵ and 10⁶ records, with a snapshot near the end and without.

    python -m benchmarks.journal_cold_start [--records 1000 100000 1000000] [--starts 7] [--dir DIR]

Each start runs in this process with the files in the kernel's cache, so it measures what this software does, not the
disk. The snapshot stands 200 records before the end, as the actor keeps one about every window.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.journal_kit import DRY, drafts, new_journal, parser, workplace
from events.journal import FileJournal, Snapshot

_BEHIND: Final = 200
_STATE: Final = b'{"padding":"' + b"x" * 20_000 + b'"}'


async def _build(directory: Path, count: int) -> None:
    journal = await new_journal(directory, DRY)
    for number, draft in enumerate(drafts(count), 1):
        record = await journal.append(draft)
        if number == count - _BEHIND:
            await journal.save_snapshot(Snapshot(head=record.head, reducer=1, state=_STATE))
    await journal.release()


async def _start(directory: Path, *, count: int, with_snapshot: bool) -> float:
    journal = FileJournal(directory, on_warning=print)
    start = time.perf_counter()
    lease = await journal.take(reducer=1)
    seconds = time.perf_counter() - start
    if lease.head.seq != count or (lease.snapshot is not None) != with_snapshot:
        raise RuntimeError(f"the start found {lease.head} and snapshot {lease.snapshot is not None}")
    await journal.release()
    return seconds


def _measure(journals: dict[int, Path], starts: int, *, with_snapshot: bool) -> dict[int, float]:
    seconds: dict[int, list[float]] = {count: [] for count in journals}
    for _ in range(starts):
        for count in random.sample(list(journals), len(journals)):
            seconds[count].append(asyncio.run(_start(journals[count], count=count, with_snapshot=with_snapshot)))
    return {count: statistics.median(taken) for count, taken in seconds.items()}


def _print(what: str, seconds: dict[int, float]) -> None:
    least = seconds[min(seconds)]
    for count, taken in seconds.items():
        print(f"  {what:<17} {count:>9} records {1e3 * taken:>9.1f} ms  {taken / least:>8.2f}")


def _run(place: Path, counts: Sequence[int], starts: int) -> None:
    journals = {}
    for count in counts:
        journals[count] = place / str(count)
        asyncio.run(_build(journals[count], count))
    print("median of the starts; the last column is a multiple of the smallest journal's")
    _print("with a snapshot", _measure(journals, starts, with_snapshot=True))
    for directory in journals.values():
        shutil.rmtree(directory / "snapshots")
    _print("without", _measure(journals, 1, with_snapshot=False))


def main() -> None:
    """Build, measure and print."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    options.add_argument("--starts", type=int, default=7, help="with a snapshot; without one it is one each")
    given = options.parse_args()
    with workplace(given.dir) as place:
        _run(place, given.records, given.starts)


if __name__ == "__main__":
    main()
