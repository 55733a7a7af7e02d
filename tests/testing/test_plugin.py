"""The pytest plugin in a project that has nothing but user-miner: fixtures, marker, option, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actor import testing
from tests.testing.kit import carried_over, write_journal

PROJECT = """
import asyncio

import pytest

from actor.testing import MachineDrive, fail, post, reproduces, run_virtual


@pytest.mark.scenario("journal", window=8)
def test_a_window(scenario, machine):
    assert scenario.steps[0].name == "WindowOpened"
    drive = MachineDrive(scenario.start).follow(scenario)
    assert drive.transitions()[-1] == "SubmissionAccepted: Submitting -> WaitingForWindow"
    assert machine.state.state == "WaitingForWindow"


@pytest.mark.scenario("journal")
def test_the_whole_of_it(scenario):
    assert [record.name for record in reproduces(scenario)] == [step.name for step in scenario.steps]


def test_an_actor(actor_world, virtual_clock):
    world = actor_world([post(1), post(2)])
    world.api.answers.append(fail(503))
    world.run(windows=1)
    assert world.state.totals.accepted == 2
    assert virtual_clock.elapsed_s() == 15.0  # the second poll, and the wait after the failure
    assert "SubmissionFailed: Submitting -> Backoff" in world.transitions()


def test_time(virtual_clock):
    run_virtual(asyncio.sleep(3600), virtual_clock)
    assert virtual_clock.elapsed_s() == 3600


def test_a_story(transcript):
    transcript("story.txt")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with tests, a recorded journal and a transcript."""
    write_journal(tmp_path / "journal", carried_over().records)
    (tmp_path / "story.txt").write_text("start\nwindow 7\n----\n", "utf-8")
    (tmp_path / "test_project.py").write_text(PROJECT, "utf-8")
    return tmp_path


def run_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    """A test run in a process of its own, which finds the plugin by itself."""
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_it_works_in_a_project_of_its_own(project: Path) -> None:
    """All fixtures do what they say; the transcript differs until it is rewritten."""
    code, out = run_pytest(project)
    assert code == 1
    assert "1 failed, 4 passed" in out
    assert "+WindowOpened: WaitingForWindow -> Scraping" in out
    code, out = run_pytest(project, "--rewrite-transcripts")
    assert (code, "5 passed" in out) == (0, True), out


def test_the_marker_is_explained(project: Path) -> None:
    """A test that names no journal, or a slice that is none, is told what is missing."""
    tests = "import pytest\n\ndef test_none(scenario): pass\n\n"
    tests += '@pytest.mark.scenario("journal", post="99")\ndef test_no_post(scenario): pass\n\n'
    tests += '@pytest.mark.scenario("journal", day=1)\ndef test_no_slice(scenario): pass\n'
    (project / "test_project.py").write_text(tests, "utf-8")
    code, out = run_pytest(project)
    assert code == 1
    assert out.count("needs a marker like @pytest.mark.scenario(") >= 2
    assert "post 99 was never chosen here" in out


def test_it_costs_other_tests_nothing(tmp_path: Path) -> None:
    """A test run that uses none of it imports no machine, no event, no loop and no SDK."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_other():\n"
        "    heavy = {'actor.machine', 'actor.runtime', 'events', 'transitions', 'bittensor', 'httpx', 'openai'}\n"
        "    assert 'actor.testing.plugin' in sys.modules\n"
        "    assert not heavy & set(sys.modules)\n",
        "utf-8",
    )
    code, out = run_pytest(tmp_path)
    assert code == 0, out


def test_the_miner_needs_no_pytest() -> None:
    """No command and no part of the kit but the plugin imports it."""
    code = (
        "import sys, user_miner.cli, user_miner.commands.fixture, actor.testing.world;sys.exit('pytest' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_is_there() -> None:
    """What the kit promises can be imported, and nothing else is offered."""
    for name in testing.__all__:
        assert getattr(testing, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = testing.nothing
