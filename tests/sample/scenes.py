"""What the scenes of the sample share: the miner's settings, and how a window passes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeAlias

from events.catalogue import Policy
from events.codec import changed
from events.prices import Prices
from tests.sample.posts import HOSTILE, written
from tests.sample.stage import Run, Stage

__all__ = ["USUAL", "Scene", "busy_window", "faults", "rare_post", "restart", "searching_for", "windows"]

Scene: TypeAlias = Callable[[Stage], Awaitable[None]]

# Tokens cost what some provider could ask for them.
_PRICES: Final = Prices(llm_usd_per_million_prompt_tokens=0.3, llm_usd_per_million_completion_tokens=1.2)
USUAL: Final = Run(api_url="http://127.0.0.1:8001", policy=Policy(prices=_PRICES))


async def windows(stage: Stage, count: int) -> None:
    """So many windows of everyday life; now and then somebody posts something odd."""
    for _ in range(count):
        await stage.until_window()
        if stage.random.random() < 0.12:
            stage.say(stage.random.choice(HOSTILE))


async def busy_window(stage: Stage, posts: int = 5) -> None:
    """A new window, and so many new posts."""
    await stage.until_window()
    stage.post(posts)


def searching_for(word: str) -> Run:
    """Who searches for a word that hardly anybody uses finds exactly the posts that a scene makes."""
    return replace(USUAL, policy=changed(USUAL.policy, search_keywords=(word,)))


async def rare_post(stage: Stage, word: str, text: str = "", *, age_s: float = 1.0) -> None:
    """A new window, and one new post with that word in it, unlike all others: none is analyzed already."""
    await stage.until_window()
    stage.say(f"{text or written(stage.random)} #{word} at block {stage.sandbox.block}", age_s=age_s)


def faults(stage: Stage, route: str, *names: str) -> None:
    """What the next requests to a route meet."""
    for name in names:
        stage.sandbox.script(route, name)


async def restart(stage: Stage, run: Run, reason: str = "SIGTERM") -> None:
    """A clean stop, and a start with these settings."""
    await stage.stop(reason)
    await stage.start(run)
