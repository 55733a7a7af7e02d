"""The search: breadth first from the first start, so that the first violation has the shortest trace.

A node is kept as its key, its parent and which of the parent's successors it is; a trace is made by going that way
again. Only the nodes of the level at hand are kept whole.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import get_context

from actor.machine import decode_state, encode_state
from user_miner.explore.canonical import key
from user_miner.explore.ledger import Broken, judge_end, judge_state
from user_miner.explore.moves import Bounds, Node
from user_miner.explore.world import Happened, Transition, beginning, successors

__all__ = ["Exploration", "Trace", "explore", "explore_all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A way from the first start to a broken promise.

    Attributes:
        rule: The promise.
        text: How it is broken.
        steps: What happened, step by step, each with its records; the first start comes first.
    """

    rule: str
    text: str
    steps: tuple[tuple[str, Happened], ...]


@dataclass(slots=True, kw_only=True)
class Exploration:
    """What one search reached.

    Attributes:
        policy: Name of the settings that it began with.
        states: Nodes, each once.
        transitions: Ways between them.
        depth: Steps to the farthest.
        moves: Records by event and the states that they led from and to.
        core_s: Seconds of a core that it took.
        trace: To the first violation; None where every promise holds.
        is_whole: Nothing is left to explore; else a violation or a limit ended it.
    """

    policy: str
    states: int = 0
    transitions: int = 0
    depth: int = 0
    moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    core_s: float = 0.0
    trace: Trace | None = None
    is_whole: bool = False


class _Search:
    def __init__(self, bounds: Bounds, policy: str) -> None:
        self._bounds = bounds
        self._first, self._began = beginning(bounds, policy)
        self._known: set[bytes] = set()
        self._parents = array("i")
        self._choices = array("H")
        self.found = Exploration(policy=policy)

    def run(self, most_states: int | None) -> None:
        began_core_s = time.process_time()
        found = self.found
        self._count(self._began)
        self._add(key(self._first), -1, 0)
        level = [(0, self._first)]
        while level and found.trace is None and (most_states is None or found.states < most_states):
            level = self._next(level)
            found.depth += bool(level) or found.trace is not None
            found.core_s = time.process_time() - began_core_s
        found.is_whole = not level and found.trace is None

    def _next(self, level: list[tuple[int, Node]]) -> list[tuple[int, Node]]:
        """The new nodes that one more step leads to."""
        found = self.found
        following: list[tuple[int, Node]] = []
        for number, node in level:
            own = key(node)
            before = found.transitions
            for choice, transition in enumerate(successors(node, self._bounds)):
                found.transitions += 1
                broken = transition.broken
                if transition.node is not None:
                    self._count(transition.happened)
                    name = key(transition.node)
                    if name == own:
                        broken = Broken("idle", f"{transition.what}: that changes nothing, and could go on for ever")
                    elif self._add(name, number, choice):
                        broken = _judged(transition.node)
                        following.append((found.states - 1, transition.node))
                if broken is not None:
                    found.trace = self._trace(number, transition, broken)
                    return []
            if before == found.transitions and (end := _ended(node)) is not None:
                found.trace = self._trace(number, None, end)
                return []
        return following

    def _add(self, name: bytes, parent: int, choice: int) -> bool:
        if name in self._known:
            return False
        self._known.add(name)
        self._parents.append(parent)
        self._choices.append(choice)
        self.found.states += 1
        return True

    def _count(self, happened: Happened) -> None:
        """Which rows of the table were taken."""
        for record in happened:
            self.found.moves[type(record.event).__name__, record.source, record.dest] += 1

    def _trace(self, number: int, last: Transition | None, broken: Broken) -> Trace:
        """The way to a node, gone again."""
        choices: list[int] = []
        while number:
            choices.append(self._choices[number])
            number = self._parents[number]
        node, steps = self._first, [("a first start", self._began)]
        for choice in reversed(choices):
            transition = next(islice(successors(node, self._bounds), choice, None))
            if transition.node is None:
                raise RuntimeError("a way goes elsewhere the second time: a bug in the search")
            node = transition.node
            steps.append((transition.what, transition.happened))
        if last is not None:
            steps.append((last.what, last.happened))
        return Trace(rule=broken.rule, text=broken.text, steps=tuple(steps))


def _judged(node: Node) -> Broken | None:
    try:
        judge_state(node.ledger, node.state)
        if decode_state(encode_state(node.state)) != node.state:
            raise Broken("I5", "the state is another one when it is read back as it was written")
    except Broken as broken:
        return broken
    return None


def _ended(node: Node) -> Broken | None:
    try:
        judge_end(node.ledger, node.state)
    except Broken as broken:
        return broken
    return None


def explore(bounds: Bounds, policy: str, *, most_states: int | None = None) -> Exploration:
    """Explore all that can happen within the bounds, from a start with these settings, up to the first violation.

    Args:
        bounds: How large the world is.
        policy: Name of the settings.
        most_states: Begin no further level with as many nodes or more; None for all of them.
    """
    search = _Search(bounds, policy)
    search.run(most_states)
    return search.found


def explore_all(
    bounds: Bounds, names: Sequence[str], *, jobs: int = 1, most_states: int | None = None
) -> list[Exploration]:
    """Explore from several settings, in as many processes as ``jobs`` says at most."""
    run = partial(explore, bounds, most_states=most_states)
    if min(jobs, len(names)) <= 1:
        return [run(name) for name in names]
    with ProcessPoolExecutor(min(jobs, len(names)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(run, names))
