"""Settings that save reads of X, in worlds where nothing goes wrong: cheaper, and no window gets fewer posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.x_reads import VARIANTS, measure
from events.catalogue import Policy, PostsScraped
from events.codec import changed
from sandbox.services import Habits
from user_miner.simulation import Outcome, Plan, simulate

WINDOWS = 30
PLENTY = 12.0
FEW = (4.0, 1.0)


def lived(seed: int, settings: Callable[[Policy], Policy]) -> Outcome:
    """A world of this seed's habits, with a processor and a network that never fail."""
    return simulate(Plan(seed=seed, windows=WINDOWS, faults=frozenset()), habits=Habits.drawn(seed), settings=settings)


def chosen(outcome: Outcome) -> list[Any]:
    """What was chosen of what, window by window."""
    events = [record.event() for record in outcome.records if record.name == "PostsScraped"]
    return [(e.window, e.candidates, [p.id for p in e.posts]) for e in events if isinstance(e, PostsScraped)]


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("more", [{}, {"posts_per_search": 10}, {"max_search_pages": 3}], ids=["alone", "10", "pages"])
def test_r23_a_search_from_a_post_on_finds_what_one_by_time_finds(seed: int, more: dict[str, Any]) -> None:
    """Every search has the same candidates, and so every window the same posts."""
    by_time = lived(seed, lambda policy: changed(policy, **more))
    since = lived(seed, lambda policy: changed(policy, **more, search_since_newest=True))
    found = chosen(since), chosen(by_time)
    windows = min(map(len, found))  # the end may cut off the last one
    assert windows >= WINDOWS // 5  # one search may fill four of them
    assert found[0][:windows] == found[1][:windows]
    read = [sum(len(search.posts) for search in outcome.ledger.searches[:windows]) for outcome in (since, by_time)]
    assert read[0] <= read[1]


def test_r23_half_the_reads_with_plenty_of_posts() -> None:
    """Windows are as full, and nothing that was paid for is given up."""
    default, ten = (measure(VARIANTS[name], PLENTY, windows=WINDOWS, seeds=1) for name in ("default", TEN))
    assert ten.accepted >= default.accepted >= 5 * WINDOWS
    assert ten.recorded_uusd <= 0.52 * default.recorded_uusd
    assert ten.abandoned == 0


TEN = "POSTS_PER_SEARCH=10"


@pytest.mark.parametrize("rate", FEW)
def test_r23_never_worse_with_few_posts(rate: float) -> None:
    """Neither dearer for each accepted post, nor with fewer of them."""
    default = measure(VARIANTS["default"], rate, windows=WINDOWS, seeds=1)
    for name, settings in VARIANTS.items():
        found = measure(settings, rate, windows=WINDOWS, seeds=1)
        assert found.recorded_usd <= default.recorded_usd, name
        assert found.accepted >= default.accepted, name
