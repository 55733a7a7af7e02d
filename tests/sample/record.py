"""Records journal/sample anew: ``make sample``. A program for maintainers; it prints what it made."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from events.catalogue import EVENTS
from events.journal import read_journal
from events.journal.layout import LOCK
from sandbox import SandboxConfig
from tests.sample.loop import run_in
from tests.sample.stage import Stage
from tests.sample.story import SCENES

ROOT: Final = Path(__file__).resolve().parents[2]
SAMPLE: Final = ROOT / "journal" / "sample"
SEED: Final = 45
BEGAN_MS: Final = 1_794_839_525_123  # 2026-11-16T14:32:05.123Z
_CONFIG: Final = SandboxConfig(
    seed=SEED,
    api_port=8001,
    x_port=8002,
    llm_port=8003,
    start_block=6_000_037,
    corpus_size=30,
    posts_per_minute=0.1,
    seconds_per_block=None,
)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _play(stage: Stage) -> None:
    for name, scene in SCENES:
        began_s, window = time.monotonic(), stage.sandbox.window
        await scene(stage)
        stage.calm()
        _say(f"{window} to {stage.sandbox.window}  {time.monotonic() - began_s:5.1f} s  {name}")


def _record(directory: Path) -> None:
    stage = Stage(directory, seed=SEED, at_ms=BEGAN_MS, config=_CONFIG)
    with stage.sandbox:
        run_in(stage.time, _play(stage))


def _put_in_place(journal: Path) -> None:
    (journal / LOCK).unlink()
    shutil.rmtree(SAMPLE, ignore_errors=True)
    shutil.copytree(journal, SAMPLE)


def main() -> int:
    """Record, put it in place, and say what it holds; 1 when a kind of event is missing."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "sample"
        _record(journal)
        _put_in_place(journal)
    names = Counter(record.name for record in read_journal(SAMPLE))
    size = sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file())
    _say(f"{sum(names.values())} records, {size:,} bytes")
    for name in EVENTS:
        _say(f"{names[name]:6} {name}")
    return int(bool(set(EVENTS) - set(names)))


if __name__ == "__main__":
    sys.exit(main())
