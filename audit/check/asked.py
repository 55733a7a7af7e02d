"""Which effect an outcome belongs to, and whether this build wanted it. Pure.

The runtime handles answers in the order in which they come, so an answer may stand behind a record that called its
effect off. Decisions are another matter: they count only while they are wanted (``events.effects.DECISIONS``).
"""

from __future__ import annotations

from typing import Final

from actor.machine import State, wanted
from actor.machine.facts import effect_of, is_decision, is_outcome
from events import catalogue as ev
from events import effects as ef
from events.differences import ABSENT, Difference, differences

__all__ = ["WantedLately", "outcome_differences"]

# An effect that was called off may still answer behind so many records.
_LATE_RECORDS: Final = 100


class WantedLately:
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
        if found is not None or is_decision(event):
            return found
        return next((effect for effect in reversed(self._recent) if is_outcome(event, effect)), None)

    def nearest(self, event: ev.Event) -> ef.Effect | None:
        """The wanted effect that is most like the one behind ``event``."""
        kind = effect_of(event)[0]
        alike = [effect for effect in self.wanted if kind is not None and isinstance(effect, kind)]
        same_post = [effect for effect in alike if getattr(effect, "post_id", None) == getattr(event, "post_id", None)]
        return next(iter(same_post or alike), None)


def outcome_differences(event: ev.Event, effect: ef.Effect | None) -> tuple[Difference, ...]:
    """The effect that ``event`` is the outcome of beside the one that this build wants."""
    kind, told = effect_of(event)
    name = event.effect if isinstance(event, ev.EffectCrashed) else "" if kind is None else kind.__name__
    if effect is None:
        return (Difference(path="effect", expected=name, actual=ABSENT),)
    return differences(
        {"effect": name, **{field: getattr(event, of) for field, of in told.items()}},
        {"effect": type(effect).__name__, **{field: getattr(effect, field) for field in told}},
    )
