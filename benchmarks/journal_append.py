"""Durable appends: the journal, a bare write + fdatasync loop, SQLite and the eventsourcing package, in turns.

    python -m benchmarks.journal_append [--rounds 30] [--batch 100] [--dir DIR]

Each round appends the same records to each, one durable commit each: as finished lines of equal length to the loop and
to SQLite, as events to the journal and to the package. The ratios compare a round with the same round of the other, so
what slows the machine for a while slows both.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks.journal_kit import drafts, new_journal, parser, ratio, workplace
from events.codec import plain
from events.journal import GENESIS, Draft, FileJournal, seal

try:
    from eventsourcing.application import Application
    from eventsourcing.domain import Aggregate, event
except ImportError:  # `make bench` installs it
    Application = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """The same records in the form that each contender takes."""

    drafts: Sequence[Draft]
    lines: Sequence[bytes]
    data: Sequence[dict[str, Any]]


_Contender: TypeAlias = Callable[[_Batch], Awaitable[None]]
_OURS: Final = "FileJournal"


def _journal(journal: FileJournal) -> _Contender:
    async def go(batch: _Batch) -> None:
        for draft in batch.drafts:
            await journal.append(draft)

    return go


def _bare(path: Path) -> _Contender:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def go(batch: _Batch) -> None:
        for line in batch.lines:
            os.write(fd, line)
            os.fdatasync(fd)

    return go


def _sqlite(path: Path) -> _Contender:
    base = sqlite3.connect(path, isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, line BLOB NOT NULL)")

    async def go(batch: _Batch) -> None:
        for line in batch.lines:
            base.execute("INSERT INTO records (line) VALUES (?)", (line,))

    return go


def _eventsourcing(path: Path) -> _Contender:
    class Log(Aggregate):  # type: ignore[misc]  # the package is not installed where mypy runs
        @event("Appended")  # type: ignore[untyped-decorator]
        def add(self, at: int, event: str, source: str, dest: str, data: dict[str, Any]) -> None:
            """One record; the package itself turns it into JSON."""

    app = Application({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})
    log: Any = Log()
    app.save(log)

    async def go(batch: _Batch) -> None:
        for draft, data in zip(batch.drafts, batch.data, strict=True):
            log.add(draft.at_ms, type(draft.event).__name__, draft.source, draft.dest, data)
            app.save(log)

    return go


async def _contenders(place: Path) -> dict[str, _Contender]:
    found = {
        _OURS: _journal(await new_journal(place / "journal")),
        "write + fdatasync": _bare(place / "bare"),
        "SQLite, WAL, FULL": _sqlite(place / "sqlite"),
    }
    if Application is None:
        print("eventsourcing is not installed and left out: `make bench` installs it")
    else:
        found["eventsourcing"] = _eventsourcing(place / "eventsourcing")
    return found


def _batch(taken: Sequence[Draft]) -> _Batch:
    lines = [seal(draft, GENESIS)[0] for draft in taken]
    return _Batch(drafts=taken, lines=lines, data=[plain(draft.event) for draft in taken])


async def _measure(place: Path, rounds: int, size: int) -> dict[str, list[float]]:
    contenders = await _contenders(place)
    order = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in order}
    all_drafts = list(drafts((rounds + 1) * size))
    for number in range(rounds + 1):  # the first round only warms up
        batch = _batch(all_drafts[number * size : (number + 1) * size])
        random.shuffle(order)
        for name in order:
            start = time.perf_counter()
            await contenders[name](batch)
            seconds[name].append(time.perf_counter() - start)
    return {name: taken[1:] for name, taken in seconds.items()}


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--batch", type=int, default=100, help="appends of each in one round")
    given = options.parse_args()
    with workplace(given.dir) as place:
        seconds = asyncio.run(_measure(place, given.rounds, given.batch))
    print(f"{given.rounds} rounds of {given.batch} durable appends each; median round, FileJournal as a multiple")
    for name, taken in seconds.items():
        times = "" if name == _OURS else ratio(seconds[_OURS], taken)
        print(f"  {name:<20} {given.batch / statistics.median(taken):>8.0f}/s  {times}")


if __name__ == "__main__":
    main()
