"""How many seeds it takes until a planted bug is found, and the file that keeps the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tests.simulation.planted import PLANTED, Planted
from tests.simulation.planted_build import planted_build
from user_miner.simulation.campaign import run_campaign
from user_miner.simulation.plan import Plan

__all__ = ["FIRST_SEED", "MOST_SEEDS", "WINDOWS", "Found", "broken", "broken_with", "hunt", "load", "plan_of", "save"]

FIRST_SEED: Final = 1
MOST_SEEDS: Final = 1_000
WINDOWS: Final = 50
_FEWER: Final = (1, 2, 3, 5, 8, 13, 20, 30)
_FILE: Final = Path(__file__).with_name("planted_found.json")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a bug shows.

    Attributes:
        seed: The first one, from `FIRST_SEED` on, that finds it within `WINDOWS` windows, all faults on.
        windows: So few are enough with that seed.
        rule: The promise that is broken first then.
    """

    seed: int
    windows: int
    rule: str

    @property
    def seeds(self) -> int:
        """How many it took."""
        return self.seed - FIRST_SEED + 1


def plan_of(seed: int, windows: int = WINDOWS) -> Plan:
    """All faults, at the usual rate."""
    return Plan(seed=seed, windows=windows)


def broken(plan: Plan) -> list[str]:
    """The promises that the real build breaks."""
    return _broken_by(run_campaign([plan]))


def broken_with(planted: Planted, plan: Plan) -> list[str]:
    """The promises that the build with this bug breaks."""
    with planted_build(planted.changes) as campaign:
        return _broken_by(campaign.run_campaign([campaign.Plan(seed=plan.seed, windows=plan.windows)]))


def hunt(planted: Planted, *, seeds: int = MOST_SEEDS) -> Found | None:
    """The first seed that finds a bug, and the fewest windows that it needs; None when no seed does."""
    seed = FIRST_SEED - 1
    while (hit := _next_hit(planted, seed + 1, FIRST_SEED + seeds)) is not None:
        seed = hit.seed
        if not broken(plan_of(seed)):  # else the real build breaks something there, and nothing is told
            return hit
    return None


def _next_hit(planted: Planted, seed: int, end: int) -> Found | None:
    with planted_build(planted.changes) as campaign:

        def rules(seed: int, windows: int) -> list[str]:
            return _broken_by(campaign.run_campaign([campaign.Plan(seed=seed, windows=windows)]))

        hit = next((seed for seed in range(seed, end) if rules(seed, WINDOWS)), None)
        if hit is None:
            return None
        windows = next((fewer for fewer in _FEWER if rules(hit, fewer)), WINDOWS)
        return Found(seed=hit, windows=windows, rule=rules(hit, windows)[0])


def load() -> dict[str, Found]:
    """What was measured last, by the bugs' names in the order of `PLANTED`."""
    kept: Mapping[str, Any] = json.loads(_FILE.read_text("utf-8")) if _FILE.exists() else {}
    return {planted.name: Found(**kept[planted.name]) for planted in PLANTED if planted.name in kept}


def save(found: Mapping[str, Found]) -> None:
    """Keep what was measured."""
    kept = {planted.name: asdict(found[planted.name]) for planted in PLANTED if planted.name in found}
    _FILE.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")


def _broken_by(campaign: Any) -> list[str]:
    return [violation.rule for failure in campaign.failures for violation in failure.violations]
