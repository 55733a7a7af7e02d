"""A whole actor against edges and time that a test writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from actor.machine import fold
from actor.ports import ScrapeError, StatusError
from actor.testing.edges import analysis, fail, limit, reject
from actor.testing.made import post
from actor.testing.world import ActorWorld
from events import catalogue as ev
from events.journal import FileJournal, read_journal, verify_journal


def posts(*numbers: int) -> list[ev.Post]:
    """Made-up posts."""
    return [post(number) for number in numbers]


def test_a_window_from_its_opening_to_its_checkpoint() -> None:
    """The main path, with the moves in the order of the records, and nothing wanted after the stop."""
    world = ActorWorld(posts(1, 2)).run(windows=1)
    assert world.transitions() == [
        "JournalCreated: WaitingForWindow -> WaitingForWindow",
        "ActorStarted: WaitingForWindow -> WaitingForWindow",
        "WindowOpened: WaitingForWindow -> Scraping",
        "PostsScraped: Scraping -> Analyzing",
        "PostAnalyzed: Analyzing -> Analyzing",
        "PostAnalyzed: Analyzing -> Submitting",
        "SubmissionStarted: Submitting -> Submitting",
        "SubmissionAccepted: Submitting -> Submitting",
        "SubmissionStarted: Submitting -> Submitting",
        "SubmissionAccepted: Submitting -> WaitingForWindow",
        "CheckpointSigned: WaitingForWindow -> WaitingForWindow",
        "ActorStopped: WaitingForWindow -> WaitingForWindow",
    ]
    assert world.effects() == []
    assert fold(world.journal()) == world.state
    assert [body.post_id for body in world.api.sent] == ["1", "2"]


def test_a_day_takes_no_time() -> None:
    """72 windows of 20 minutes, with latencies: as many posts as X had, never more than five in a window."""
    world = ActorWorld(posts(*range(1, 100)))
    world.x.latency_s, world.llm.latency_s, world.api.latency_s = 1.2, 4.5, 0.3
    world.run(windows=72)
    assert world.state.totals.windows == 72
    assert world.state.totals.accepted == 99
    assert world.clock.elapsed_s() > 71 * 1200


def test_answers_come_in_their_order() -> None:
    """A failure, a rejection, a 429: the waits are the ruling's, and what was put off goes first in the next window."""
    world = ActorWorld(posts(1, 2, 3))
    world.llm.answers["SN45 is doing fine, number 1"] = analysis(0.9)
    world.llm.answers["SN45 is doing fine, number 2"] = analysis(0.8)
    world.llm.answers["SN45 is doing fine, number 3"] = analysis(0.7)
    world.api.answers += [fail(), reject(), limit(current_block=81_200)]
    world.run(windows=2)
    assert [body.post_id for body in world.api.sent] == ["1", "1", "2", "2", "3"]
    assert (world.state.totals.accepted, world.state.totals.rejected) == (2, 1)


def test_a_killed_process_goes_on_where_it_was(tmp_path: Path) -> None:
    """I2, I3: dead after its first analysis and its second intent: only what was in flight is asked for again."""
    directory = tmp_path / "journal"
    world = ActorWorld(posts(1, 2, 3), store=FileJournal(directory, on_warning=print))
    world.crash("PostAnalyzed").crash("SubmissionStarted", after=2).run(windows=1)
    assert world.x.calls == 1
    assert len(world.llm.calls) == 3 + 2
    assert len(world.api.sent) == 3
    assert world.state.totals.accepted == 3
    assert [record.hash for record in read_journal(directory)] == [record.hash for record in world.journal()]
    assert verify_journal(directory).ok


def test_failures_and_outages() -> None:
    """X and the status may fail; the world says when."""
    world = ActorWorld(posts(1))
    world.x.error = ScrapeError("no credits", kind="credits", http_status=402)
    world.run(windows=1)
    assert "ScrapeFailed: Scraping -> WaitingForWindow" in world.transitions()
    world.x.error, world.api.status_error = None, StatusError("refused")
    world.run(seconds=60)
    assert world.transitions()[-2:] == [
        "ApiUnreachable: WaitingForWindow -> WaitingForWindow",
        "ActorStopped: WaitingForWindow -> WaitingForWindow",
    ]


def test_the_wall_clock_may_jump() -> None:
    """A clock that is set back in a backoff makes it no longer than it was."""
    world = ActorWorld(posts(1))
    world.api.answers.append(fail())
    world.crash("SubmissionFailed")
    world.clock.jump(-3600)
    before = world.clock.elapsed_s()
    world.run(windows=1)
    assert world.state.totals.accepted == 1
    assert world.clock.elapsed_s() - before < 60


def test_what_never_happens_is_said() -> None:
    """Waiting for a record that does not come is an error with the last moves, not a hang."""
    with pytest.raises(AssertionError, match=r"no RateLimited .* within a day.*WaitingForWindow"):
        ActorWorld(posts(1)).crash("RateLimited")
