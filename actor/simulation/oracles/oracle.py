"""What an oracle is: fed with all that arrives in the world and all that becomes durable, it yields what is wrong.

Oracles believe the world's ledger. Of the miner they believe only what its records say; its state says no more than
which settings and which window were in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sandbox.world import Chat, Search, Status, Submission, World

if TYPE_CHECKING:
    from actor.machine import State
    from actor.simulation.outcome import Outcome, Violation
    from events.catalogue import Event
    from events.journal import Record

__all__ = ["Arrival", "Oracle", "Told"]

Arrival: TypeAlias = Status | Submission | Search | Chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One record as an oracle sees it.

    Attributes:
        record: As written.
        event: What it holds.
        before: The miner's state before it.
        after: The miner's state after it.
        at_s: Simulated seconds since the world began.
        life: The process that knows it.
    """

    record: Record
    event: Event
    before: State
    after: State
    at_s: float
    life: int

    @property
    def wall_offset_s(self) -> float:
        """How far the host's wall clock is from the world's time."""
        return self.record.at_ms / 1000 - self.at_s


class Oracle:
    """One promise. A subclass writes what it needs of the three."""

    def __init__(self, world: World) -> None:
        self.world = world

    def arrived(self, arrival: Arrival, last: Told | None) -> Iterable[Violation]:  # noqa: ARG002
        """A request reached the world, behind the record ``last``."""
        return ()

    def told(self, told: Told) -> Iterable[Violation]:  # noqa: ARG002
        """A record became durable."""
        return ()

    def end(self, outcome: Outcome, last: Told | None) -> Iterable[Violation]:  # noqa: ARG002
        """It is over."""
        return ()
