"""The seeds: every one that ever failed, and a few that nobody has tried before."""

from __future__ import annotations

import os
import secrets
import sys

import pytest

from tests.simulation.regressions import REGRESSIONS, Regression
from user_miner.simulation import Outcome, Plan
from user_miner.simulation.campaign import run_campaign
from user_miner.simulation.oracles import judged

FRESH_SEEDS = 12
WINDOWS = 25


@pytest.mark.parametrize("regression", REGRESSIONS, ids=lambda regression: f"{regression.seed}-{regression.windows}")
def test_what_once_failed(regression: Regression) -> None:
    """A story that once broke a promise, I1 to I9 among them, breaks none any more."""
    outcome = judged(regression.plan, deep=True)
    assert outcome.ok, f"{regression.what}\n{outcome.violations}"


def thorough(plan: Plan, *, deep: bool | None = None) -> Outcome:  # noqa: ARG001
    """A fourth of the seeds under the costly oracles, too: a run has few of them."""
    return judged(plan, deep=plan.seed % 4 == 0)


def test_fresh_seeds() -> None:
    """Worlds that nobody has seen keep I1 to I9; SIMULATION_SEED repeats a run, and each seed by itself."""
    first = int(os.environ.get("SIMULATION_SEED", secrets.randbits(32)))
    sys.stdout.write(f"SIMULATION_SEED={first}\n")
    campaign = run_campaign([Plan(seed=first + at, windows=WINDOWS) for at in range(FRESH_SEEDS)], judge=thorough)
    broken = {failure.plan.seed: failure.violations for failure in campaign.failures}
    again = [f"user-miner simulate --seeds 1 --seed {seed} --windows {WINDOWS}" for seed in broken]
    assert not broken, "\n".join([*again, str(broken)])
    assert campaign.coverage.windows >= FRESH_SEEDS * WINDOWS // 2
