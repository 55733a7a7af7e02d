"""The host around one simulated process: it hands on what validators say, and its operator changes settings meanwhile.

It goes the way that a host goes, from outside of the miner's loop. What a validator says here is as good as random.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from actor.feedback import FeedbackIntake, Word, score_word, validation_word
from actor.machine.state import observation_key
from actor.runtime import Actor
from actor.testing.clock import VirtualClock
from events.catalogue import Policy, SettingsChanged
from events.codec import changed
from sandbox.services import Draw, Habits, Ledger

__all__ = ["Host", "policy_of", "saving_of"]

_VALIDATORS: Final = (
    "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
    "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y",
)
_AGAIN: Final = 0.3  # of the words are told twice
_MOST_AT_ONCE: Final = 5
_CHANGES: Final[tuple[tuple[str, Callable[[Policy], Policy]], ...]] = (
    ("LOG_LEVEL", lambda policy: policy),
    ("ON_ANALYSIS_ERROR", lambda policy: changed(policy, on_analysis_error="skip")),
    ("ON_ANALYSIS_ERROR", lambda policy: changed(policy, on_analysis_error="hold")),
    ("SUBMIT_IRRELEVANT", lambda policy: changed(policy, submit_irrelevant=not policy.submit_irrelevant)),
    ("POLL_INTERVAL_SECONDS", lambda policy: changed(policy, poll_interval_s=policy.poll_interval_s / 2)),
    ("SAMPLING", lambda policy: changed(policy, sampling="random" if policy.sampling == "top" else "top")),
    ("MAX_SEARCH_PAGES", lambda policy: changed(policy, max_search_pages=2)),
    ("MAX_X_USD_PER_DAY", lambda policy: changed(policy, max_x_usd_per_day=2.0)),
    ("MAX_X_USD_PER_DAY", lambda policy: changed(policy, max_x_usd_per_day=None)),
    ("AUTHOR_CACHE_HOURS", lambda policy: changed(policy, author_cache_hours=0 if policy.author_cache_hours else 2)),
)
# What the operator of a world that saves reads of X changes as well.
_SAVING_CHANGES: Final[tuple[tuple[str, Callable[[Policy], Policy]], ...]] = (
    ("POSTS_PER_SEARCH", lambda policy: changed(policy, posts_per_search=None)),
    ("POSTS_PER_SEARCH", lambda policy: changed(policy, posts_per_search=20)),
    (
        "SEARCH_SINCE_NEWEST",
        lambda policy: changed(policy, search_since_newest=not policy.search_since_newest),
    ),
    ("SEARCH_KEYWORDS", lambda policy: changed(policy, search_keywords=(*policy.search_keywords, "tao"))),
)


class Host:
    """What happens to one process from outside.

    Args:
        actor: The miner.
        policy: The settings with which it started.
        ledger: Of whose posts validators speak.
        clock: The host's.

    Attributes:
        promised: Keys of the words that the miner said it would record.
    """

    def __init__(self, actor: Actor, policy: Policy, ledger: Ledger, clock: VirtualClock) -> None:
        self.promised: set[str] = set()
        self._actor = actor
        self._policy = policy
        self._ledger = ledger
        self._intake = FeedbackIntake(lambda text: text, clock.elapsed_s)

    def act(self, draw: Draw) -> None:
        """Do what was drawn: "score", "validation", "settings"."""
        if draw.kind == "settings":
            self._change_settings(draw)
            return
        word = self._score(draw) if draw.kind == "score" else self._validation(draw)
        for _ in range(2 if draw.share < _AGAIN else 1):
            if self._intake.take(lambda _redact: word, self._actor.tell, self._actor.state):
                self.promised.add(observation_key(word))

    def _change_settings(self, draw: Draw) -> None:
        saves = self._policy.posts_per_search is not None or self._policy.search_since_newest
        changes = _CHANGES + _SAVING_CHANGES if saves else _CHANGES
        name, change = changes[int(draw.amount * len(changes))]
        policy, self._policy = self._policy, change(self._policy)
        if policy != self._policy or name == "LOG_LEVEL":
            settings = SettingsChanged(policy=self._policy, names=(name,))
            self._actor.change_settings(settings, llm_concurrency=1 + int(draw.share * _MOST_AT_ONCE))

    def _score(self, draw: Draw) -> Word:
        start_block = max((a.start_block for a in self._ledger.acceptances.values()), default=0)
        return score_word(
            validator=_validator(draw),
            start_block=start_block,
            end_block=start_block + 99,
            score=round(draw.amount, 1),
            rewards=None,
            penalties=int(draw.amount * 3),
        )

    def _validation(self, draw: Draw) -> Word:
        passed = draw.amount >= 0.5  # noqa: PLR2004
        return validation_word(
            validator=_validator(draw),
            validation_id=f"val-{len(self._ledger.acceptances):06}",
            post_id=next(reversed(self._ledger.acceptances), "1"),
            passed=passed,
            code=None if passed else "text_mismatch",
            reason=None,
            redact=lambda text: text,
        )


def _validator(draw: Draw) -> str:
    return _VALIDATORS[int(draw.amount * 10) % len(_VALIDATORS)]


_SHORTEST_POLL_S: Final = 30.0
_LONGEST_POLL_S: Final = 120.0
_POLLS_PER_WINDOW: Final = 5
_BLOCK_S: Final = 12.0
_CACHE_HOURS: Final = (1, 2, 24)
_HOLDING: Final = 0.4  # of the processes have posts wait that the model's server refuses
_ASKING: Final = 0.2  # of the others ask the chain how the hotkey stands

_OTHERS: Final[tuple[Callable[[Policy], Policy], ...]] = (
    lambda usual: changed(usual, on_analysis_error="skip"),
    lambda usual: changed(usual, submit_irrelevant=False),
    lambda usual: changed(usual, submit_attempts=1, max_post_age_s=2 * usual.blocks_per_window * _BLOCK_S),
    lambda usual: changed(usual, submit_attempts=2, submit_backoff_s=200.0),
    lambda usual: changed(usual, max_submissions_per_window=max(1, usual.max_submissions_per_window - 2)),
    lambda usual: changed(usual, blocks_per_window=usual.blocks_per_window * 2),
    lambda usual: changed(usual, max_carried_windows=0),
    lambda usual: changed(usual, max_post_age_s=2 * usual.blocks_per_window * _BLOCK_S),
    lambda usual: changed(usual, max_search_pages=3),
    lambda usual: changed(usual, max_x_usd_per_day=1.0, crash_backoff_s=60.0),
    lambda usual: changed(usual, poll_interval_s=10.0),
    lambda usual: changed(usual, crash_limit=1, crash_backoff_s=60.0),
)


_SAVING: Final = 0.5  # of the worlds have an operator who saves reads of X
_PER_SEARCH: Final = (None, 7, 10, 10, 20)


def saving_of(seed: int) -> Callable[[Policy], Policy]:
    """What the operator of this seed's world saves; its draws are its own, so that all else stays as it is."""
    rng = random.Random(f"{seed}:saving")  # noqa: S311  (repeatable by intent)
    if rng.random() >= _SAVING:
        return lambda policy: policy
    per_search, since_newest = rng.choice(_PER_SEARCH), rng.random() < 0.5  # noqa: PLR2004
    return lambda policy: changed(
        policy, posts_per_search=per_search, search_since_newest=since_newest or per_search is None
    )


def policy_of(habits: Habits, draw: Draw, move: Draw, authors: Draw) -> Policy:
    """What a process starts with in a world of these habits.

    Args:
        habits: The world's.
        draw: Whether, and which, settings differ from the usual ones.
        move: Whether the API was moved; an operator takes less of the new one at first.
        authors: Whether, and for how long, authors are looked up and not asked for again.
    """
    window_s = habits.blocks_per_window * _BLOCK_S
    usual = Policy(
        blocks_per_window=habits.blocks_per_window,
        max_submissions_per_window=habits.quota,
        poll_interval_s=min(_LONGEST_POLL_S, max(_SHORTEST_POLL_S, window_s / _POLLS_PER_WINDOW)),
    )
    if draw.share < _HOLDING:
        usual = changed(usual, on_analysis_error="hold")
    elif draw.share > 1 - _ASKING:
        usual = changed(usual, chain_poll_s=window_s / 2)
    if authors.kind:
        usual = changed(usual, author_cache_hours=_CACHE_HOURS[int(authors.amount * len(_CACHE_HOURS))])
    if move.kind:
        usual = changed(usual, max_submissions_per_window=1)
    return _OTHERS[int(draw.amount * len(_OTHERS))](usual) if draw.kind else usual
