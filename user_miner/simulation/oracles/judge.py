"""All oracles over one simulation, in order of time: arrivals first, then the record that became durable after them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from actor.machine import INITIAL, State
from events.catalogue import EVENTS, ActorStarted, Event
from events.journal import Record
from sandbox.services import Ledger, World
from user_miner.simulation.damage import damaged_copies
from user_miner.simulation.oracles.believing import Believed, SearchesSpaced
from user_miner.simulation.oracles.folding import CheckpointsVouch, FoldAtEveryRecord, Legible, readers
from user_miner.simulation.oracles.keeping import Abandoned, Answered, Dated, Heard, Rested, Understood, XBudget
from user_miner.simulation.oracles.oracle import ARRIVALS, BEFORE_START, Oracle, Told
from user_miner.simulation.oracles.paying import AuthorsOnce, ChatsOnce, Held, SearchesOnce
from user_miner.simulation.oracles.reading import NoneLeftBehind, NoneTooMany
from user_miner.simulation.oracles.sending import Attempts, FreshSignatures, NoneAfterVerdict, QuietAfterLimit, Quota
from user_miner.simulation.oracles.usage import HealthyWindows
from user_miner.simulation.plan import Outcome, Plan, Violation
from user_miner.simulation.runner import simulate

__all__ = ["Judge", "Oracles", "judged"]

_ORACLES: Final[tuple[type[Oracle], ...]] = (
    Quota,
    NoneAfterVerdict,
    FreshSignatures,
    QuietAfterLimit,
    Attempts,
    SearchesOnce,
    AuthorsOnce,
    ChatsOnce,
    Held,
    CheckpointsVouch,
    HealthyWindows,
    Heard,
    Understood,
    Answered,
    Rested,
    Abandoned,
    Dated,
    XBudget,
    Believed,
    SearchesSpaced,
    NoneLeftBehind,
    NoneTooMany,
)
_Hear: TypeAlias = Callable[..., Iterable[Violation]]
_DEEP_SHARE: Final = 0.0625  # of the seeds: what costs as much as the rest together
_ENOUGH: Final = 20  # what follows from the first violations tells nothing new


class Judge(Protocol):
    """Runs a plan, and says what is wrong with it; `judged` is the one that believes the world's ledger."""

    def __call__(self, plan: Plan, *, deep: bool | None = None) -> Outcome:
        """See `judged`."""


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
        self._hear: dict[type[Event], list[_Hear]] = {}
        self._see: dict[type[Any], list[_Hear]] = {}
        self._last: Told | None = None
        self._life = 0
        self._read = 0

    def watch(self, record: Record, event: Event, state: State, world: World, at_s: float) -> list[Violation]:
        """Judge what arrived since the record before, then this record."""
        try:
            return self._judge(record, event, state, world, at_s)
        except Exception as error:  # noqa: BLE001  (whoever calls would swallow it)
            return [Violation(rule="oracle", text=f"{type(error).__name__}: {error}", seq=record.seq)]

    def end(self, outcome: Outcome) -> list[Violation]:
        found: list[Violation] = []
        if not outcome.gaps:
            found += self._arrivals(outcome.ledger)
            for oracle in self._oracles:
                found += oracle.end(outcome, self._last)
        return [*found, *readers(outcome)] if self._deep else found

    def _judge(self, record: Record, event: Event, state: State, world: World, at_s: float) -> list[Violation]:
        if not self._oracles:
            self._begin(world)
        found = self._arrivals(world.ledger)
        if isinstance(event, ActorStarted):
            self._life = event.pid
        life = self._life + 1 if isinstance(event, BEFORE_START) else self._life
        before = INITIAL if self._last is None else self._last.after
        told = Told(record, event, before, state, at_s=at_s, life=life)
        for hear in self._hear[type(event)]:
            found += hear(told)
        self._last = told
        return found

    def _begin(self, world: World) -> None:
        kinds = (*_ORACLES, Legible, FoldAtEveryRecord) if self._deep else _ORACLES
        self._oracles = [kind(world) for kind in kinds]
        listeners = self._having("told")
        self._hear = {kind: [o.told for o in listeners if not o.EVENTS or kind in o.EVENTS] for kind in EVENTS.values()}
        self._see = {kind: [getattr(o, name) for o in self._having(name)] for kind, name in ARRIVALS.items()}

    def _having(self, method: str) -> list[Oracle]:
        """The oracles that have this method of their own."""
        return [o for o in self._oracles if getattr(type(o), method) is not getattr(Oracle, method)]

    def _arrivals(self, ledger: Ledger) -> list[Violation]:
        found: list[Violation] = []
        if len(ledger.arrivals) == self._read:
            return found
        fresh, self._read = ledger.arrivals[self._read :], len(ledger.arrivals)
        for arrival in fresh:
            for see in self._see[type(arrival)]:
                found += see(arrival, self._last)
        return found
