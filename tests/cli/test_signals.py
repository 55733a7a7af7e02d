"""Stopping by signal, whatever the miner is in the middle of; and staying alive without a network."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from events.catalogue import ActorStopped
from tests.cli.kit import only_journal, running
from tests.patience import GIVE_UP_S, Stopwatch, seconds_until_exit
from tests.world import World, make_wallet, wait_for
from user_miner.commands.signals import Signals

STOP_S: Final = 5.0


def waiting(world: World) -> Callable[[], bool]:
    """Nothing left to do in this window: one miner's posts are accepted, the other one's are conflicts."""
    return lambda: len(world.sandbox.ledger.api.submits()) == 10 and world.state().state == "WaitingForWindow"


def hanging_search(world: World) -> Callable[[], bool]:
    """X takes the search and is silent."""
    world.sandbox.script("x.search", "hang", times=2)
    return lambda: len(world.sandbox.ledger.x.exchanges()) == 2


def slow_analyses(world: World) -> Callable[[], bool]:
    """The LLM thinks for an hour, about each post but the first, before whose answer no other is asked about."""
    world.sandbox.script("llm.chat", "ok", times=2)
    world.sandbox.script("llm.chat", "slow", times=10, seconds=3600)
    ledger = world.sandbox.ledger.llm

    def is_there() -> bool:
        asked = ledger.exchanges()
        return len(asked) > 5 and sum(not exchange.answered for exchange in asked) > 3

    return is_there


def hanging_submission(world: World) -> Callable[[], bool]:
    """The API takes the post and is silent."""
    world.sandbox.script("api.submit", "hang", times=2)
    return lambda: len(world.sandbox.ledger.api.submits()) == 2


def stopped(world: World, process: subprocess.Popen[str], number: signal.Signals, watch: Stopwatch) -> None:
    """What must hold once a miner got its signal."""
    assert seconds_until_exit(process, watch) < STOP_S
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    accepted = world.state().totals.accepted
    assert world.history()[-1][0].event() == ActorStopped(reason=number.name, posts_processed=accepted)
    assert f"posts_processed {accepted}" in errors.splitlines()[-1]
    only_journal(world)


@pytest.mark.parametrize("situation", [waiting, hanging_search, slow_analyses, hanging_submission])
def test_r14_a_signal_stops_within_five_seconds(world: World, situation: Callable[[World], Callable[[], bool]]) -> None:
    """R14: SIGTERM and SIGINT alike: exit code 0, the goodbye recorded and logged with its count, the journal whole."""
    make_wallet(world.folder / "more" / "wallets", "//Bob")
    more = World(folder=world.folder / "more", sandbox=world.sandbox)
    is_there = situation(world)
    with running(world) as one, running(more) as two:
        wait_for(is_there, "the situation")
        watches = Stopwatch(one.pid), Stopwatch(two.pid)
        one.send_signal(signal.SIGTERM)
        two.send_signal(signal.SIGINT)
        stopped(world, one, signal.SIGTERM, watches[0])
        stopped(more, two, signal.SIGINT, watches[1])


def rain(process_signals: Sequence[signal.Signals], world: World) -> tuple[int | None, str]:
    """Send signals until the process is gone."""
    with running(world) as process:
        wait_for(lambda: "ActorStarted" in world.names(), "the start")
        for turn in range(1_000):
            if process.poll() is not None:
                break
            process.send_signal(process_signals[turn % len(process_signals)])
            time.sleep(0.005)
        _, errors = process.communicate(timeout=GIVE_UP_S)
    return process.returncode, errors


def test_more_signals_do_no_harm(world: World) -> None:
    """Ctrl-C twice, or a hundred times, from the first moment to the last: one clean goodbye."""
    code, errors = rain([signal.SIGINT, signal.SIGTERM, signal.SIGINT], world)
    assert code == 0, errors
    assert "Traceback" not in errors
    assert world.names().count("ActorStopped") == 1
    only_journal(world)


def test_r13_without_a_network_it_waits(make_world: Callable[..., World]) -> None:
    """R13: every connection is refused; it says so once, stays alive, and a signal ends it."""
    world = make_world(down=frozenset({"x", "llm", "api"}))
    with running(world) as process:
        wait_for(lambda: "ApiUnreachable" in world.names(), "the complaint")
        time.sleep(0.5)  # ten polls
        assert process.poll() is None
        code, output = world.stop(process)
    assert code == 0, output
    assert world.names()[-2:] == ["ApiUnreachable", "ActorStopped"]
    assert sum("warning" in line for line in output.splitlines()) == 1


@pytest.mark.parametrize(("number", "wanted"), [(signal.SIGINT, "SIGINT"), (signal.SIGHUP, "reload")])
def test_a_signal_before_there_is_an_actor_is_kept_for_it(number: signal.Signals, wanted: str) -> None:
    """Imports and the opening of an encrypted hotkey take seconds; a Ctrl-C then is no lost one, and no traceback."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    told: list[str] = []

    async def attach(signals: Signals) -> None:
        signals.attach(told.append, lambda: told.append("reload"))
        await asyncio.sleep(0)

    try:
        signals = Signals()
        signal.raise_signal(number)
        asyncio.run(attach(signals))
    finally:
        for other, handler in before.items():
            signal.signal(other, handler)
    assert told == [wanted]
