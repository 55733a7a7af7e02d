"""What one simulation is told: a seed, how long, and what may go wrong. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from sandbox.world import FAULTS, Disturbance

__all__ = ["ALL_FAULTS", "Plan", "parse_faults"]

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

ALL_FAULTS: Final[frozenset[str]] = frozenset(f"{place}:{kind}" for place, kinds in FAULTS.items() for kind in kinds)


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
            known = [*FAULTS, *sorted(ALL_FAULTS)]
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"places are {', '.join(FAULTS)}"
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
            for place, kinds in FAULTS.items()
        }
