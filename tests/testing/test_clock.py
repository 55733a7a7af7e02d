"""The clock that tests own, moved by hand and by its own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from actor.testing.clock import START_MS, StalledError, VirtualClock, run_virtual, settle

MONTH_S = 30 * 86_400


async def note(clock: VirtualClock, seconds: float, into: list[tuple[float, float]]) -> None:
    """Sleep, and note when it ended."""
    await clock.sleep(seconds)
    into.append((seconds, clock.elapsed_s()))


async def by_hand(clock: VirtualClock) -> None:
    """Sleepers see the moment that they asked for, not the end of the advance."""
    woken: list[tuple[float, float]] = []
    tasks = [asyncio.create_task(note(clock, s, woken)) for s in (3.0, 0.5, 7.0)]
    await clock.advance(4)
    assert woken == [(0.5, 0.5), (3.0, 3.0)]
    assert (clock.elapsed_s(), clock.now_ms(), clock.next_wake_s()) == (4.0, START_MS + 4_000, 7.0)
    tasks[2].cancel()
    await settle()
    assert clock.next_wake_s() is None
    await clock.advance(60)
    assert len(woken) == 2


def test_it_moves_by_hand() -> None:
    """Time stands still until it is advanced, and wakes sleepers in order; a cancelled one is forgotten."""
    asyncio.run(by_hand(VirtualClock()))


def test_the_wall_clock_jumps_alone() -> None:
    """A jump, forward or back, changes no sleep and no elapsed time."""
    clock = VirtualClock(at_ms=1_000)

    async def test() -> None:
        sleeper = asyncio.create_task(clock.sleep(10))
        await settle()
        clock.jump(-3600.5)
        assert (clock.now_ms(), clock.elapsed_s(), clock.next_wake_s()) == (1_000 - 3_600_500, 0.0, 10.0)
        await clock.advance(10)
        assert sleeper.done()

    asyncio.run(test())


def test_a_month_takes_no_time() -> None:
    """The clock moves by itself: to sleepers, timeouts and timers of the loop alike, in the order of their times."""
    clock = VirtualClock()

    async def test() -> list[str]:
        told: list[str] = []

        async def tell(word: str, waiting: Coroutine[Any, Any, Any]) -> None:
            await waiting
            told.append(word)

        async def late() -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(MONTH_S / 2):
                    await clock.sleep(MONTH_S)

        async with asyncio.TaskGroup() as group:
            group.create_task(tell("sleeper", clock.sleep(MONTH_S)))
            group.create_task(tell("timeout", late()))
            group.create_task(tell("timer", asyncio.sleep(MONTH_S / 4)))
        return told

    assert run_virtual(test(), clock) == ["timer", "timeout", "sleeper"]
    assert clock.now_ms() == START_MS + MONTH_S * 1000


def test_zero_is_no_wait() -> None:
    """A sleep of nothing lets others run and moves no clock."""
    clock = VirtualClock()
    run_virtual(clock.sleep(0), clock)
    run_virtual(clock.sleep(-1), clock)
    assert clock.elapsed_s() == 0


def test_a_standstill_is_an_error() -> None:
    """Tasks that wait for each other would hang a test for ever; here they end it."""

    async def test() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StalledError, match="every task waits"):
        run_virtual(test(), VirtualClock())


def test_the_same_moves_give_the_same_readings() -> None:
    """Ten thousand sleeps of a third of a millisecond end where ten thousand of them should."""
    clock = VirtualClock()

    async def test() -> None:
        for _ in range(10_000):
            await clock.sleep(0.000333)

    run_virtual(test(), clock)
    assert clock.elapsed_s() == 3.33


def test_another_thread_s_work_takes_no_time() -> None:
    """``asyncio.to_thread`` gives its result, or its error, with nothing else due; the same in every run."""

    def broken() -> None:
        raise LookupError("as it was")

    async def main() -> tuple[int, float]:
        with pytest.raises(LookupError, match="as it was"):
            await asyncio.to_thread(broken)
        return await asyncio.to_thread(lambda: 7), clock.elapsed_s()

    clock = VirtualClock()
    assert run_virtual(main(), clock) == (7, 0.0)
