"""All oracles over one simulation, in order of time: arrivals first, then the record that became durable after them."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Final

from actor.machine import INITIAL, State
from actor.simulation.damage import damaged_copies
from actor.simulation.oracles.folding import FoldAtEveryRecord, Vouched, readers
from actor.simulation.oracles.keeping import Abandoned, Answered, Budget, Heard, Rested
from actor.simulation.oracles.oracle import Arrival, Oracle, Told
from actor.simulation.oracles.paying import ChatsOnce, SearchesOnce
from actor.simulation.oracles.sending import Attempts, FreshSignatures, NoneAfterVerdict, QuietAfterLimit, Quota
from actor.simulation.oracles.usage import HealthyWindows
from actor.simulation.outcome import Outcome, Violation
from actor.simulation.plan import Plan
from actor.simulation.runner import simulate
from events.catalogue import ActorStarted
from events.journal import Record
from sandbox.world import Ledger, World

__all__ = ["Oracles", "judged"]

_ORACLES: Final[tuple[type[Oracle], ...]] = (
    Quota,
    NoneAfterVerdict,
    FreshSignatures,
    QuietAfterLimit,
    Attempts,
    SearchesOnce,
    ChatsOnce,
    Vouched,
    HealthyWindows,
    Heard,
    Answered,
    Rested,
    Abandoned,
    Budget,
)
_DEEP_SHARE: Final = 0.125  # of the seeds: what costs as much as the rest together
_ENOUGH: Final = 20  # what follows from the first violations tells nothing new


def judged(plan: Plan, *, deep: bool | None = None) -> Outcome:
    """Run a plan under all oracles.

    Args:
        plan: What to run.
        deep: Also fold at every record, let the audit and the check read the journal, and damage copies of it; None
            for a share of the seeds.
    """
    if deep is None:
        deep = random.Random(f"{plan.seed}:deep").random() < _DEEP_SHARE  # noqa: S311  (repeatable by intent)
    oracles, damages, found = Oracles(deep=deep), Counter[str](), list[Violation]()

    def damage(directory: Path) -> None:
        found.extend(damaged_copies(directory, plan.seed, damages))

    outcome = simulate(plan, watch=oracles.watch, at_end=damage if deep else None)
    violations = (*outcome.violations, *oracles.end(outcome), *found)[:_ENOUGH]
    return replace(outcome, violations=violations, damages=damages)


class Oracles:
    """The oracles of one simulation.

    Args:
        deep: With those that cost as much as all the others together.
    """

    def __init__(self, *, deep: bool) -> None:
        self._deep = deep
        self._oracles: list[Oracle] = []
        self._last: Told | None = None
        self._life = 0
        self._read = [0, 0, 0, 0]

    def watch(self, record: Record, state: State, world: World, at_s: float) -> list[Violation]:
        """Judge what arrived since the record before, then this record."""
        try:
            return self._judge(record, state, world, at_s)
        except Exception as error:  # noqa: BLE001  (whoever calls would swallow it)
            return [Violation(rule="oracle", text=f"{type(error).__name__}: {error}", seq=record.seq)]

    def end(self, outcome: Outcome) -> list[Violation]:
        """Judge the rest."""
        found: list[Violation] = []
        if not outcome.gaps:
            found += self._arrivals(outcome.ledger)
            for oracle in self._oracles:
                found += oracle.end(outcome, self._last)
        return [*found, *readers(outcome)] if self._deep else found

    def _judge(self, record: Record, state: State, world: World, at_s: float) -> list[Violation]:
        if not self._oracles:
            kinds = (*_ORACLES, FoldAtEveryRecord) if self._deep else _ORACLES
            self._oracles = [kind(world) for kind in kinds]
        found = list(self._arrivals(world.ledger))
        event = record.event()
        if isinstance(event, ActorStarted):
            self._life = event.pid
        before = INITIAL if self._last is None else self._last.after
        told = Told(record=record, event=event, before=before, after=state, at_s=at_s, life=self._life)
        for oracle in self._oracles:
            found += oracle.told(told)
        self._last = told
        return found

    def _arrivals(self, ledger: Ledger) -> Iterator[Violation]:
        for arrival in self._new(ledger):
            for oracle in self._oracles:
                yield from oracle.arrived(arrival, self._last)

    def _new(self, ledger: Ledger) -> Iterable[Arrival]:
        """What is new in the ledger, in the order of arrival."""
        books: tuple[list[Arrival], ...] = (ledger.statuses, ledger.submissions, ledger.searches, ledger.chats)  # type: ignore[assignment]
        fresh = []
        for at, entries in enumerate(books):
            if len(entries) > self._read[at]:
                fresh.append(entries[self._read[at] :])
                self._read[at] = len(entries)
        return fresh[0] if len(fresh) == 1 else heapq.merge(*fresh, key=attrgetter("at_s"))
