"""Turns at a server: as many at once as are allowed, and one for each owner before anybody gets the next."""

from __future__ import annotations

import asyncio
import random

import pytest

from actor.edges.turns import Turns


async def settled() -> None:
    """Every task that can go on has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


class Visits:
    """Owners who take turns, in the order in which they came to theirs."""

    def __init__(self, limit: int) -> None:
        self.turns = Turns(limit)
        self.order: list[str] = []
        self.at_once = self.most = 0
        self.doors: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    def come(self, owner: str) -> asyncio.Task[None]:
        """An owner asks for a turn."""
        door = asyncio.Event()

        async def visit() -> None:
            async with self.turns.of(owner):
                self.order.append(owner)
                self.doors.append(door)
                self.at_once += 1
                self.most = max(self.most, self.at_once)
                try:
                    await door.wait()
                finally:
                    self.at_once -= 1

        self.tasks.append(asyncio.create_task(visit()))
        return self.tasks[-1]

    async def go_all(self) -> None:
        """Each leaves as soon as it is in, until nobody is left."""
        while not all(task.done() for task in self.tasks):
            await settled()
            for door in self.doors:
                door.set()


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_owners_come_in_turn(limit: int) -> None:
    """Whoever asks for five at once waits behind the first one of everybody else."""

    async def go() -> None:
        visits = Visits(limit)
        for owner in ("a",) * 5 + ("b",) * 2 + ("c",):
            visits.come(owner)
        await visits.go_all()
        assert visits.most == limit
        behind = visits.order[limit:]
        assert behind[:3] == sorted(behind[:3], key="abc".index)[: len(behind[:3])]
        assert {"b", "c"} <= set(visits.order[: limit + 3])
        assert sorted(visits.order) == list("aaaaabbc")

    asyncio.run(go())


def test_who_gives_up_takes_nobody_s_turn() -> None:
    """Cancelled while it waits, or in the moment in which it is handed out: in the end all turns are free."""

    async def go() -> None:
        chance = random.Random(4)  # noqa: S311  (a test's dice)
        for _ in range(200):
            visits = Visits(2)
            tasks = [visits.come(chance.choice("abc")) for _ in range(8)]
            for _ in range(4):
                await asyncio.sleep(0)
                chance.choice(tasks).cancel()
                for door in visits.doors[: chance.randrange(3)]:
                    door.set()
                chance.choice(tasks).cancel()
            await visits.go_all()
            assert visits.most <= 2
            again = Visits(2)
            again.turns = visits.turns
            for owner in "xyz":
                again.come(owner)
            await settled()
            assert again.order == ["x", "y"]
            await again.go_all()

    asyncio.run(go())


def test_the_limit_may_change() -> None:
    """More come in at once when it rises; when it falls, nobody is thrown out and fewer come in."""

    async def go() -> None:
        visits = Visits(1)
        for owner in "abcdef":
            visits.come(owner)
        await settled()
        assert visits.at_once == 1
        visits.turns.change(4)
        await settled()
        assert visits.at_once == 4
        visits.turns.change(1)
        visits.doors[0].set()
        visits.doors[1].set()
        await settled()
        assert visits.at_once == 2
        await visits.go_all()
        assert sorted(visits.order) == list("abcdef")

    asyncio.run(go())
