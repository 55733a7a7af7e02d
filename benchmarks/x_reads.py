"""What X costs for each accepted post, under the settings that save reads: simulated days in which nothing goes wrong.

    python -m benchmarks.x_reads [--windows N] [--seeds N] [--json]

A window takes 5 posts and has 100 blocks of 12 s, as by default; new posts come at an even pace, by 40 authors. Time is
virtual, so the figures are the same on every machine. "on record" is what the journal holds, `costs` shows and budgets
count; "billed" leaves out what X returned before on the same UTC day, by the world's own ledger.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from events.catalogue import Policy
from events.codec import changed
from events.prices import Prices, usd
from sandbox.services import Habits
from sandbox.services.world import EPOCH_S
from user_miner.simulation import Plan, simulate

__all__ = ["RATES", "VARIANTS", "Figures", "measure"]

_DAY_S: Final = 86_400
_QUOTA: Final = 5
# New posts in a window's time, from many to few.
RATES: Final = (30.0, 12.0, 10.0, 7.0, 5.0, 4.0, 2.0, 1.0, 0.5)
VARIANTS: Final[Mapping[str, Callable[[Policy], Policy]]] = {
    "default": lambda policy: policy,
    "POSTS_PER_SEARCH=10": lambda policy: changed(policy, posts_per_search=10),
    "POSTS_PER_SEARCH=20": lambda policy: changed(policy, posts_per_search=20),
    "SEARCH_SINCE_NEWEST": lambda policy: changed(policy, search_since_newest=True),
    "AUTHOR_CACHE_HOURS=24": lambda policy: changed(policy, author_cache_hours=24),
    "10 and since": lambda policy: changed(policy, posts_per_search=10, search_since_newest=True),
    "10 and 24": lambda policy: changed(policy, posts_per_search=10, author_cache_hours=24),
    "all three": lambda policy: changed(policy, posts_per_search=10, search_since_newest=True, author_cache_hours=24),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one kind of settings brought and cost at one pace, all seeds together.

    Attributes:
        windows: That were worked on.
        searches: That X answered.
        accepted: Posts.
        recorded_uusd: All that X returned, in micro-dollars.
        billed_uusd: The same without what it returned before on the same UTC day.
        abandoned: Posts that were paid for, and given up.
        by_window: For each seed, how many posts each window accepted, by the window's first block.
    """

    windows: int
    searches: int
    accepted: int
    recorded_uusd: int
    billed_uusd: int
    abandoned: int
    by_window: tuple[Mapping[int, int], ...]

    @property
    def recorded_usd(self) -> float:
        """For each accepted post."""
        return usd(self.recorded_uusd) / self.accepted

    @property
    def billed_usd(self) -> float:
        """For each accepted post."""
        return usd(self.billed_uusd) / self.accepted


def measure(settings: Callable[[Policy], Policy], posts_per_window: float, *, windows: int, seeds: int) -> Figures:
    """Run so many worlds for so many windows."""
    habits = Habits(
        blocks_per_window=100,
        quota=_QUOTA,
        enforces_quota=True,
        checks_replays=True,
        formats=frozenset({"json_schema"}),
        posts_per_window=posts_per_window,
        slowness=1.0,
        tells_quota=False,
    )
    prices, reads, by_window, totals = Prices(), list[list[_Read]](), list[Mapping[int, int]](), Counter[str]()
    for seed in range(1, seeds + 1):
        outcome = simulate(Plan(seed=seed, windows=windows, faults=frozenset()), habits=habits, settings=settings)
        searches = [search for search in outcome.ledger.searches if search.outcome == "searched"]
        looked_up = [_Read(_day(found.at_s), (), found.users) for found in outcome.ledger.lookups]
        reads.append([_Read(_day(search.at_s), search.posts, search.user_ids) for search in searches] + looked_up)
        by_window.append(Counter(found.start_block for found in outcome.ledger.acceptances.values()))
        abandoned = outcome.state.totals.abandoned
        totals += Counter(windows=outcome.windows, abandoned=abandoned, searches=len(searches))
    return Figures(
        windows=totals["windows"],
        searches=totals["searches"],
        accepted=sum(sum(found.values()) for found in by_window),
        recorded_uusd=sum(prices.x_uusd(len(read.posts), len(read.users)) for world in reads for read in world),
        billed_uusd=sum(prices.x_uusd(*_billed(world)) for world in reads),
        abandoned=totals["abandoned"],
        by_window=tuple(by_window),
    )


class _Read(NamedTuple):
    """Ids that one answer of X held, and the UTC day, in days since 1970."""

    day: int
    posts: tuple[str, ...]
    users: tuple[str, ...]


def _day(at_s: float) -> int:
    return int(EPOCH_S + at_s) // _DAY_S


def _billed(reads: list[_Read]) -> tuple[int, int]:
    """Posts and users, each once for each UTC day."""
    posts = {(read.day, post_id) for read in reads for post_id in read.posts}
    users = {(read.day, user_id) for read in reads for user_id in read.users}
    return len(posts), len(users)


def main() -> int:
    """Print a table; exit code 1 when a setting costs more than none, or fills windows less."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--windows", type=int, default=144, help="windows of each world; 72 are a day")
    parser.add_argument("--seeds", type=int, default=2, help="worlds for each figure")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="new posts in a window's time")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each figure")
    options = parser.parse_args()
    worse = 0
    if not options.json:
        print("| new posts a window | settings | accepted a window | searches a window | on record | billed |")
        print("|---|---|---|---|---|---|")
    for rate in options.rates:
        default: Figures | None = None
        for name, settings in VARIANTS.items():
            found = measure(settings, rate, windows=options.windows, seeds=options.seeds)
            default = default or found
            worse += found.recorded_usd > default.recorded_usd or found.accepted < default.accepted
            _tell(rate, name, found, default, as_json=options.json)
    return 1 if worse else 0


def _tell(rate: float, name: str, found: Figures, default: Figures, *, as_json: bool) -> None:
    told = {
        "posts_per_window": rate,
        "settings": name,
        "accepted": round(found.accepted / found.windows, 2),
        "searches": round(found.searches / found.windows, 2),
        "recorded_usd": round(found.recorded_usd, 4),
        "recorded_share": round(found.recorded_usd / default.recorded_usd, 2),
        "billed_usd": round(found.billed_usd, 4),
        "billed_share": round(found.billed_usd / default.billed_usd, 2),
        "abandoned": found.abandoned,
    }
    if as_json:
        sys.stdout.write(orjson.dumps(told).decode() + "\n")
        return
    print(
        f"| {rate:g} | {name} | {told['accepted']:.2f} | {told['searches']:.2f} "
        f"| ${told['recorded_usd']:.4f} ({told['recorded_share']:.2f}) "
        f"| ${told['billed_usd']:.4f} ({told['billed_share']:.2f}) |",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
