"""Scenes in which somebody speaks to the running miner: validators judge its posts, the operator changes settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from bittensor_core import Keypair

from actor.machine.state import STATES, StateName
from events.catalogue import ScoreObserved, ValidationObserved
from tests.sample.scenes import busy_window, faults, windows
from tests.sample.stage import Stage

__all__ = ["settings_change", "validators_speak"]

_VALIDATORS: Final = tuple(Keypair.create_from_uri(uri).ss58_address for uri in ("//Bob", "//Charlie", "//Dave"))
_STRANGE: Final = "1790000000000000001"


async def validators_speak(stage: Stage) -> None:
    """Three validators score and judge, in each state of the miner; they disagree, correct and repeat themselves."""
    first, second, third = _VALIDATORS
    async for _ in _each_state(stage):
        window = stage.sandbox.window - 1
        posts = stage.accepted[-3:]
        stage.tell(_score(first, window, 0.5 + stage.random.random() / 4), _score(second, window, 0.625))
        stage.tell(*(_judgement(first, window, post_id) for post_id in posts))
        stage.tell(_judgement(second, window, posts[0]), _judgement(second, window, posts[1], code="content_mismatch"))
        stage.tell(_judgement(first, window, posts[2]))  # told before
    window, post_id = stage.sandbox.window, stage.accepted[-1]
    stage.tell(*(_judgement(third, window, told, code="post_not_found") for told in (post_id, _STRANGE)))
    await stage.pause(60)
    stage.tell(_judgement(third, window, post_id), _score(third, window - 1, 0.0))
    await windows(stage, 2)


async def settings_change(stage: Stage) -> None:
    """SIGHUP in each state of the miner: other waits, another sampling, other keywords, and all of it back."""
    turns = (
        {"poll_interval_s": 20.0},
        {"sampling": "top"},
        {"search_keywords": ("bittensor", "subtensor")},
        {"poll_interval_s": 12.0},
        {"sampling": "random", "search_keywords": ("bittensor",)},
    )
    changes = iter(turns)
    async for _ in _each_state(stage):
        change = next(changes)
        stage.settings(*(_VARIABLES[name] for name in change), **change)
    await windows(stage, 2)


_VARIABLES: Final = {
    "poll_interval_s": "POLL_INTERVAL_SECONDS",
    "sampling": "SAMPLING",
    "search_keywords": "SEARCH_KEYWORDS",
}


async def _each_state(stage: Stage) -> AsyncIterator[StateName]:
    """A window for each state, in which the miner has just come into it."""
    for state in STATES:
        await busy_window(stage)
        if state == "Backoff":
            faults(stage, "api.submit", "500")
        await stage.reached(state)
        yield state


def _score(validator: str, window: int, score: float) -> ScoreObserved:
    return ScoreObserved(
        validator=validator, start_block=window * 100, end_block=window * 100 + 100, score=score, rewards=5, penalties=0
    )


def _judgement(validator: str, window: int, post_id: str, code: str | None = None) -> ValidationObserved:
    return ValidationObserved(
        validator=validator,
        validation_id=f"val-{window}-{post_id[-4:]}",
        post_id=post_id,
        passed=code is None,
        code=code,
        reason=None if code is None else f"the live post says otherwise: {code.replace('_', ' ')}",
    )
