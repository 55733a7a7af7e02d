"""Whether decisions came when this build would have made them. Pure; all it knows of time is what records say.

A host's clock may be set, so where it is seen to go back nothing is concluded; and set back by less than a wait lasts,
it is not seen. Set ahead, it looks like a silence: one that is longer than any window, or behind which the decision is
made at once, proves nothing. Being late proves little: a process may have been stopped or killed. Three things do prove
something: a wait that ended too early before any of its kind has lasted, a decision due at once that did not come while
other things went on, and waits of one kind of which the shortest are all too long by the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from actor.machine.state import Window
from events import catalogue as ev
from events import effects as ef
from events.journal import Record

__all__ = ["Since", "Wait", "Waits"]

# A decision that is due at once is recorded within milliseconds.
_AT_ONCE_MS: Final = 5_000
# A process that records nothing for longer, and for two windows, slept, or its clock was set ahead.
_SILENCE_MS: Final = 3_600_000
_BLOCK_MS: Final = 12_000
# Clocks of one host run differently fast, and the journal's milliseconds are rounded.
_CLOCK_MS: Final = 50
_CLOCK_SHARE: Final = 0.01
# So many waits that are longer by the same tell of another rule: a busy machine is late by one thing and another.
_SEVERAL: Final = 3
_LATE_MS: Final = 200
_LATE_SHARE: Final = 0.1
# Behind these, the first submission in a window waits until the API has told of it twice.
_UNCONFIRMED: Final = (ev.ActorStarted, ev.WindowsRevised)


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """From which record on a decision was wanted without a break in one process.

    Attributes:
        seq: The record.
        at_ms: Its time, or the time after the clock was set back.
        steady: The clock was not seen to go back since.
        passed_over: Something else was recorded behind a silence meanwhile, during which the clock may have been set.
    """

    seq: int
    at_ms: int
    steady: bool = True
    passed_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """All waits of one kind, those aside that a start interrupted.

    Attributes:
        behind: What was waited after.
        seq: The record that ended the first of the shortest ones.
        at_ms: Its time.
        wait_s: How long this build waits.
        least_late_ms: By how much the shortest one was longer.
        alike: How many were about as long as the shortest.
    """

    behind: str
    seq: int
    at_ms: int
    wait_s: float
    least_late_ms: int
    alike: int = 1

    @property
    def tolerance_ms(self) -> float:
        """What a machine is late by when it is not busy."""
        return _LATE_MS + _LATE_SHARE * self.wait_s * 1000

    @property
    def is_late(self) -> bool:
        """Whether they tell of longer waits."""
        return self.alike >= _SEVERAL and self.least_late_ms > self.tolerance_ms

    def with_another(self, other: Wait) -> Wait:
        """Both taken together; ``other`` came later."""
        if other.least_late_ms < self.least_late_ms - self.tolerance_ms:
            return other
        if other.least_late_ms > self.least_late_ms + self.tolerance_ms:
            return self
        return replace(self, alike=self.alike + 1, least_late_ms=min(self.least_late_ms, other.least_late_ms))


class Waits:
    """The decisions that this build wants, and since when."""

    def __init__(self) -> None:
        self._since: dict[ef.Effect, Since] = {}
        self._at_ms = 0
        self._behind = ""
        self._confirmed: int | None = None  # the window in which something was sent
        self._ended: dict[str, Wait] = {}
        self._build = ""
        self._lasted: set[tuple[str, float]] = set()

    def begin(self, event: ev.Event | None = None) -> None:
        """A process takes the journal, or, without an event, nothing is known of what is waited for."""
        self._since.clear()
        if isinstance(event, ev.ActorStarted) and event.build != self._build:
            self._build = event.build
            self._lasted.clear()

    def note(self, event: ev.Event | None, done: ef.Effect | None, record: Record, wanted: Iterable[ef.Effect]) -> None:
        """Take down the decisions that are wanted after ``record``, by which ``done`` is over."""
        if isinstance(event, ev.SubmissionStarted):
            self._confirmed = event.window
        elif isinstance(event, _UNCONFIRMED):
            self._confirmed = None
        if isinstance(event, ev.SubmissionFailed):
            self._behind = f"attempt {event.attempt} of a post"
        elif isinstance(event, ev.EffectCrashed):
            self._behind = "a crash"
        at_ms = record.at_ms
        if at_ms < self._at_ms:
            self._since = {
                effect: Since(seq=since.seq, at_ms=at_ms, steady=False) for effect, since in self._since.items()
            }
        if done is not None:
            self._since.pop(done, None)
        for effect, since in self._since.items():
            if _is_due(effect, since.at_ms) and at_ms - since.at_ms > _AT_ONCE_MS:
                self._since[effect] = replace(since, at_ms=at_ms, passed_over=True)
        self._at_ms = at_ms
        fresh = Since(seq=record.seq, at_ms=at_ms)
        self._since = {effect: self._since.get(effect, fresh) for effect in wanted if isinstance(effect, ef.DECISIONS)}

    def too_early(self, effect: ef.Effect, at_ms: int) -> int | None:
        """Milliseconds by which this build would have waited longer before it made a decision at ``at_ms``.

        None as well where the build that wrote the journal is known to wait as long: then it was the clock.
        """
        since, due_ms = self._since.get(effect), _due_ms(effect)
        if since is None or due_ms is None or not since.steady or at_ms < self._at_ms:
            return None
        if isinstance(effect, ef.EndBackoff):
            if (self._behind, effect.wait_s) in self._lasted:
                return None
            due_ms = min(due_ms, since.at_ms + round(effect.wait_s * 1000))
        tolerance_ms = _CLOCK_MS + _CLOCK_SHARE * (at_ms - since.at_ms)
        return due_ms - at_ms if due_ms - at_ms > tolerance_ms else None

    def ended(self, effect: ef.EndBackoff, record: Record) -> None:
        """A timed backoff was ended; one that another process began proves nothing."""
        since, at_ms = self._since.get(effect), record.at_ms
        if self.too_early(effect, at_ms) is None and since is not None and since.steady and at_ms >= self._at_ms:
            self._lasted.add((self._behind, effect.wait_s))
        began = None if since is None else since.at_ms + round(effect.wait_s * 1000)
        if since is None or began != effect.due_ms or not since.steady or at_ms < self._at_ms:
            return
        wait = Wait(
            behind=self._behind,
            seq=record.seq,
            at_ms=at_ms,
            wait_s=effect.wait_s,
            least_late_ms=at_ms - effect.due_ms,
        )
        known = self._ended.get(wait.behind)
        self._ended[wait.behind] = wait if known is None else known.with_another(wait)

    def missing(
        self,
        done: ef.Effect | None,
        at_ms: int,
        *,
        still_wanted: Callable[[], Iterable[ef.Effect]],
        window: Window | None,
    ) -> tuple[ef.Effect, Since] | None:
        """A decision that was due at once and long ago when something else, ``done``, was recorded at ``at_ms``.

        Args:
            done: The effect that the record is the outcome of.
            at_ms: The record's time.
            still_wanted: Which effects are wanted behind it.
            window: The one worked on: something was sent in it, or nothing is missing; a process that lives records
                something in each window.
        """
        window_ms = 0 if window is None else window.blocks * _BLOCK_MS
        if at_ms - self._at_ms > max(_SILENCE_MS, 2 * window_ms):
            return None
        for effect, since in self._since.items():
            if isinstance(effect, ef.StartSubmission) and self._confirmed != (
                None if window is None else window.number
            ):
                continue
            if effect == done or not _is_due(effect, since.at_ms) or at_ms - since.at_ms <= _AT_ONCE_MS:
                continue
            if since.passed_over or effect not in still_wanted():
                return effect, since
        return None

    def late(self) -> tuple[Wait, ...]:
        """Kinds of waits that were too long."""
        return tuple(wait for wait in self._ended.values() if wait.is_late)


def _due_ms(effect: ef.Effect) -> int | None:
    return effect.due_ms if isinstance(effect, ef.EndBackoff | ef.AbandonPost) else None


def _is_due(effect: ef.Effect, at_ms: int) -> bool:
    """Whether the decision falls in the moment in which it is wanted."""
    if isinstance(effect, ef.AbandonPost):
        return effect.due_ms <= at_ms
    return isinstance(effect, ef.HoldWindow | ef.StartSubmission | ef.SignCheckpoint)
