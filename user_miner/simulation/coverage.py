"""What a campaign reached: windows, lives, faults, states, rows of the transition table and of the recovery table.

It only counts. What must be reached stands here, too: `missing` names what was not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from actor.machine.state import STATES
from actor.machine.table import ROWS, Row
from user_miner.simulation.damage import DAMAGES
from user_miner.simulation.plan import ALL_FAULTS, Outcome

__all__ = ["OPENINGS", "UNREACHED_ROWS", "Coverage", "row_text"]

# What the opening of a journal finds after nothing but crashes, by the rows of the recovery table.
OPENINGS: Final[Mapping[str, str]] = {
    "new": "no segment, no HEAD, no snapshot: a new journal",
    "unfinished": "no segment, HEAD says record 0: the creation is finished",
    "clean": "the chain holds to the end, at HEAD",
    "beyond HEAD": "the chain holds to the end, beyond HEAD: written again",
    "torn": "bad bytes at the end, beyond HEAD: moved to quarantine",
    "declared": "a moved tail gets its TailRepaired",
    "snapshot": "the fold goes on from a snapshot",
    "locked": "another process holds the journal: refused",
    "damaged": "damage below HEAD: refused, repaired with the loss declared",
}

_AT_REST: Final = "a checkpoint is wanted at rest alone, and a decision that is no longer wanted is not recorded"
_REASONS: Final[Mapping[tuple[str, str, str], str]] = {
    **{("CheckpointSigned", state, state): _AT_REST for state in ("Scraping", "Analyzing", "Submitting")},
    ("SettingsChanged", "Scraping", "Scraping"): (
        "a search under way ends by the settings that it began with, so that only the instant before it leaves is left"
    ),
    **{
        ("ConfigMismatched", "Submitting", state): "a quota that has no room for what is queued has none for other work"
        for state in ("Scraping", "Analyzing")
    },
    **{
        (event, state, state): "a disk that lets the miner live has room in these worlds; tests/actor/test_room.py"
        for event in ("DiskFilled", "DiskFreed")
        for state in STATES
    },
    ("WindowOpened", "Scraping", "WaitingForWindow"): "the first window of another API takes at least one post",
    ("WindowOpened", "Backoff", "WaitingForWindow"): (
        "a window is full before it opens only behind a crash between the acceptance that told of it and its record, "
        "and a 429 that names no window would have to follow"
    ),
}


@dataclass(slots=True, kw_only=True)
class Coverage:
    """Counts over any number of simulations; two of them can be added."""

    seeds: int = 0
    windows: int = 0
    lives: int = 0
    records: int = 0
    accepted: int = 0
    simulated_s: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)
    openings: Counter[str] = field(default_factory=Counter)
    damages: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, outcome: Outcome) -> Coverage:
        """What one simulation reached."""
        return cls(
            seeds=1,
            windows=outcome.windows,
            lives=outcome.lives,
            records=len(outcome.records),
            accepted=len(outcome.ledger.acceptances),
            simulated_s=outcome.elapsed_s,
            ends=Counter(outcome.ends),
            openings=Counter(outcome.openings),
            damages=Counter(outcome.damages),
            faults=Counter(outcome.faults()),
            moves=Counter(outcome.moves),
        )

    def add(self, other: Coverage) -> None:
        self.seeds += other.seeds
        self.windows += other.windows
        self.lives += other.lives
        self.records += other.records
        self.accepted += other.accepted
        self.simulated_s += other.simulated_s
        for name in ("ends", "openings", "damages", "faults", "moves"):
            getattr(self, name).update(getattr(other, name))

    @property
    def states(self) -> frozenset[str]:
        """States that a record led from or to."""
        return frozenset(state for _, source, dest in self.moves for state in (source, dest))

    def rows(self) -> dict[Row, int]:
        """How often each row of the transition table was taken; no two rows of an event and a state lead to one."""
        return {row: self.moves[row.event, row.source, row.dest or row.source] for row in ROWS}

    def missing(self) -> list[str]:
        """What a long run must reach and this one did not."""
        lines = [f"state {state}" for state in STATES if state not in self.states]
        lines += [
            f"row {row_text(row)}" for row, count in self.rows().items() if not count and row not in UNREACHED_ROWS
        ]
        lines += [f"opening: {text}" for word, text in OPENINGS.items() if not self.openings[word]]
        lines += [f"damage: {text}" for word, text in DAMAGES.items() if not self.damages[word]]
        return lines + [f"fault {name}" for name in sorted(ALL_FAULTS) if not self.faults[name]]


def row_text(row: Row) -> str:
    guards = f" [{', '.join(row.guards)}]" if row.guards else ""
    return f"{row.event}: {row.source} → {row.dest or row.source}{guards}"


def _unreached() -> Mapping[Row, str]:
    return {row: _REASONS[key] for row in ROWS if (key := (row.event, row.source, row.dest or row.source)) in _REASONS}


# Rows that no simulation can reach, and why.
UNREACHED_ROWS: Final[Mapping[Row, str]] = _unreached()
