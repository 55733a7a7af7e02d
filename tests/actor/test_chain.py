"""The chain beside a running miner: what it tells is recorded, and whatever it does costs no window."""

from __future__ import annotations

import logging
from itertools import pairwise

import pytest

from actor.analyzer.refresh import ChainError
from actor.testing.edges import ScriptedChain
from actor.testing.made import polled, post
from actor.testing.reproduce import reproduces
from actor.testing.scenario import Scenario
from actor.testing.world import ActorWorld
from events import catalogue as ev
from events.journal import MemoryJournal

POLICY = ev.Policy(chain_poll_s=600.0)
_DAY_S = 86_400.0


def worked(chain: ScriptedChain, *, seconds: float = 3_500.0, policy: ev.Policy = POLICY) -> ActorWorld:
    """Most of an hour, three windows, beside this chain."""
    world = ActorWorld([post(n) for n in range(1, 16)], policy=policy)
    chain.clock = world.clock
    world.chain = chain
    return world.run(seconds=seconds)


def names(world: ActorWorld, *left_out: str) -> list[str]:
    """What was recorded, some of it aside."""
    return [record.name for record in world.records if record.name not in left_out]


def test_it_is_asked_by_the_interval() -> None:
    """A minute after the start, then every ten: six times in these windows, and every answer is a record."""
    world = worked(ScriptedChain(latency_s=2.0))
    told = [record for record in world.records if record.name == "ChainPolled"]
    assert [record.event() for record in told] == [polled()] * 6
    assert [(b.at_ms - a.at_ms) // 1000 for a, b in pairwise(told)] == [602] * 5


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (ChainError("finney: no answer"), "unreachable", "finney: no answer"),
        (KeyError("Emission\n"), "bug", "KeyError: 'Emission\\n'"),
    ],
)
def test_a_failure_is_recorded_and_costs_nothing(error: Exception, kind: str, reason: str) -> None:
    """Not even a bug on this way puts the miner off: the same windows, posts and verdicts as without the chain."""
    world, without = worked(ScriptedChain(error=error)), worked(ScriptedChain(), policy=ev.Policy())
    failed = [record.event() for record in world.records if record.name == "ChainPollFailed"]
    assert failed == [ev.ChainPollFailed(kind=kind, reason=reason)] * 6
    assert names(world, "ChainPollFailed") == names(without)
    assert world.x.calls == without.x.calls == 3


def test_a_chain_that_hangs_delays_neither_windows_nor_the_stop() -> None:
    """One question that has no end: three windows are worked on, and the goodbye comes at once."""
    world = worked(ScriptedChain(latency_s=10 * _DAY_S))
    assert world.chain.calls == 1
    assert names(world).count("WindowOpened") == 3
    assert names(world)[-1] == "ActorStopped"
    assert world.records[-1].at_ms - world.records[0].at_ms == 3_500_000
    assert names(world) == names(worked(ScriptedChain(), policy=ev.Policy()))


def test_without_a_chain_the_miner_says_so() -> None:
    """A host that hands in no chain, and a setting that asks for one: a record, and no crash."""
    world = ActorWorld([post(1)], policy=POLICY)
    world.chain = None  # type: ignore[assignment]
    world.run(seconds=120)
    assert [r.data["reason"] for r in world.records if r.name == "ChainPollFailed"] == ["this process reads no chain"]


def test_histories_with_a_chain_come_out() -> None:
    """Answers, failures and crashes amid them: a recorded history is made again, byte for byte."""
    world = ActorWorld([post(n) for n in range(1, 9)], policy=POLICY)
    world.crash("ChainPolled")
    world.chain.error = ChainError("finney: no answer")
    world.run(seconds=700)
    world.chain.error, world.chain.found = None, ev.ChainPolled(block=7, miners=3)
    world.run(seconds=2_000)
    assert {"ChainPolled", "ChainPollFailed"} <= set(names(world))
    store, recorded = MemoryJournal(), world.store
    assert isinstance(recorded, MemoryJournal)
    reproduces(Scenario.load(recorded.lines), store=store)
    assert store.lines == recorded.lines


def test_the_log_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    """A place that is nearly lost is a warning in the log, a bug its trace."""
    caplog.set_level(logging.INFO, "actor")
    worked(ScriptedChain(found=polled(places_before=0)), seconds=100)
    assert "alarm deregistration: a few registrations more give the hotkey's place on the subnet away" in caplog.text
    worked(ScriptedChain(error=ZeroDivisionError("odd")), seconds=100)
    assert "ZeroDivisionError: odd" in caplog.text
