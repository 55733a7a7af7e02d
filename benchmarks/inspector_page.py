"""The inspector over a long journal: without an index, then with it: the first view, random jumps, memory.

    python -m benchmarks.inspector_page --windows 55556 --jumps 10000

A jump is what the page asks for when another record is selected: the rows around it, and the state with its reason.
Beside it stands a bare round trip.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.journal_kit import parser, workplace
from benchmarks.mined import build_mined

_JUMPS = 300
_AROUND = 64
_PARTS = 5


def _memory_mib(pid: int) -> float:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _ms(times: list[float]) -> str:
    return f"median {statistics.median(times) * 1000:.1f} ms, p95 {statistics.quantiles(times, n=20)[-1] * 1000:.1f} ms"


@contextmanager
def _served(journal: Path, cache: Path) -> Iterator[tuple[httpx.Client, int]]:
    """The server, once it has printed its address; its process id."""
    command = [sys.executable, "-m", "user_miner", "inspect", str(journal)]
    env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:  # noqa: S603  (our own)
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            with httpx.Client(base_url=url, timeout=600, trust_env=False) as client:
                yield client, process.pid
        finally:
            process.terminate()


def _first_view(client: httpx.Client) -> int:
    """What the page asks for when it opens; how many records there are."""
    client.get("api/start").raise_for_status()
    about = client.get("api/about").json()
    records: int = about["records"]
    for path in (
        "windows?first=0",
        f"rows?first={max(1, records - _AROUND)}&last={records}",
        f"step?seq={max(1, records)}",
        f"gantt?index={about['strip'] - 1}",
    ):
        if records:
            client.get(f"api/{path}").raise_for_status()
    return records


def _build(journal: Path, cache: Path) -> None:
    began = time.perf_counter()
    with _served(journal, cache) as (client, pid):
        records = _first_view(client)
        first = time.perf_counter() - began
        while client.get("api/about").json()["reading"]:
            time.sleep(0.5)
        whole = time.perf_counter() - began
        print(f"without an index: first view of {records:,} records {first:.2f} s after the start, ", end="")
        print(f"all read and indexed after {whole:.1f} s; {_memory_mib(pid):.0f} MiB", flush=True)


def _look(journal: Path, cache: Path, jumps: int) -> None:
    began = time.perf_counter()
    with _served(journal, cache) as (client, pid):
        answers = time.perf_counter() - began
        records = _first_view(client)
        first = time.perf_counter() - began
        print(f"with it: an address {answers:.2f} s and the first view of {records:,} records {first:.2f} s ", end="")
        print(f"after the start; {_memory_mib(pid):.0f} MiB", flush=True)
        again = []
        for _ in range(20):
            began = time.perf_counter()
            _first_view(client)
            again.append(time.perf_counter() - began)
        print(f"the same once more: {_ms(again)}", flush=True)
        rng = random.Random(45)  # noqa: S311  (records to jump to)
        for _ in range(_PARTS):
            bare, jump = [], []
            for _ in range(max(20, jumps // _PARTS)):
                seq = rng.randrange(1, records + 1)
                begins = time.perf_counter()
                client.get("icon.svg")
                between = time.perf_counter()
                client.get(f"api/rows?first={max(1, seq - _AROUND)}&last={min(records, seq + _AROUND)}")
                client.get(f"api/step?seq={seq}").raise_for_status()
                bare.append(between - begins)
                jump.append(time.perf_counter() - between)
            print(f"{len(jump)} random jumps: {_ms(jump)}; a bare round trip: {_ms(bare)}; ", end="")
            print(f"{_memory_mib(pid):.0f} MiB", flush=True)


def main() -> None:
    """Print the figures."""
    options = parser(__doc__)
    options.add_argument("--windows", type=int, default=2_160, help="18 records each")
    options.add_argument("--jumps", type=int, default=_JUMPS)
    chosen = options.parse_args()
    with workplace(chosen.dir) as place:
        asyncio.run(build_mined(place / "journal", chosen.windows))
        _build(place / "journal", place / "cache")
        _look(place / "journal", place / "cache", chosen.jumps)


if __name__ == "__main__":
    main()
