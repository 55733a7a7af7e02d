"""``user-miner simulate``: figures, exit codes, wrong use, the short story of a seed that fails."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import signal
from typing import Any

import pytest

from actor.machine import State
from events.catalogue import Event
from events.journal import Record
from sandbox.services import World
from tests.cli.kit import Command, is_one_line
from user_miner.commands.simulate import run
from user_miner.simulation import Outcome, Plan, simulate
from user_miner.simulation.campaign import Campaign, run_campaign
from user_miner.simulation.plan import Violation
from user_miner.simulation.report import report_fields, summary_lines
from user_miner.simulation.shrink import parse_disturbances

FEW = ("simulate", "--seeds", "2", "--seed", "1", "--windows", "4")


def grudging(plan: Plan, *, deep: bool | None = None) -> Outcome:  # noqa: ARG001
    """A judge that forbids a first lost answer to a submission, which every miner may meet."""

    def watch(record: Record, _event: Event, _state: State, world: World, _at_s: float) -> list[Violation]:
        lost = [sent for sent in world.ledger.submissions if sent.fault == "lost_answer"]
        return [Violation(rule="grudge", text="an answer was lost", seq=record.seq)] if lost else []

    return simulate(plan, watch=watch)


def test_a_summary(command: Command) -> None:
    """The seeds come first, figures last, and the code is 0."""
    code, out, errors = command(*FEW)
    assert (code, errors) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "seeds 1 to 2, 4 windows each"
    assert [line.split()[0] for line in lines[1:]] == [
        *("seeds", "simulated", "lives", "journals", "faults", "states", "table", "recovery", "speed"),
    ]
    assert "0 with a violation" in out


def test_json(command: Command) -> None:
    """One object with every row of the table, and what was not reached."""
    code, out, _ = command(*FEW, "--json")
    data = json.loads(out)
    assert code == 0
    assert (data["seeds"], data["planned"], data["failures"]) == (2, 2, [])
    assert data["windows"] >= 8
    assert data["windows_per_core_s"] > 0
    assert any(line.startswith("row ") for line in data["missing"])


def timeless(campaign: Campaign) -> dict[str, Any]:
    """What a campaign says, without how long it took."""
    fields = report_fields(campaign, {})
    return {name: value for name, value in fields.items() if not name.endswith("_s") or name == "simulated_s"}


def test_processes_side_by_side_come_to_the_same() -> None:
    """The summary does not depend on how many processes there are."""
    plans = [Plan(seed=seed, windows=3) for seed in range(6)]
    alone, together = run_campaign(plans), run_campaign(plans, jobs=2)
    assert timeless(alone) == timeless(together)
    assert list(summary_lines(alone))[:-1] == list(summary_lines(together))[:-1]


@pytest.mark.parametrize(("seeds", "processes"), [(1, 0), (2, 0), (3, 2), (6, 3)])
def test_no_process_is_started_without_work(seeds: int, processes: int) -> None:
    """Each takes seeds by twos; for two and fewer this process does, whatever ``jobs`` says."""
    started: set[int] = set()

    def count(_done: int, _total: int) -> None:
        started.update(child.pid or 0 for child in multiprocessing.active_children())

    before = {child.pid for child in multiprocessing.active_children()}
    campaign = run_campaign([Plan(seed=seed, windows=1) for seed in range(seeds)], jobs=64, on_progress=count)
    assert campaign.coverage.seeds == seeds
    assert len(started - before) == processes


def test_coverage_that_is_required_and_missing(command: Command) -> None:
    """--require-coverage turns what was not reached into a finding."""
    code, out, _ = command(*FEW, "--faults", "none", "--require-coverage")
    assert code == 1
    assert "not reached: fault api.submit:lost_answer" in out.splitlines()
    assert "faults      0" in out


def test_a_failing_seed_is_told_in_short(capsys: pytest.CaptureFixture[str]) -> None:
    """What is broken, the few disturbances that are needed, the timeline, and a command that shows it again."""
    code = run([Plan(seed=5, windows=8)], judge=grudging, jobs=1, require_coverage=False, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert "seed 5 breaks a promise:" in lines
    listed = lines[lines.index("timeline:") - 1].strip()
    assert listed.startswith("api.submit#")
    assert any(line.startswith("> ") for line in lines)
    program, simulate_, *options = shlex.split(lines[lines.index("again:") + 1])
    assert (program, simulate_) == ("user-miner", "simulate")
    told = dict(zip(options[::2], options[1::2], strict=True))
    again = Plan(
        seed=int(told["--seed"]),
        windows=int(told["--windows"]),
        disturbances=parse_disturbances(told["--only"]),
    )
    assert {violation.rule for violation in grudging(again).violations} == {"grudge"}
    assert listed in told["--only"]


def test_a_failing_seed_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The violations, and the command that shows them again."""
    code = run([Plan(seed=5, windows=8)], judge=grudging, jobs=1, require_coverage=False, as_json=True)
    (failure,) = json.loads(capsys.readouterr().out)["failures"]
    assert code == 1
    assert failure["seed"] == 5
    assert failure["violations"][0].startswith("grudge at record")
    assert failure["again"].startswith("user-miner simulate --seed 5 ")


def test_exactly_these_disturbances(command: Command) -> None:
    """--only tells one story."""
    code, out, _ = command("simulate", "--seed", "1", "--windows", "3", "--only", "api.submit#2:lost_answer=0.5")
    assert code == 0
    assert "faults      1, of 1 of" in out


def test_an_interruption_ends_with_what_was_found() -> None:
    """Ctrl-C keeps the seeds that were done."""

    def interrupt(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    campaign = run_campaign([Plan(seed=seed, windows=1) for seed in range(9)], on_progress=interrupt)
    assert (campaign.coverage.seeds, campaign.interrupted) == (2, True)
    assert "interrupted after 2 of 9" in next(iter(summary_lines(campaign)))


def test_a_signal_waits_for_the_end_of_its_seed() -> None:
    """A miner that was cut off would leave tasks behind that have no loop to end in, and say so on the terminal."""

    def interrupted(plan: Plan, *, deep: bool | None = None) -> Outcome:  # noqa: ARG001
        if plan.seed == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return simulate(plan)

    before = signal.getsignal(signal.SIGINT)
    campaign = run_campaign([Plan(seed=seed, windows=1) for seed in range(9)], judge=interrupted)
    assert (campaign.coverage.seeds, campaign.interrupted) == (3, True)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--faults", "api.submit:lost_anser"), "did you mean api.submit:lost_answer?"),
        (("--faults", "weather"), "is no fault"),
        (("--only", "api.submit#2"), "is no disturbance"),
        (("--only", "none", "--seeds", "3"), "--only"),
        (("--only", "none", "--rate", "3"), "--only"),
    ],
)
def test_wrong_use(command: Command, arguments: tuple[str, ...], said: str) -> None:
    """One line, and code 2."""
    code, out, errors = command("simulate", *arguments)
    assert (code, out) == (2, "")
    assert is_one_line(errors, said)


@pytest.mark.parametrize(
    "arguments", [("--seeds", "0"), ("--windows", "0"), ("--jobs", "0"), ("--jobs", "65"), ("--seed", "-1")]
)
def test_numbers_out_of_range(command: Command, arguments: tuple[str, ...]) -> None:
    """The option's own range is checked before anything runs, and said."""
    code, _, errors = command("simulate", *arguments)
    assert code == 2
    assert f"invalid value for '{arguments[0]}': Input should be" in errors
