"""The simulation itself: the same plan is the same story, lists of disturbances replace draws, and time is cheap."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actor.machine import STATES
from sandbox.services import Disturbance
from tests.patience import GIVE_UP_S
from user_miner.simulation import Plan, simulate

ROOT = Path(__file__).parents[2]
NO_FAULTS: frozenset[str] = frozenset()
_PRINT_DIGEST = """
import hashlib, sys
from user_miner.simulation import Plan, simulate
print(hashlib.sha256(simulate(Plan(seed=int(sys.argv[1]), windows=12)).journal).hexdigest())
"""


def digest(seed: int, hash_seed: str) -> str:
    """Of the journal that another process writes."""
    command = [sys.executable, "-c", _PRINT_DIGEST, str(seed)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=GIVE_UP_S
    )
    return done.stdout.strip()


def test_the_same_seed_writes_the_same_bytes_whatever_the_hash_seed() -> None:
    """Two processes with other hash seeds and this one agree on every byte of the journal."""
    ours = hashlib.sha256(simulate(Plan(seed=5, windows=12)).journal).hexdigest()
    assert digest(5, "1") == digest(5, "2") == ours


def test_another_seed_is_another_story() -> None:
    """The seed is all that a story depends on."""
    first, second = (simulate(Plan(seed=seed, windows=3)).journal for seed in (1, 2))
    assert first != second


def test_without_faults_nothing_goes_wrong_and_every_window_is_used() -> None:
    """One life, no disturbance, and as many posts accepted as were chosen."""
    outcome = simulate(Plan(seed=1, windows=5, faults=NO_FAULTS))
    assert outcome.ok, outcome.violations
    assert (outcome.lives, outcome.disturbances) == (1, ())
    totals = outcome.state.totals
    assert totals.windows >= 5
    assert totals.scraped > 5
    assert totals.accepted == len(outcome.ledger.acceptances)
    assert totals.accepted + len(outcome.state.posts) == totals.scraped
    assert {entry.outcome for entry in outcome.ledger.submissions} == {"new"}


def test_what_was_drawn_can_be_listed_and_gives_the_same_bytes() -> None:
    """A plan with the disturbances that a drawn one met tells the same story."""
    drawn = simulate(Plan(seed=3, windows=10))
    assert drawn.disturbances
    listed = simulate(Plan(seed=3, windows=10, disturbances=drawn.disturbances))
    assert listed.journal == drawn.journal
    assert listed.disturbances == drawn.disturbances


def test_a_listed_disturbance_happens_alone() -> None:
    """An answer that is lost once costs one repeated submission and nothing else."""
    lost = Disturbance("api.submit", 2, "lost_answer", 0.5)
    outcome = simulate(Plan(seed=1, windows=3, disturbances=(lost,)))
    assert outcome.ok, outcome.violations
    assert outcome.disturbances == (lost,)
    assert [entry.outcome for entry in outcome.ledger.submissions].count("duplicate") == 1
    assert "SubmissionFailed" in {record.name for record in outcome.records}


@pytest.mark.parametrize("kind", ["kill", "power", "die", "disk_full", "io_error", "short_write", "stop"])
def test_every_way_to_end_a_life_is_survived(kind: str) -> None:
    """I8: after each of them the next process goes on, and nothing that was acknowledged is missing."""
    for amount in (0.01, 0.04, 0.3):
        outcome = simulate(Plan(seed=1, windows=8, disturbances=(Disturbance("life.end", 1, kind, amount),)))
        assert outcome.ok, outcome.violations
        ended = kind if kind != "short_write" else "stop"
        assert outcome.ends[ended] >= 1
        assert outcome.lives == (1 if kind == "short_write" else 2)


@pytest.mark.parametrize("kind", ["flipped", "cut"])
def test_a_damaged_journal_is_refused_repaired_and_gone_on_with(kind: str) -> None:
    """The gap is declared in the journal, the old directory is no longer written, and windows are used behind it."""
    ends = Disturbance("life.end", 1, "kill", 0.3)
    outcome = simulate(Plan(seed=1, windows=10, disturbances=(ends, Disturbance("journal", 1, kind, 0.1))))
    assert outcome.ok, outcome.violations
    assert outcome.openings["damaged"] == 1
    (seq,) = outcome.gaps
    assert outcome.records[seq - 1].name == "GapDeclared"
    assert "SubmissionAccepted" in {record.name for record in outcome.records[seq:]}


def test_a_miner_goes_on_with_another_api() -> None:
    """The move is recorded, and the windows of the other API's chain are used."""
    ends = Disturbance("life.end", 1, "kill", 0.3)
    outcome = simulate(Plan(seed=1, windows=10, disturbances=(ends, Disturbance("life.api", 2, "moved", 0.1))))
    assert outcome.ok, outcome.violations
    moved = next(record for record in outcome.records if record.name == "ApiMoved")
    assert "SubmissionAccepted" in {record.name for record in outcome.records[moved.seq :]}


@pytest.mark.parametrize(("amount", "arrivals"), [(0.2, 1), (0.8, 2)])
def test_an_effect_raises_before_it_acts_or_after(amount: float, arrivals: int) -> None:
    """R10: a post whose submission raised is sent once more, whether the server had it or not."""
    raised = Disturbance("api.submit", 1, "raise", amount)
    outcome = simulate(Plan(seed=1, windows=3, disturbances=(raised,)))
    assert outcome.ok, outcome.violations
    post_id = next(record for record in outcome.records if record.name == "SubmissionStarted").data["post_id"]
    assert len(outcome.ledger.submissions_of(post_id)) == arrivals


@pytest.mark.parametrize("disturbance", ["api.submit#17:lost_answer=0.25", "life.end#1:kill=0"])
def test_a_disturbance_is_written_as_it_is_read(disturbance: str) -> None:
    """The text names place, occasion, kind and amount."""
    assert str(Disturbance.parse(disturbance)) == disturbance


@pytest.mark.parametrize("text", ["", "api.submit", "api.submit#x:lost=0", "nowhere#1:lost=0", "api.submit#1:never=0"])
def test_other_texts_are_no_disturbances(text: str) -> None:
    """A place, a number and a kind of that place are needed."""
    with pytest.raises(ValueError, match="no disturbance"):
        Disturbance.parse(text)


def test_some_seeds_reach_all_states_and_most_faults() -> None:
    """Twenty seeds meet crashes, torn tails and every state, and violate nothing."""
    outcomes = [simulate(Plan(seed=seed, windows=12)) for seed in range(4, 24)]
    assert [violation for outcome in outcomes for violation in outcome.violations] == []
    assert {state for outcome in outcomes for _, source, dest in outcome.moves for state in (source, dest)} >= set(
        STATES
    )
    assert {"kill", "power"} <= {end for outcome in outcomes for end in outcome.ends}
    assert {"torn", "beyond HEAD", "declared", "locked"} <= {word for o in outcomes for word in o.openings}
