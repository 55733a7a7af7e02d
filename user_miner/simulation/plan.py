"""What one simulation is told: a seed, how long, and what may go wrong. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from actor.machine.state import State
from events.journal import Record
from sandbox.services import RATES, Disturbance, Habits, Ledger

__all__ = ["ALL_FAULTS", "Outcome", "Plan", "Violation", "parse_faults"]

# Worlds differ in what is bad there, by seed: a place, or a kind at every place, and so many times the usual rate.
_TEMPERS: Final[tuple[Mapping[str, float], ...]] = (
    {},
    {},
    {"raise": 12.0},
    {"raise": 30.0, "409": 14.0, "422": 14.0, "429": 12.0, "429_headers": 12.0, "slow": 3.0},
    {"llm.chat": 4.0},
    {"api.submit": 3.0},
    {"llm": 10.0},
    {"x.search": 3.0, "chain": 4.0},
)

ALL_FAULTS: Final[frozenset[str]] = frozenset(f"{place}:{kind}" for place, kinds in RATES.items() for kind in kinds)


def parse_faults(text: str) -> frozenset[str]:
    """The faults of a list: "all", "none", or names of places and of faults, with commas between.

    Raises:
        ValueError: A name is unknown.
    """
    if text in {"all", "none"}:
        return ALL_FAULTS if text == "all" else frozenset()
    chosen: set[str] = set()
    for name in (part.strip() for part in text.split(",")):
        found = {fault for fault in ALL_FAULTS if name in {fault, fault.partition(":")[0]}}
        if not found:
            known = [*RATES, *sorted(ALL_FAULTS)]
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"places are {', '.join(RATES)}"
            raise ValueError(f"{name!r} is no fault; {hint}")
        chosen |= found
    return frozenset(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One simulation, wholly.

    Attributes:
        seed: Everything that is drawn is drawn from it.
        windows: Work goes on until the miner opened so many, or missed them for too long.
        faults: Names ``place:kind`` of what may go wrong; the crashes are among them, under ``life.end``.
        rate: How often things go wrong, 1 for the usual; the ends of lives keep their rates.
        disturbances: Exactly these happen, and ``faults`` and ``rate`` do not matter; None draws them.
    """

    seed: int
    windows: int = 50
    faults: frozenset[str] = ALL_FAULTS
    rate: float = 1.0
    disturbances: tuple[Disturbance, ...] | None = None

    def __post_init__(self) -> None:
        if self.windows < 1 or self.rate < 0:
            raise ValueError("a simulation has at least one window, and a rate of 0 or more")
        if unknown := self.faults - ALL_FAULTS:
            raise ValueError(f"unknown faults: {', '.join(sorted(unknown))}")

    def rates(self) -> Mapping[str, Mapping[str, float]]:
        """How often each fault happens at an occasion of its place."""
        temper = _TEMPERS[self.seed % len(_TEMPERS)]
        return {
            place: {
                kind: rate * (1.0 if place == "life.end" else self.rate) * temper.get(kind, temper.get(place, 1.0))
                for kind, rate in kinds.items()
                if f"{place}:{kind}" in self.faults
            }
            for place, kinds in RATES.items()
        }


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
        return not self.violations

    def faults(self) -> dict[str, int]:
        """What went wrong, by name and number."""
        counts: dict[str, int] = {}
        for disturbance in self.disturbances:
            name = f"{disturbance.place}:{disturbance.kind}"
            counts[name] = counts.get(name, 0) + 1
        return counts
