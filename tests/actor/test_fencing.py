"""Several machines, one journal in a database: one of them works, and one that was superseded sends nothing more."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.actor.fencing import holder, log_of, machine, paused_owner
from tests.cli.miners import mining, terminated
from tests.patience import wait_for
from tests.postgres import Server
from tests.world import World, hours_ago

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("after_s", [0.31, 1.27])
def test_an_owner_that_slept_through_its_lease_sends_nothing(tmp_path: Path, postgres: Server, after_s: float) -> None:
    """Whenever it is stopped: another one goes on within the lease and 2 s, and the first one ends in one line."""
    found = paused_owner(tmp_path, postgres, after_s=after_s)
    assert found.sent == ()
    assert found.exit_code == 1
    assert "was taken over by" in found.last_words
    assert found.takeover_s <= found.lease_s + 2
    assert all(len(posts) <= 5 for posts in found.accepted.values())
    assert found.twice <= 1, "the submission that was under way, at most"


def test_a_stop_hands_the_journal_over_at_once(
    make_world: Callable[..., World], database: str, postgres: Server
) -> None:
    """SIGTERM gives the lease back, and who stands by has it a second later, not a lease later."""
    world = make_world(epoch=hours_ago())
    with mining(*machine(world, "first", database)) as first:
        wait_for(lambda: len(world.sandbox.ledger.api.submits()) == 5, "the first one's window")
        with mining(*machine(world, "second", database)) as second:
            wait_for(lambda: "waits for it" in log_of(second), "the second one to stand by")
            assert terminated([first])[0][0] == 0
            wait_for(lambda: holder(postgres, database).endswith(f":{second.pid}"), "the takeover")
            world.sandbox.next_window()
            world.sandbox.advance_posts(600)
            for number in range(5):
                world.sandbox.add_post(f"Bittensor SN45 goes on, part {number}")
            wait_for(lambda: len(world.sandbox.ledger.api.submits()) == 10, "the second one's window")
            assert terminated([second])[0][0] == 0
    assert {len(posts) for posts in world.sandbox.ledger.api.accepted_by_window().values()} == {5}


def test_one_that_stands_by_stops_when_it_is_told_to(world: World, database: str) -> None:
    """It holds nothing, so there is nothing to wait for."""
    with mining(*machine(world, "first", database)) as first, mining(*machine(world, "second", database)) as second:
        wait_for(lambda: "waits for it" in log_of(first) + log_of(second), "one to stand by")
        ends = terminated([first, second])
        assert [code for code, _ in ends] == [0, 0]
        assert max(seconds for _, seconds in ends) < 5


def test_a_database_that_is_away_for_a_while_costs_nothing_twice(
    make_world: Callable[..., World], database: str, postgres: Server
) -> None:
    """The miner waits, sends nothing that it could not record, goes on by itself, and stops when it is told to."""
    world = make_world(epoch=hours_ago())
    name = database.partition("@/")[2].partition("?")[0]
    with mining(*machine(world, "first", database)) as first:
        wait_for(lambda: len(world.sandbox.ledger.api.submits()) == 5, "a window")
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
        postgres.sql(f"{cut}'{name}'")
        world.sandbox.next_window()
        world.sandbox.advance_posts(600)
        for number in range(5):
            world.sandbox.add_post(f"Bittensor SN45 after the outage, part {number}")
        wait_for(lambda: "is not known" in log_of(first), "the miner to notice")
        searches = world.sandbox.ledger.x.searches
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        wait_for(lambda: "answers again" in log_of(first), "the miner to go on")
        wait_for(lambda: len(world.sandbox.ledger.api.submits()) == 10, "the next window")
        assert (searches, world.sandbox.ledger.x.searches) == (1, 2)
        assert world.sandbox.ledger.llm.calls == 10
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.sql(f"{cut}'{name}'")
        wait_for(lambda: log_of(first).count("was not renewed") == 1, "the miner to notice once more")
        (code, seconds), *_ = terminated([first])
        assert code == 1
        assert seconds < 5


def test_a_journal_in_a_database_survives_kill_9(world: World, database: str) -> None:
    """Twice amid a window: what was recorded is not paid for again, and each post has one verdict."""
    for number in (1, 2):
        with mining(*machine(world, f"life{number}", database)) as miner:
            wait_for(partial(_has_submitted, world, 2 * number), "submissions")
            os.kill(miner.pid, signal.SIGKILL)
    with mining(*machine(world, "last", database)) as miner:
        wait_for(lambda: '"ActorStarted"' in log_of(miner), "the last life")
        wait_for(lambda: len(world.sandbox.ledger.api.verdicts()) == 5, "the window's end")
        assert terminated([miner])[0][0] == 0
    box = world.sandbox
    assert box.ledger.x.searches == 1
    assert box.ledger.llm.calls == 5
    assert {window: len(ids) for window, ids in box.ledger.api.accepted_by_window().items()} == {box.window: 5}


def _has_submitted(world: World, least: int) -> bool:
    return len(world.sandbox.ledger.api.submits()) >= least
