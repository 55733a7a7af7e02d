"""What a campaign says at the terminal, and to machines. Pure; what comes out is safe to print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from actor.machine.state import STATES
from actor.machine.table import ROWS
from audit.replay.lines import record_line
from events.describe import printable
from user_miner.simulation.campaign import Campaign
from user_miner.simulation.coverage import OPENINGS, UNREACHED_ROWS, Coverage, row_text
from user_miner.simulation.damage import DAMAGES
from user_miner.simulation.plan import ALL_FAULTS, Outcome
from user_miner.simulation.shrink import Shrunk

__all__ = ["failure_lines", "report_fields", "summary_lines"]

_BEFORE: Final = 24
_AFTER: Final = 4
_LONGEST: Final = 2_000
_HOUR_S: Final = 3_600
_NAMED: Final = 12


def summary_lines(campaign: Campaign) -> Iterator[str]:
    c = campaign.coverage
    ended = f", interrupted after {c.seeds} of {campaign.planned}" if campaign.interrupted else ""
    years = c.simulated_s / _HOUR_S / 24 / 365.25
    yield f"seeds       {c.seeds}{ended}; {len(campaign.failures)} with a violation"
    yield f"simulated   {c.windows} windows, {c.records} records, {c.accepted} accepted posts, {years:.2f} years"
    yield f"lives       {c.lives}; ended by {_counted(c.ends)}"
    yield f"journals    opened: {_counted(c.openings)}; damaged copies: {sum(c.damages.values())}"
    kinds = sum(1 for name in ALL_FAULTS if c.faults[name])
    most = _counted(c.faults, _NAMED)
    yield f"faults      {sum(c.faults.values())}, of {kinds} of {len(ALL_FAULTS)} kinds; most: {most}"
    reachable = [row for row in ROWS if row not in UNREACHED_ROWS]
    reached = sum(1 for row, count in c.rows().items() if count and row not in UNREACHED_ROWS)
    yield f"states      {len(c.states)} of {len(STATES)}"
    yield f"table rows  {reached} of {len(reachable)}; {len(UNREACHED_ROWS)} more are out of reach"
    opened = [c.openings[word] for word in OPENINGS] + [c.damages[word] for word in DAMAGES]
    yield f"recovery    {sum(1 for count in opened if count)} of {len(opened)} ways to find one"
    wall, core = _rate(c, campaign.wall_s), _rate(c, campaign.core_s)
    yield f"speed       {wall:.0f} windows/s; {core:.0f} for each second of a core"


def failure_lines(shrunk: Shrunk) -> Iterator[str]:
    """One failing seed, made short: what is broken, what must go wrong for it, what happened, how to see it again."""
    outcome, listed = shrunk.outcome, shrunk.plan.disturbances or ()
    yield f"seed {shrunk.plan.seed} breaks a promise:"
    for violation in outcome.violations:
        yield _safe(f"  {violation}")
    size = f"{outcome.windows} windows and {len(listed)} of {shrunk.before} disturbances"
    yield f"shrunk to {size}, in {shrunk.runs} runs:"
    for disturbance in listed:
        yield f"  {disturbance}"
    yield "timeline:"
    yield from _timeline(outcome)
    yield "again:"
    yield f"  {shrunk.command}"


def report_fields(campaign: Campaign, stories: Mapping[int, Shrunk]) -> dict[str, Any]:
    c = campaign.coverage
    return {
        "seeds": c.seeds,
        "planned": campaign.planned,
        "interrupted": campaign.interrupted,
        "windows": c.windows,
        "lives": c.lives,
        "records": c.records,
        "accepted": c.accepted,
        "simulated_s": round(c.simulated_s, 3),
        "ends": dict(sorted(c.ends.items())),
        "openings": dict(sorted(c.openings.items())),
        "damages": dict(sorted(c.damages.items())),
        "faults": dict(sorted(c.faults.items())),
        "states": sorted(c.states),
        "rows": {row_text(row): count for row, count in c.rows().items()},
        "out_of_reach": {row_text(row): reason for row, reason in UNREACHED_ROWS.items()},
        "missing": c.missing(),
        "failures": [
            {
                "seed": failure.plan.seed,
                "violations": [str(violation) for violation in failure.violations],
                "again": stories[failure.plan.seed].command if failure.plan.seed in stories else None,
            }
            for failure in campaign.failures
        ],
        "wall_s": round(campaign.wall_s, 3),
        "windows_per_s": round(_rate(c, campaign.wall_s), 1),
        "windows_per_core_s": round(_rate(c, campaign.core_s), 1),
    }


def _timeline(outcome: Outcome) -> Iterator[str]:
    """The records around the first violation that names one; else the last ones."""
    last = len(outcome.records)
    seq = next((violation.seq for violation in outcome.violations if violation.seq is not None), last)
    for record in outcome.records[max(0, seq - _BEFORE) : seq + _AFTER]:
        yield f"{'>' if record.seq == seq else ' '} {record_line(record, record.event()).rstrip()}"


def _counted(counts: Mapping[str, int], most: int | None = None) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"


def _rate(coverage: Coverage, seconds: float) -> float:
    return coverage.windows / seconds if seconds else 0.0


def _safe(text: str) -> str:
    return printable(text, _LONGEST)
