"""The inspector over a long journal: until it is read, a random jump beside a bare round trip, and memory.

    python -m benchmarks.inspector_page --windows 55556

A jump is what the page asks for when another record is selected: the rows around it, and the state with its reason.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

from benchmarks.journal_kit import parser, workplace
from benchmarks.mined import build_mined

_JUMPS = 300
_AROUND = 64


def _memory_mib(pid: int) -> float:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _ms(times: list[float]) -> str:
    return f"median {statistics.median(times) * 1000:.1f} ms, p95 {statistics.quantiles(times, n=20)[-1] * 1000:.1f} ms"


def _look(client: httpx.Client, records: int, pid: int, jumps: int) -> None:
    bare, first, jump = [], [], []
    rng = random.Random(45)  # noqa: S311  (records to jump to)
    for _ in range(20):
        began = time.perf_counter()
        about = client.get("api/about").json()
        client.get("api/windows?first=0")
        client.get(f"api/rows?first={max(1, records - _AROUND)}&last={records}")
        client.get(f"api/step?seq={about['records']}")
        first.append(time.perf_counter() - began)
    print(f"first view: {_ms(first)}; {_memory_mib(pid):.0f} MiB")
    for _ in range(jumps):
        seq = rng.randrange(1, records + 1)
        began = time.perf_counter()
        client.get("icon.svg")
        between = time.perf_counter()
        client.get(f"api/rows?first={max(1, seq - _AROUND)}&last={min(records, seq + _AROUND)}")
        client.get(f"api/step?seq={seq}").raise_for_status()
        bare.append(between - began)
        jump.append(time.perf_counter() - between)
    print(f"{jumps} random jumps: {_ms(jump)}; a bare round trip: {_ms(bare)}; {_memory_mib(pid):.0f} MiB")


def main() -> None:
    """Print the figures."""
    options = parser(__doc__)
    options.add_argument("--windows", type=int, default=2_160, help="18 records each")
    options.add_argument("--jumps", type=int, default=_JUMPS)
    chosen = options.parse_args()
    with workplace(chosen.dir) as place:
        records = asyncio.run(build_mined(place / "journal", chosen.windows))
        command = [sys.executable, "-m", "user_miner", "inspect", str(place / "journal")]
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  (our own)
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with httpx.Client(base_url=url, timeout=600, trust_env=False) as client:
                answers = time.perf_counter() - began
                while client.get("api/about").json()["reading"]:
                    time.sleep(0.1)
                whole = time.perf_counter() - began
                print(f"{records:,} records: answers after {answers:.1f} s, read to the end after {whole:.1f} s")
                _look(client, records, process.pid, chosen.jumps)
                _look(client, records, process.pid, chosen.jumps)
            process.terminate()


if __name__ == "__main__":
    main()
