"""A recorded history cut into the processes that made it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from actor.testing.scenario import Step
from events import catalogue as ev

__all__ = ["Life", "lives"]

# What a start records, in this order.
_BOOT: Final[dict[type, int]] = {ev.TailRepaired: 0, ev.JournalCreated: 1, ev.ApiMoved: 1, ev.ActorStarted: 2}


@dataclass(frozen=True, slots=True)
class Life:
    """The records of one process, in their order."""

    steps: tuple[Step, ...]

    @property
    def is_gap(self) -> bool:
        """Whether no actor made it, but ``repair``."""
        return isinstance(self.steps[0].event, ev.GapDeclared)

    @property
    def is_under_way(self) -> bool:
        """Whether it begins behind its start: a slice of a history."""
        return type(self.steps[0].event) not in _BOOT

    @property
    def is_stopped(self) -> bool:
        """Whether it ends in a goodbye; else the process died, or the history ends."""
        return isinstance(self.steps[-1].event, ev.ActorStopped)

    @property
    def repairs(self) -> tuple[ev.TailRepaired, ...]:
        """Torn tails that the start found."""
        return tuple(event for event in self._boot() if isinstance(event, ev.TailRepaired))

    @property
    def created(self) -> ev.JournalCreated | None:
        """The identity, where the start made the journal."""
        return next((event for event in self._boot() if isinstance(event, ev.JournalCreated)), None)

    @property
    def moved(self) -> ev.ApiMoved | None:
        """Where the start moved the journal."""
        return next((event for event in self._boot() if isinstance(event, ev.ApiMoved)), None)

    @property
    def started(self) -> ev.ActorStarted | None:
        """The start; None where the process died before it, or it is not in the slice."""
        return next((event for event in self._boot() if isinstance(event, ev.ActorStarted)), None)

    def _boot(self) -> Iterable[ev.Event]:
        for found in self.steps:
            if type(found.event) not in _BOOT:
                return
            yield found.event


def lives(steps: Iterable[Step]) -> list[Life]:
    """The processes, one after the other; a declared gap stands for itself."""
    found: list[list[Step]] = []
    for current in steps:
        if not found or _is_another(found[-1][-1].event, current.event):
            found.append([])
        found[-1].append(current)
    return [Life(tuple(life)) for life in found]


def _is_another(before: ev.Event, event: ev.Event) -> bool:
    if isinstance(before, ev.GapDeclared | ev.ActorStopped) or isinstance(event, ev.GapDeclared):
        return True
    rank, rank_before = _BOOT.get(type(event)), _BOOT.get(type(before))
    if rank is None:
        return False
    return rank_before is None or (rank_before >= rank and not rank_before == rank == 0)
