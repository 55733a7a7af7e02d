"""Bugs that are planted in the machine are found by the exploration, each by the shortest way there is."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.simulation.planted import PLANTED
from tests.simulation.planted_build import planted_build
from user_miner.explore.moves import Bounds
from user_miner.explore.search import explore

_CRASH: Final = Bounds(windows=2, posts=1, attempts=2, crashes=1)
# A window may be told too early, and taken back.
_EARLY: Final = Bounds(windows=2, posts=1, attempts=1, crashes=0, troubles=1)
_EARLY_TWICE_SENT: Final = Bounds(windows=2, posts=1, attempts=2, crashes=0, troubles=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """Which promise a bug breaks first, and by how many steps."""

    rule: str
    steps: int
    bounds: Bounds = _CRASH


# Counted steps that must be taken: no shorter way exists, for the search goes breadth first.
WAYS: Final = {
    "a search that a crash cut off is not made again": _Way(rule="I9", steps=3),
    "a start in mid-window searches again": _Way(rule="I3", steps=3),
    "a start forgets analyses, and their answers": _Way(
        rule="I3", steps=4, bounds=Bounds(windows=1, posts=2, attempts=2, crashes=1)
    ),
    "chosen posts are not remembered": _Way(rule="I2", steps=5),
    "a rejected post is sent again": _Way(rule="I4", steps=5),
    "posts put off are lost when the next window opens": _Way(rule="I4", steps=7),
    "a 429 puts off its post alone": _Way(rule="I6", steps=7),
    "a 429 is taken for one of the newest known window": _Way(rule="I6", steps=7),
    "a start forgets the wait after a failure": _Way(rule="I7", steps=7),
    "a window that opens in a batch is forgotten when the batch ends": _Way(rule="refused", steps=8),
    "a start resets the attempts": _Way(rule="I7", steps=9),
    "an attempt counts only once it is answered": _Way(rule="I7", steps=9),
    "accepted posts are not counted": _Way(rule="I1", steps=9),
    "a post counts in the newest window, whatever the API says": _Way(rule="I1", steps=9),
    "the quota is counted by each process for itself": _Way(rule="I1", steps=10),
    "the second wait is as short as the first": _Way(
        rule="I7", steps=10, bounds=Bounds(windows=1, posts=1, attempts=3, crashes=0)
    ),
    "a 429 is forgotten once its wait has ended": _Way(rule="I6", steps=9, bounds=_EARLY),
    "a place that was counted in a window that was none is free again": _Way(rule="I1", steps=9, bounds=_EARLY),
    "a post without an answer takes no place when its window is taken back": _Way(
        rule="I1", steps=14, bounds=_EARLY_TWICE_SENT
    ),
}


def explored_with(name: str, bounds: Bounds) -> Any:
    """What the build with this bug comes to."""
    planted = next(planted for planted in PLANTED if planted.name == name)
    with planted_build(planted.changes, "user_miner.explore.search") as search:
        moves = sys.modules["user_miner.explore.moves"]
        sizes = {field: getattr(bounds, field) for field in Bounds.__dataclass_fields__}
        return search.explore(moves.Bounds(**sizes), "default")


@pytest.mark.parametrize("name", WAYS)
def test_a_planted_bug_is_found_by_the_shortest_way(name: str) -> None:
    """The promise, and the number of steps."""
    way = WAYS[name]
    trace = explored_with(name, way.bounds).trace
    assert trace is not None
    assert (trace.rule, len(trace.steps) - 1) == (way.rule, way.steps), [what for what, _ in trace.steps]


@pytest.mark.parametrize("bounds", {way.bounds for way in WAYS.values()}, ids=str)
def test_the_real_build_keeps_its_promises_within_the_same_bounds(bounds: Bounds) -> None:
    """To the end."""
    assert explore(bounds, "default").is_whole
