"""A long journal asked with its index and without: what the index costs, and what each answer then takes.

    python -m benchmarks.readers_index [--records 1000000] [--dir DIR]

Each figure is a process of its own: its processor time and its most memory, Python's start included. The journal is one
of whole windows. Every answer is compared with the one without the index.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from actor.machine.history import steps
from audit.index import open_index
from benchmarks.journal_kit import DRY, parser, workplace
from benchmarks.mined import mined
from events.journal import Draft, FileJournal, JournalReader, at_text
from events.journal.layout import list_segments

_A_WINDOW: Final = 18
_MORE: Final = 1_000
_SOURCE: Final = re.compile(r'"source": ?"(index|journal)"')
# What changes from one moment to the next in a status.
_NOW: Final = re.compile(r'"(age_s|free_bytes|estimated_in_s|uptime_s)": ?-?[\d.]+')


class _Answer(NamedTuple):
    text: str
    processor_s: float
    memory_mib: float


def _ask(journal: Path, command: list[str], *more: str) -> _Answer:
    """Run ``user-miner``; what it printed, and what it took."""
    name, *options = command
    place = ["--journal", str(journal)] if name == "status" else [str(journal)]
    script = Path(sys.executable).with_name("user-miner")
    asked = [str(script), name, *place, *options, *more]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  (this program's own)
        printed = process.stdout.read() if process.stdout else ""
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return _Answer(_NOW.sub("", _SOURCE.sub("", printed)), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


async def _build(directory: Path, drafts: Iterator[Draft], count: int) -> list[Draft]:
    """Write so many records without syncs; the ones that follow."""
    journal = FileJournal(directory, on_warning=print, disk=DRY)
    await journal.take(reducer=1)
    for _ in range(count):
        await journal.append(next(drafts))
    await journal.release()
    return [next(drafts) for _ in range(_MORE)]


async def _add(directory: Path, drafts: list[Draft]) -> None:
    journal = FileJournal(directory, on_warning=print, disk=DRY)
    await journal.take(reducer=1)
    for draft in drafts:
        await journal.append(draft)
    await journal.release()


def _write(directory: Path, count: int) -> list[Draft]:
    return asyncio.run(_build(directory, mined((count + _MORE) // _A_WINDOW + 2), count))


def _commands(journal: Path, count: int) -> list[list[str]]:
    """One of each kind, about the middle of the journal and about its last day."""
    last = journal / list_segments(journal)[-1]
    *_, line = last.read_bytes().splitlines()
    day = orjson.loads(line)["at"][:10]
    record = next(r for r in JournalReader(journal) if r.name == "PostAnalyzed" and r.seq > count // 2)
    middle = str(record.data["post_id"])
    window = str(812 + count // _A_WINDOW // 2)
    return [
        ["replay", "--window", window],
        ["replay", "--post", middle],
        ["replay", "--at", str(count // 2 + 77)],
        ["replay", "--at", at_text(record.at_ms - 86_400_000 * 30)[:16]],
        ["replay", "--diff", str(count // 3), str(count // 2)],
        ["replay", "--why", str(count // 2 + 78)],
        ["replay", "--since", day, "--json"],
        ["audit", "--since", day, "--json"],
        ["costs"],
        ["status", "--json"],
        ["export", "--window", window],
        ["export", "--what", "posts", "--window", window],
        ["export", "--what", "windows", "--window", window],
        ["export", "--what", "windows", "--since", day],
        ["export", "--dispute", middle],
    ]


def _timed(what: str, taken_s: float, beside_s: float | None = None) -> None:
    times = "" if beside_s is None else f"  {taken_s / beside_s:>5.2f} times the fold"
    print(f"  {what:<38} {taken_s:>8.2f} s{times}")


def _fold(journal: Path) -> float:
    begun = time.process_time()
    for _ in steps(JournalReader(journal)):
        pass
    return time.process_time() - begun


def _measure_build(journal: Path) -> None:
    folds = [_fold(journal)]
    begun = time.process_time()
    index = open_index(journal, on_note=print)
    built_s = time.process_time() - begun
    if index is None or index.path is None:
        raise RuntimeError("no index could be made")
    index.close()
    folds.append(_fold(journal))
    replayed = _ask(journal, ["replay"], "--no-index")
    print("processor time over the whole journal", flush=True)
    _timed("read, verified, folded", min(folds))
    _timed("the index built", built_s, min(folds))
    _timed("the command replay, all windows", replayed.processor_s, min(folds))
    print(f"  the index's file: {index.path.stat().st_size / 1e6:.1f} MB for {index.record_count} records")
    print(f"  most memory while it was built: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _measure_answers(journal: Path, count: int) -> None:
    print("an answer: processor time and memory, with the index and without")
    for command in _commands(journal, count):
        found, alone = _ask(journal, command), _ask(journal, command, "--no-index")
        same = "the same" if found.text == alone.text else "ANOTHER ANSWER"
        print(
            f"  {' '.join(command):<44} {found.processor_s:>6.2f} s {found.memory_mib:>5.0f} MiB  "
            f"{alone.processor_s:>6.2f} s {alone.memory_mib:>5.0f} MiB  {same}"
        )


def _measure_growth(journal: Path, more: list[Draft]) -> None:
    index = open_index(journal)
    asyncio.run(_add(journal, more))
    if index is None:
        raise RuntimeError("the index is gone")
    begun = time.process_time()
    added = index.follow()
    print(f"{added} records more are taken in: {1e3 * (time.process_time() - begun):.0f} ms")
    index.close()


def main() -> None:
    """Build, measure and print."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, default=1_000_000)
    given = options.parse_args()
    with workplace(given.dir) as place:
        os.environ["XDG_CACHE_HOME"] = str(place / "cache")
        # Apart, for a process begins with the most memory of the one that started it.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            more = apart.submit(_write, place / "j", given.records).result()
            apart.submit(_measure_build, place / "j").result()
        _measure_answers(place / "j", given.records)
        _measure_growth(place / "j", more)


if __name__ == "__main__":
    main()
