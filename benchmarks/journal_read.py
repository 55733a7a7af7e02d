"""Verified reading against a bare orjson.loads loop over the same file, in turns.

    python -m benchmarks.journal_read [--windows 10000] [--rounds 7] [--dir DIR]

"read" checks the chain, the numbers and the shape of every record; "events" also decodes each event into its class;
"replay" also folds them all with the machine, as the command of that name does. The journal is one of whole windows.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import orjson

from actor.machine.history import steps
from benchmarks.journal_kit import parser, ratio, workplace
from benchmarks.mined import build_mined
from events.journal import JournalReader, verify_journal

_BARE: Final = "orjson.loads"


def _loads(directory: Path) -> None:
    for path in sorted(directory.glob("*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                orjson.loads(line)


def _read(directory: Path) -> None:
    for _ in JournalReader(directory):
        pass


def _events(directory: Path) -> None:
    for record in JournalReader(directory):
        record.event()


def _replay(directory: Path) -> None:
    for _ in steps(JournalReader(directory)):
        pass


def _verify(directory: Path) -> None:
    if not verify_journal(directory).ok:
        raise RuntimeError("the journal that was just written does not verify")


def main() -> None:
    """Build, measure and print."""
    options = parser(__doc__)
    options.add_argument("--windows", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=7)
    given = options.parse_args()
    readers: dict[str, Callable[[Path], None]] = {
        _BARE: _loads,
        "read": _read,
        "verify": _verify,
        "events": _events,
        "replay": _replay,
    }
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    with workplace(given.dir) as place:
        records = asyncio.run(build_mined(place / "j", given.windows))
        for _ in range(given.rounds):
            for name, reader in readers.items():
                start = time.perf_counter()
                reader(place / "j")
                seconds[name].append(time.perf_counter() - start)
    print(f"{given.rounds} rounds over {records} records; median round, as a multiple of {_BARE}")
    for name, taken in seconds.items():
        times = "" if name == _BARE else ratio(taken, seconds[_BARE])
        print(f"  {name:<16} {records / statistics.median(taken):>9.0f}/s  {times}")


if __name__ == "__main__":
    main()
