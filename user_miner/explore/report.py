"""What an exploration says: figures, rows of the table, the shortest way to a broken promise, and that as a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from actor.machine.table import ROWS, Row
from actor.testing import MachineDrive
from actor.testing.scenario import Scenario
from audit.replay.lines import record_line
from events.describe import printable
from user_miner.explore.moves import Bounds
from user_miner.explore.search import Exploration, Trace
from user_miner.fixture.source import as_source
from user_miner.simulation.coverage import Coverage, row_text

__all__ = ["OUT_OF_REACH", "fields", "fixture_text", "missing_rows", "summary_lines", "trace_lines"]

_LONGEST: Final = 2_000
_REASONS: Final[Mapping[tuple[str, str, str], str]] = {
    **{
        ("CheckpointSigned", state, state): "a checkpoint is wanted at rest alone"
        for state in ("Scraping", "Analyzing", "Submitting")
    },
    **{
        ("ConfigMismatched", "Submitting", state): "a quota that has no room for what is queued has none for other work"
        for state in ("Scraping", "Analyzing")
    },
    ("WindowOpened", "Scraping", "WaitingForWindow"): "the first window of another API takes at least one post",
}
# Rows that no bounds reach, and why.
OUT_OF_REACH: Final[Mapping[Row, str]] = {
    row: _REASONS[name] for row in ROWS if (name := (row.event, row.source, row.dest or row.source)) in _REASONS
}


def summary_lines(bounds: Bounds, found: Sequence[Exploration], seconds: float) -> Iterator[str]:
    yield (
        f"bounds      windows {bounds.windows}, posts {bounds.posts}, attempts {bounds.attempts}, "
        f"crashes {bounds.crashes}, troubles {bounds.troubles}"
    )
    for each in found:
        end = "explored to the end" if each.is_whole else "a promise is broken" if each.trace else "not to the end"
        yield (
            f"{each.policy:<11} {each.states:,} states, {each.transitions:,} transitions, depth {each.depth}, "
            f"{each.core_s:.1f} s of a core: {end}"
        )
    rows = _rows(found)
    reached = sum(1 for row, count in rows.items() if count and row not in OUT_OF_REACH)
    yield f"states      {sum(each.states for each in found):,} in all"
    yield f"table rows  {reached} of {len(ROWS) - len(OUT_OF_REACH)}; {len(OUT_OF_REACH)} more are out of reach"
    yield f"time        {seconds:.1f} s"


def missing_rows(found: Sequence[Exploration]) -> list[str]:
    """Rows of the table that could be taken, and were not."""
    return [row_text(row) for row, count in _rows(found).items() if not count and row not in OUT_OF_REACH]


def _rows(found: Sequence[Exploration]) -> dict[Row, int]:
    moves: Counter[tuple[str, str, str]] = Counter()
    for each in found:
        moves.update(each.moves)
    return Coverage(moves=moves).rows()


def trace_lines(trace: Trace) -> Iterator[str]:
    """The broken promise, then step by step what happens and what is recorded of it."""
    yield printable(f"{trace.rule} is broken: {trace.text}", _LONGEST)
    yield f"the shortest way there, {len(trace.steps) - 1} steps:"
    records = iter(_drive(trace).records)
    for what, happened in trace.steps:
        yield f"  {what}"
        for _ in happened:
            record = next(records)
            yield f"  {record_line(record, record.event()).rstrip()}"


def fixture_text(trace: Trace) -> str:
    """A test file with the records of the way. It passes with this build; change it to what should happen instead."""
    steps = "\n".join(f"- {what}" for what, _ in trace.steps)
    return as_source(
        Scenario.load(_drive(trace).lines),
        name="test_explored",
        title=f"The way to a broken {trace.rule}",
        origin=printable(trace.text, _LONGEST) + ". What happens:\n\n" + steps,
    )


def fields(bounds: Bounds, found: Sequence[Exploration], seconds: float) -> dict[str, Any]:
    """The same for machines."""
    return {
        "bounds": {name: getattr(bounds, name) for name in ("windows", "posts", "attempts", "crashes", "troubles")},
        "settings": [
            {
                "name": each.policy,
                "states": each.states,
                "transitions": each.transitions,
                "depth": each.depth,
                "core_s": round(each.core_s, 3),
                "whole": each.is_whole,
                "broken": None
                if each.trace is None
                else {
                    "rule": each.trace.rule,
                    "text": each.trace.text,
                    "steps": [what for what, _ in each.trace.steps],
                },
            }
            for each in found
        ],
        "rows": {row_text(row): count for row, count in _rows(found).items()},
        "out_of_reach": {row_text(row): reason for row, reason in OUT_OF_REACH.items()},
        "seconds": round(seconds, 3),
    }


def _drive(trace: Trace) -> MachineDrive:
    drive = MachineDrive()
    for _, happened in trace.steps:
        for record in happened:
            drive.at_ms = record.at_ms
            drive.on(record.event)
    return drive
