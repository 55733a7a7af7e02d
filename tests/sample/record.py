"""Records journal/sample anew. A program for maintainers; it prints what it made.

    python -m tests.sample.record [DIRECTORY]

Without DIRECTORY it replaces journal/sample. It needs the ports 8001, 8045 and 8046.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, TypeAlias

from actor.machine.encoding import state_sha256
from actor.machine.history import folded
from events.catalogue import EVENTS
from events.journal import JournalReader, read_journal
from events.journal.layout import LOCK
from sandbox import SandboxConfig
from tests.sample.loop import run_in
from tests.sample.stage import Stage
from tests.sample.story import SCENES

ROOT: Final = Path(__file__).resolve().parents[2]
EXPECTED: Final = Path(__file__).with_name("expected.json")
SAMPLE: Final = ROOT / "journal" / "sample"
SEED: Final = 45
BEGAN_MS: Final = 1_794_839_525_123  # 2026-11-16T14:32:05.123Z

ScenePlayed: TypeAlias = dict[str, Any]

_CONFIG: Final = SandboxConfig(
    seed=SEED,
    api_port=8001,
    x_port=8045,
    llm_port=8046,
    start_block=6_000_037,
    corpus_size=30,
    posts_per_minute=0.1,
    seconds_per_block=None,
)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _play(stage: Stage) -> list[ScenePlayed]:
    played: list[ScenePlayed] = []
    for name, scene in SCENES:
        began_s, seq, window = time.monotonic(), stage.seq + 1, stage.sandbox.window
        await scene(stage)
        stage.calm()
        played.append({"name": name, "records": [seq, stage.seq], "windows": [window, stage.sandbox.window]})
        _say(f"{window} to {stage.sandbox.window}  {time.monotonic() - began_s:5.1f} s  {name}")
    return played


def _record(directory: Path) -> list[ScenePlayed]:
    try:
        stage = Stage(directory, seed=SEED, at_ms=BEGAN_MS, config=_CONFIG)
    except OSError as error:
        sys.exit(f"the sample needs the ports 8001, 8045 and 8046: {error.strerror}")
    with stage.sandbox:
        return run_in(stage.time, _play(stage))


def _put_in_place(journal: Path, target: Path) -> None:
    (journal / LOCK).unlink()
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(journal, target)


def expect(scenes: list[ScenePlayed]) -> None:
    """Write down what the sample folds to, and where its scenes are."""
    *_, (record, state) = folded(JournalReader(SAMPLE))
    told = {"records": record.seq, "state_sha256": state_sha256(state), "scenes": scenes}
    EXPECTED.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def main(target: Path = SAMPLE) -> int:
    """Record into ``target``, and say what it holds; 1 when a kind of event is missing."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "sample"
        scenes = _record(journal)
        _put_in_place(journal, target)
    if target == SAMPLE:
        expect(scenes)
    names = Counter(record.name for record in read_journal(target))
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    _say(f"{sum(names.values())} records, {size:,} bytes")
    for name in EVENTS:
        _say(f"{names[name]:6} {name}")
    return int(bool(set(EVENTS) - set(names)))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
