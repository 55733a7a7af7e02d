"""The settings with which simulated processes start: the usual ones, and others that an operator may change to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from events.catalogue import Policy
from events.codec import changed
from sandbox.world import Draw, Habits

__all__ = ["policy_of"]

_SHORTEST_POLL_S: Final = 30.0
_LONGEST_POLL_S: Final = 120.0
_POLLS_PER_WINDOW: Final = 5
_BLOCK_S: Final = 12.0
_HOLDING: Final = 0.4  # of the processes have posts wait that the model's server refuses

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


def policy_of(habits: Habits, draw: Draw, move: Draw) -> Policy:
    """What a process starts with in a world of these habits.

    Args:
        habits: The world's.
        draw: Whether, and which, settings differ from the usual ones.
        move: Whether the API was moved; an operator takes less of the new one at first.
    """
    window_s = habits.blocks_per_window * _BLOCK_S
    usual = Policy(
        blocks_per_window=habits.blocks_per_window,
        max_submissions_per_window=habits.quota,
        poll_interval_s=min(_LONGEST_POLL_S, max(_SHORTEST_POLL_S, window_s / _POLLS_PER_WINDOW)),
    )
    if draw.share < _HOLDING:
        usual = changed(usual, on_analysis_error="hold")
    if move.kind:
        usual = changed(usual, max_submissions_per_window=1)
    return _OTHERS[int(draw.amount * len(_OTHERS))](usual) if draw.kind else usual
