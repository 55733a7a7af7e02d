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
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson

from benchmarks.journal_kit import drafts, new_journal, parser, ratio, workplace
from events.journal import GENESIS, Draft, FileJournal, seal

try:
    from eventsourcing.application import Application
    from eventsourcing.domain import Aggregate, event
except ImportError:  # `make bench` installs it
    Application = None

_Contender: TypeAlias = Callable[[Sequence[Draft], Sequence[bytes]], Awaitable[None]]
_OURS: Final = "FileJournal"


def _journal(journal: FileJournal) -> _Contender:
    async def go(batch: Sequence[Draft], _lines: Sequence[bytes]) -> None:
        for draft in batch:
            await journal.append(draft)

    return go


def _bare(path: Path) -> _Contender:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def go(_batch: Sequence[Draft], lines: Sequence[bytes]) -> None:
        for line in lines:
            os.write(fd, line)
            os.fdatasync(fd)

    return go


def _sqlite(path: Path) -> _Contender:
    base = sqlite3.connect(path, isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, line BLOB NOT NULL)")

    async def go(_batch: Sequence[Draft], lines: Sequence[bytes]) -> None:
        for line in lines:
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

    async def go(batch: Sequence[Draft], lines: Sequence[bytes]) -> None:
        for draft, line in zip(batch, lines, strict=True):
            name = type(draft.event).__name__
            log.add(draft.at_ms, name, draft.source, draft.dest, orjson.loads(line)["data"])
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


async def _measure(place: Path, rounds: int, size: int) -> dict[str, list[float]]:
    contenders = await _contenders(place)
    order = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in order}
    all_drafts = list(drafts((rounds + 1) * size))
    for number in range(rounds + 1):  # the first round only warms up
        batch = all_drafts[number * size : (number + 1) * size]
        lines = [seal(draft, GENESIS)[0] for draft in batch]
        random.shuffle(order)
        for name in order:
            start = time.perf_counter()
            await contenders[name](batch, lines)
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
