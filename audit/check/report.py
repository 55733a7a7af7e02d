"""What a check says, for people and for machines. Pure; what comes out is safe to print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from actor.machine import REDUCER
from actor.machine.explain import Explanation, TriedRow
from audit.check.divergence import Divergence
from audit.check.journal import CheckOutcome
from events.describe import inert_json, path_text, printable
from events.differences import difference_fields, difference_lines
from events.journal import at_text

__all__ = ["json_text", "outcome_text"]

_LONGEST_LINE: Final = 1_000
_MOST_DIFFERENCES: Final = 40
_SHORT: Final = 40
_SIDES: Final = ("journal", "build")


def outcome_text(outcome: CheckOutcome, build: str) -> str:
    """Each divergence in some lines, then whether ``build`` agrees and what was compared."""
    lines = [line for found in outcome.divergences for line in _divergence_lines(found)]
    lines += _summary_lines(outcome, build)
    return "".join(f"{printable(line, _LONGEST_LINE)}\n" for line in lines)


def _divergence_lines(found: Divergence) -> Iterator[str]:
    """What the journal says, what this build makes of it, and which rule decides it."""
    yield f"record {found.seq} {found.event} at {at_text(found.at_ms)}: {found.reason}"
    yield from (f"  {line}" for line in _details(found))


def _details(found: Divergence) -> Iterator[str]:
    if found.text:
        yield f"what happened: {found.text}"
    if found.differences:
        yield "expected (journal) → actual (this build):"
        yield from (f"  {line}" for line in difference_lines(found.differences, most=_MOST_DIFFERENCES))
    if found.explanation is not None:
        yield from _row_lines(found.explanation, dict(_sides(found)).get("to"))
    if found.rule:
        yield f"decided by: {found.rule}"
    yield f"this build wants there: {', '.join(found.wanted) or 'nothing'}"
    yield f"{found.agreed} records before it agree"


def _sides(found: Divergence) -> Iterator[tuple[str, object]]:
    """What the journal says, by path."""
    return ((difference.path, difference.expected) for difference in found.differences)


def _row_lines(told: Explanation, journal_dest: object) -> Iterator[str]:
    """The rows that this build tried, the guards' values, and which row would lead where the journal went."""
    if not told.rows:
        yield f"rows of the table for {told.event} in {told.source}: none"
        return
    yield f"rows of the table for {told.event} in {told.source}:"
    for row in told.rows:
        dest = row.row.dest or told.source
        guards = ", ".join(f"{name} is {str(holds).lower()}" for name, holds in row.guards)
        taken = "taken " if row is told.taken else "      "
        way = "  ← the journal's way" if dest == journal_dest else ""
        yield f"  {taken} to {dest}{f': {guards}' if guards else ''}{way}"


def _summary_lines(outcome: CheckOutcome, build: str) -> Iterator[str]:
    checked = outcome.checked
    yield _verdict(outcome, build)
    if outcome.complete:
        by = ", ".join(f"{printable(name, _SHORT)} ({starts} starts)" for name, starts in checked.builds.items())
        yield f"{checked.windows} windows, written by {by or 'nobody yet'}"
        yield (
            f"compared: {checked.records} transitions, {checked.effects} effects, {checked.checkpoints} checkpoints, "
            f"{checked.snapshots} snapshots"
        )
    yield from (f"not compared: {text}" for text in _not_compared(outcome))


def _verdict(outcome: CheckOutcome, build: str) -> str:
    checked, number = outcome.checked, len(outcome.divergences)
    if outcome.ok:
        return f"{outcome.journal}: this build, {build}, agrees with all {checked.records} records"
    if not outcome.complete:
        return f"{outcome.journal}: this build, {build}, diverges; --all goes on after the first divergence"
    return (
        f"{outcome.journal}: this build, {build}, diverges {number} time(s) in {checked.records} records; "
        "later ones may follow from the first"
    )


def _not_compared(outcome: CheckOutcome) -> Iterator[str]:
    checked = outcome.checked
    if checked.other_folds:
        yield f"{checked.other_folds} checkpoints of another version of the fold; this build has {REDUCER}"
    yield from (f"snapshot {note.seq}: {note.text}" for note in checked.notes)
    yield from (f"snapshot {text}" for text in outcome.unusable)
    if outcome.tail_bytes:
        yield f"{outcome.tail_bytes} bytes of an unfinished record at the end"


def json_text(outcome: CheckOutcome, build: str) -> str:
    checked = outcome.checked
    report = {
        "journal": path_text(outcome.journal),
        "build": build,
        "ok": outcome.ok,
        "complete": outcome.complete,
        "records": checked.records,
        "agreed": checked.agreed,
        "windows": checked.windows,
        "starts": dict(checked.builds),
        "compared": {
            "effects": checked.effects,
            "checkpoints": checked.checkpoints,
            "snapshots": checked.snapshots,
        },
        "not_compared": list(_not_compared(outcome)),
        "divergences": [_divergence_fields(found) for found in outcome.divergences],
    }
    return inert_json(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def _divergence_fields(found: Divergence) -> dict[str, Any]:
    told = found.explanation
    return {
        "seq": found.seq,
        "at": at_text(found.at_ms),
        "event": found.event,
        "text": found.text,
        "kind": found.kind,
        "reason": found.reason,
        "agreed": found.agreed,
        "rule": found.rule,
        "differences": [difference_fields(difference, sides=_SIDES) for difference in found.differences],
        "rows": [] if told is None else [_row_fields(row, told) for row in told.rows],
        "wanted": list(found.wanted),
        "same_until": found.same_seq,
    }


def _row_fields(row: TriedRow, told: Explanation) -> Mapping[str, Any]:
    return {"to": row.row.dest or told.source, "guards": dict(row.guards), "taken": row is told.taken}
