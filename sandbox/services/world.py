"""The world as a whole: three servers, one chain, one ledger, one weather. Whoever carries requests brings the time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sandbox.services.api import Api
from sandbox.services.chain import SimulatedChain
from sandbox.services.ledger import Arrival, Ledger
from sandbox.services.llm import Llm
from sandbox.services.llm_model import guess
from sandbox.services.llm_personalities import TERSE
from sandbox.services.simulated import SimulatedApi, SimulatedLlm, SimulatedX
from sandbox.services.x import RequestQuota, X
from sandbox.services.x_posts import Posts, plain_search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.services.api_auth import Verify
    from sandbox.services.disturbance import Draw, Weather
    from sandbox.services.message import Answer, Request

__all__ = ["EPOCH_S", "Habits", "World"]

EPOCH_S: Final = 1_795_357_925.0  # 2026-11-22T14:32:05Z
_POSTS_PER_WINDOW: Final = 6.0
_WINDOW_BLOCKS: Final = (100, 100, 50, 20, 10, 5)
_QUOTAS: Final = (5, 5, 3, 2, 1)
_FORMATS: Final = (
    frozenset({"json_schema", "json_object"}),
    frozenset({"json_schema", "json_object"}),
    frozenset({"json_object"}),
    frozenset[str](),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What this world is like, for as long as it lasts.

    Attributes:
        blocks_per_window: At the beginning.
        quota: Posts for each window at the beginning.
        enforces_quota: The API answers 429 once a window is full; otherwise nothing but the miner keeps to it.
        checks_replays: The API refuses a signature that it saw before.
        formats: Response formats that the model takes.
        posts_per_window: New posts at X.
        slowness: How many times the usual latency every way takes.
        tells_quota: The API names its quota in a success, too.
    """

    blocks_per_window: int
    quota: int
    enforces_quota: bool
    checks_replays: bool
    formats: frozenset[str]
    posts_per_window: float
    slowness: float
    tells_quota: bool

    @classmethod
    def drawn(cls, seed: int) -> Habits:
        """Those of a seed."""
        rng = random.Random(f"{seed}:habits")  # noqa: S311  (repeatable by intent)
        return cls(
            blocks_per_window=rng.choice(_WINDOW_BLOCKS),
            quota=rng.choice(_QUOTAS),
            enforces_quota=rng.random() < 0.5,  # noqa: PLR2004
            checks_replays=rng.random() < 0.5,  # noqa: PLR2004
            formats=rng.choice(_FORMATS),
            posts_per_window=_POSTS_PER_WINDOW * rng.choice((0.3, 1.0, 1.0, 1.5)),
            slowness=rng.choice((1.0, 1.0, 1.0, 1.0, 1.0, 7.0)),
            tells_quota=rng.random() < 0.5,  # noqa: PLR2004
        )


class World:
    """Everything outside the miner.

    Args:
        seed: Of texts and habits.
        weather: What goes wrong.
        verify: Checks the miner's signatures.
        habits: None for those of the seed.

    Attributes:
        ledger: The books.
        chain: The blocks.
        weather: What goes wrong.
        habits: What it is like.
        epoch_s: Unix seconds at which it begins.
    """

    def __init__(self, seed: int, weather: Weather, *, verify: Verify, habits: Habits | None = None) -> None:
        self.habits = habits = habits or Habits.drawn(seed)
        self.weather = weather
        self.ledger = Ledger()
        self.epoch_s = EPOCH_S
        self.chain = SimulatedChain(
            weather,
            blocks_per_window=habits.blocks_per_window,
            quota=habits.quota,
            steady_quota=not habits.enforces_quota,
        )
        api = Api(
            self.chain,
            self.ledger,
            verify=verify,
            enforces_quota=habits.enforces_quota,
            checks_replays=habits.checks_replays,
            tells_quota=habits.tells_quota,
        )
        spacing_s = self.chain.period_s / habits.posts_per_window
        posts = Posts(seed, epoch_s=self.epoch_s, spacing_s=spacing_s, before=12)
        self.ledger.versions = posts.versions
        x = X(posts, token=None, parse=plain_search, quota=RequestQuota(), usage_quota=RequestQuota())
        llm = Llm(formats=habits.formats, models=None, key=None, like=TERSE, think=guess, wraps=False)
        asked_api = SimulatedApi(api, self.chain, self.ledger, epoch_s=self.epoch_s)
        self._servers: Mapping[str, Callable[[Draw, Request, float], tuple[Answer, Arrival]]] = {
            "api.status": asked_api.status,
            "api.submit": asked_api.submit,
            "x.search": SimulatedX(x, self.ledger, epoch_s=self.epoch_s).search,
            "llm.chat": SimulatedLlm(llm, self.ledger, weather=weather, period_s=self.chain.period_s).chat,
        }

    def arrive(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Arrival]:
        """A request reaches its server: what it answers, and the entry in the books."""
        return self._servers[request.place](draw, request, now_s)
