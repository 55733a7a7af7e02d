"""Which effect an outcome belongs to, and whether this build wanted it. Pure.

The runtime handles answers in the order in which they come, so an answer may stand behind a record that called its
effect off. Decisions are another matter: they count only while they are wanted (``events.effects.DECISIONS``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actor.machine import State, wanted
from audit.differences import ABSENT, Difference, differences
from events import catalogue as ev
from events import effects as ef

__all__ = ["Asked", "has_effect", "is_outcome", "outcome_differences"]

# An outcome's effect, and which of the effect's fields stands in which of the event's.
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
# An effect that was called off may still answer behind so many records.
_LATE_RECORDS: Final = 100


class Asked:
    """What this build wants, and wanted a short while ago."""

    def __init__(self) -> None:
        self.wanted: tuple[ef.Effect, ...] = ()
        self._recent: dict[ef.Effect, int] = {}

    def begin(self) -> None:
        """A process takes the journal: nothing is in flight."""
        self.wanted = ()
        self._recent.clear()

    def note(self, state: State, seq: int) -> None:
        """Take down what is wanted after record ``seq``."""
        self.wanted = wanted(state)
        self._recent.update(dict.fromkeys(self.wanted, seq))
        if len(self._recent) > 2 * _LATE_RECORDS:
            self._recent = {effect: last for effect, last in self._recent.items() if last >= seq - _LATE_RECORDS}

    def behind(self, event: ev.Event) -> ef.Effect | None:
        """The effect whose outcome ``event`` is; None when this build did not want one."""
        found = next((effect for effect in self.wanted if is_outcome(event, effect)), None)
        if found is not None or _is_decision(event):
            return found
        return next((effect for effect in reversed(self._recent) if is_outcome(event, effect)), None)

    def nearest(self, event: ev.Event) -> ef.Effect | None:
        """The wanted effect that is most like the one behind ``event``."""
        kind = _effect_of(event)[0]
        alike = [effect for effect in self.wanted if kind is not None and isinstance(effect, kind)]
        same_post = [effect for effect in alike if getattr(effect, "post_id", None) == getattr(event, "post_id", None)]
        return next(iter(same_post or alike), None)


def has_effect(event: ev.Event) -> bool:
    """Whether such an event is always the outcome of an effect."""
    return isinstance(event, ev.EffectCrashed) or _effect_of(event)[0] is not None


def is_outcome(event: ev.Event, effect: ef.Effect) -> bool:
    """Whether ``event`` is what comes of ``effect``."""
    if isinstance(event, ev.EffectCrashed):
        return ef.effect_key(effect) == event.effect
    if isinstance(event, ev.PostAbandoned) and isinstance(effect, ef.StartSubmission):
        return (event.post_id, event.reason) == (effect.post_id, "too old")
    kind, told = _effect_of(event)
    return type(effect) is kind and all(getattr(effect, name) == getattr(event, of) for name, of in told.items())


def outcome_differences(event: ev.Event, effect: ef.Effect | None) -> tuple[Difference, ...]:
    """The effect that ``event`` is the outcome of beside the one that this build wants."""
    kind, told = _effect_of(event)
    name = event.effect if isinstance(event, ev.EffectCrashed) else "" if kind is None else kind.__name__
    if effect is None:
        return (Difference(path="effect", expected=name, actual=ABSENT),)
    return differences(
        {"effect": name, **{field: getattr(event, of) for field, of in told.items()}},
        {"effect": type(effect).__name__, **{field: getattr(effect, field) for field in told}},
    )


def _effect_of(event: ev.Event) -> tuple[type | None, Mapping[str, str]]:
    """The class of the effect behind ``event``, and the fields to compare; None for what is no effect's outcome."""
    if isinstance(event, ev.WindowOpened):
        return (ef.PollStatus if event.source == "status" else ef.SubmitPost), {}
    no_effect: tuple[Any, Mapping[str, str]] = (None, {})
    return _OUTCOMES.get(type(event), no_effect)


def _is_decision(event: ev.Event) -> bool:
    return _effect_of(event)[0] in ef.DECISIONS
