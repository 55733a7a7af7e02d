"""What an oracle is: fed with all that arrives in the world and all that becomes durable, it yields what is wrong.

Oracles believe the world's ledger. Of the miner they believe only what its records say; its state says no more than
which settings and which window were in force.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Final

from actor.machine.history import Step
from events.catalogue import ApiMoved, TailRepaired
from sandbox.services import Chat, Lookup, Search, Status, Submission, World

if TYPE_CHECKING:
    from events.catalogue import Event
    from user_miner.simulation.plan import Outcome, Violation

__all__ = ["ARRIVALS", "BEFORE_START", "Oracle", "Told", "is_told_twice"]

# What a process records before it says that it started: it is another one than that of the record before.
BEFORE_START: Final = (ApiMoved, TailRepaired)


class Told(Step, frozen=True, kw_only=True, gc=False):
    """One step as an oracle sees it: its record is durable, its states are the miner's own.

    Attributes:
        at_s: Simulated seconds since the world began.
        life: The process that knows it; where it has not started yet, the one after the last that did.
    """

    at_s: float
    life: int

    @property
    def wall_offset_s(self) -> float:
        """How far the host's wall clock is from the world's time."""
        return self.record.at_ms / 1000 - self.at_s


class Oracle:
    """One promise. A subclass writes what it needs of the methods; only those are called.

    Attributes:
        EVENTS: Of which `told` is told; empty for all of them.
    """

    EVENTS: ClassVar[tuple[type[Event], ...]] = ()

    def __init__(self, world: World) -> None:
        self.world = world

    def asked_status(self, arrival: Status, last: Told | None) -> Iterable[Violation]:  # noqa: ARG002
        """A question for the block reached the world, behind the record ``last``."""
        return ()

    def submitted(self, arrival: Submission, last: Told | None) -> Iterable[Violation]:  # noqa: ARG002
        """A submission reached the world, behind the record ``last``."""
        return ()

    def searched(self, arrival: Search, last: Told | None) -> Iterable[Violation]:  # noqa: ARG002
        """A search reached the world, behind the record ``last``."""
        return ()

    def looked_up(self, arrival: Lookup, last: Told | None) -> Iterable[Violation]:  # noqa: ARG002
        """A question for authors reached the world, behind the record ``last``."""
        return ()

    def asked_model(self, arrival: Chat, last: Told | None) -> Iterable[Violation]:  # noqa: ARG002
        """A question to the model reached the world, behind the record ``last``."""
        return ()

    def told(self, told: Told) -> Iterable[Violation]:  # noqa: ARG002
        """A record became durable."""
        return ()

    def end(self, outcome: Outcome, last: Told | None) -> Iterable[Violation]:  # noqa: ARG002
        """It is over."""
        return ()


def is_told_twice(
    world: World, block: int, life: int, *, since_s: float = 0.0, times: int = 2, most: float = math.inf
) -> bool:
    """Whether two answers, or more, that reached this process told of this block or a later one, true or not.

    What is told beyond ``most`` is out of any reach, and speaks for no block.
    """
    found = 0
    asked: chain[Status | Submission] = chain(reversed(world.ledger.statuses), reversed(world.ledger.submissions))
    for arrival in asked:
        if arrival.life == life and arrival.at_s >= since_s and arrival.delivered_s is not None:
            found += arrival.told is not None and block <= arrival.told <= most
            if found >= times:
                return True
    return False


# The method of an oracle that gets each kind of arrival.
ARRIVALS: Final[dict[type[Any], str]] = {
    Status: "asked_status",
    Submission: "submitted",
    Search: "searched",
    Lookup: "looked_up",
    Chat: "asked_model",
}
