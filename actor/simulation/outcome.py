"""What came of one simulation. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from actor.machine.state import State
from actor.simulation.plan import Plan
from events.journal import Record
from sandbox.world import Disturbance, Habits, Ledger

__all__ = ["Outcome", "Violation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Something that must never happen.

    Attributes:
        rule: The invariant, such as "I1", or a word for what else was broken.
        text: One line: what was found, what was expected.
        seq: The record at which it shows; None when none does.
    """

    rule: str
    text: str
    seq: int | None = None

    def __str__(self) -> str:
        return f"{self.rule}{'' if self.seq is None else f' at record {self.seq}'}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that is known after a simulation.

    Attributes:
        plan: What was asked for.
        habits: What the world was like.
        windows: That the miner opened.
        elapsed_s: Simulated seconds.
        lives: Processes, from 1.
        ends: How each of them ended: "kill", "power", "disk_full", "stop", "refused: …", …
        openings: What the journal's opening found: "new", "clean", "torn", "beyond HEAD", "declared", "snapshot",
            "locked", "refused", each counted.
        disturbances: What went wrong, by occasion.
        records: The journal as it was read back at the end.
        journal: Its bytes, all segments one after the other.
        state: The miner's, after the last record.
        ledger: The world's books.
        moves: (event, source, destination) of every record, counted: each is one row of the transition table.
        gaps: Numbers of the GapDeclared records. No oracle looks on behind the first: what a gap swallowed excuses
            much, and nobody knows all of it.
        violations: In the order in which they were found.
        damages: What was done to copies of the journal at the end, counted.
    """

    plan: Plan
    habits: Habits
    windows: int
    elapsed_s: float
    lives: int
    ends: Mapping[str, int]
    openings: Mapping[str, int]
    disturbances: tuple[Disturbance, ...]
    records: tuple[Record, ...]
    journal: bytes
    state: State
    ledger: Ledger
    moves: Mapping[tuple[str, str, str], int]
    gaps: tuple[int, ...] = ()
    violations: tuple[Violation, ...]
    damages: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing was violated."""
        return not self.violations

    def faults(self) -> dict[str, int]:
        """What went wrong, by name and number."""
        counts: dict[str, int] = {}
        for disturbance in self.disturbances:
            name = f"{disturbance.place}:{disturbance.kind}"
            counts[name] = counts.get(name, 0) + 1
        return counts
