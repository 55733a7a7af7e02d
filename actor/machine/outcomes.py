"""Which effect an event is the outcome of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from events import catalogue as ev
from events import effects as ef

__all__ = ["has_effect", "is_outcome"]

# For each event the effect that it answers, and which field of the effect equals which field of the event.
_OUTCOMES: Final[Mapping[type, tuple[type, Mapping[str, str]]]] = {
    ev.PostsScraped: (ef.ScrapeWindow, {"window": "window", "count": "wanted"}),
    ev.ScrapeFailed: (ef.ScrapeWindow, {"window": "window"}),
    ev.BudgetSpent: (ef.HoldWindow, {"window": "window"}),
    ev.PostAnalyzed: (ef.AnalyzePost, {"post_id": "post_id"}),
    ev.AnalysisFailed: (ef.AnalyzePost, {"post_id": "post_id"}),
    ev.SubmissionStarted: (ef.StartSubmission, {"post_id": "post_id", "attempt": "attempt"}),
    ev.SubmissionAccepted: (ef.SubmitPost, {"post_id": "post_id"}),
    ev.SubmissionRejected: (ef.SubmitPost, {"post_id": "post_id"}),
    ev.SubmissionFailed: (ef.SubmitPost, {"post_id": "post_id", "attempt": "attempt"}),
    ev.RateLimited: (ef.SubmitPost, {"post_id": "post_id"}),
    ev.BackoffElapsed: (ef.EndBackoff, {}),
    ev.PostAbandoned: (ef.AbandonPost, {"post_id": "post_id", "reason": "reason"}),
    ev.CheckpointSigned: (ef.SignCheckpoint, {}),
    ev.ApiUnreachable: (ef.PollStatus, {}),
    ev.ApiRecovered: (ef.PollStatus, {}),
    ev.ConfigMismatched: (ef.PollStatus, {}),
    ev.WindowsRevised: (ef.PollStatus, {}),
}


def has_effect(event: ev.Event) -> bool:
    """Whether such an event is always the outcome of an effect."""
    return isinstance(event, ev.EffectCrashed) or _effect_of(event)[0] is not None


def is_outcome(event: ev.Event, effect: ef.Effect) -> bool:
    """Whether ``event`` can be the outcome of ``effect``."""
    if isinstance(event, ev.EffectCrashed):
        return ef.effect_key(effect) == event.effect
    if isinstance(event, ev.PostAbandoned) and isinstance(effect, ef.StartSubmission):
        return (event.post_id, event.reason) == (effect.post_id, "too old")
    kind, told = _effect_of(event)
    return type(effect) is kind and all(getattr(effect, name) == getattr(event, of) for name, of in told.items())


def _effect_of(event: ev.Event) -> tuple[type | None, Mapping[str, str]]:
    """The class of the effect behind ``event``, and the fields to compare; None for what is no effect's outcome."""
    if isinstance(event, ev.WindowOpened):
        return (ef.PollStatus if event.source == "status" else ef.SubmitPost), {}
    no_effect: tuple[Any, Mapping[str, str]] = (None, {})
    return _OUTCOMES.get(type(event), no_effect)


def _is_decision(event: ev.Event) -> bool:
    return _effect_of(event)[0] in ef.DECISIONS
