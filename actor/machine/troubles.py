"""What the state keeps for alarms: what is refused for a reason that no waiting mends, and how long windows were used.

Nothing here decides what the machine does; ``actor.machine.alarms`` says what of it rings. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import UNSET

from actor.machine.state import State, Trouble
from events import catalogue as ev
from events.codec import changed

__all__ = ["X_REFUSALS", "begin_trouble", "end_troubles", "note_trouble"]

# Kinds of ScrapeFailed and AuthorLookupFailed that the operator's X account is the reason of. A change of what is
# noted raises _FOLD.
X_REFUSALS: Final = frozenset({"auth", "forbidden", "credits", "usage_capped"})

_REFUSED_HOTKEY: Final = frozenset({401, 403})


def note_trouble(before: State, after: State, event: ev.Event, at_ms: int) -> State:
    """``after`` with what the event, which came in state ``before``, says of troubles."""
    note = _NOTES.get(type(event))
    if note is None:
        return after
    if type(event) in _USES:
        after = changed(after, used_until_ms=_end_ms(before, at_ms))
    return note(after, event, at_ms)


def _started(s: State, e: ev.ActorStarted, at_ms: int) -> State:
    """Windows that passed while no process ran are none that this one missed."""
    return _asked(changed(s, used_until_ms=at_ms), e, at_ms)


def _asked(s: State, e: ev.ActorStarted | ev.SettingsChanged, _at: int) -> State:
    """A trouble that nobody asks about any more would never end."""
    return end_troubles(s, "place") if e.policy.chain_poll_s is UNSET else s


def _polled(s: State, e: ev.ChainPolled, at_ms: int) -> State:
    if e.uid is None:
        return begin_trouble(s, "place", "lost", f"told at block {e.block}", at_ms)
    if e.is_at_risk:
        return begin_trouble(s, "place", "at_risk", f"uid {e.uid}, told at block {e.block}", at_ms)
    return end_troubles(s, "place")


def _moved(s: State, _e: ev.ApiMoved, _at: int) -> State:
    return end_troubles(s, "hotkey")


def _searched(s: State, _e: ev.PostsScraped, _at: int) -> State:
    return end_troubles(s, "x", "budget")


def _search_failed(s: State, e: ev.ScrapeFailed, at_ms: int) -> State:
    s = end_troubles(s, "budget")
    return begin_trouble(s, "x", e.kind, e.reason, at_ms) if e.kind in X_REFUSALS else s


def _lookup_failed(s: State, e: ev.AuthorLookupFailed, at_ms: int) -> State:
    return begin_trouble(s, "x", e.kind, e.reason, at_ms) if e.kind in X_REFUSALS else s


def _withheld(s: State, e: ev.BudgetSpent, at_ms: int) -> State:
    reason = f"${e.spent_usd:g} of ${e.limit_usd:g} spent on {e.day}, and one window may cost ${e.needed_usd:g}"
    return begin_trouble(s, "budget", e.budget, reason, at_ms)


def _verdict(s: State, _e: ev.SubmissionAccepted | ev.SubmissionRejected, _at: int) -> State:
    return end_troubles(s, "hotkey")


def _limited(s: State, _e: ev.RateLimited, _at: int) -> State:
    return s


def _attempt_failed(s: State, e: ev.SubmissionFailed, at_ms: int) -> State:
    """The last attempt at a post decides: one that was refused by some proxy on the way is made again."""
    if e.http_status not in _REFUSED_HOTKEY or e.attempt < s.policy.submit_attempts:
        return s
    return begin_trouble(s, "hotkey", str(e.http_status), e.reason, at_ms)


def _end_ms(s: State, at_ms: int) -> int:
    """When the window that is worked on ends, if its blocks take the time that they are meant to."""
    window = s.window
    return at_ms if window is None else max(at_ms, window.opened_ms + round(window.blocks * s.policy.block_s * 1000))


def begin_trouble(s: State, name: str, kind: str, reason: str, at_ms: int) -> State:
    """Note a trouble, or that one of the same kind, which keeps its beginning, is seen again after a start."""
    known = s.troubles.get(name)
    if known is None or known.kind != kind:
        window = None if s.window is None else s.window.number
        known = Trouble(kind=kind, reason=reason, window=window, since_ms=at_ms, epoch=s.epoch)
    elif known.epoch == s.epoch:
        return s
    else:
        known = changed(known, reason=reason, epoch=s.epoch)
    return changed(s, troubles={**s.troubles, name: known})


def end_troubles(s: State, *names: str) -> State:
    """Forget these."""
    if s.troubles.keys().isdisjoint(names):
        return s
    return changed(s, troubles={name: trouble for name, trouble in s.troubles.items() if name not in names})


# Something came of the window.
_USES: Final = frozenset(
    {ev.PostsScraped, ev.BudgetSpent, ev.SubmissionAccepted, ev.SubmissionRejected, ev.RateLimited}
)
_NOTES: Final[Mapping[type, Callable[[State, Any, int], State]]] = {
    ev.ActorStarted: _started,
    ev.SettingsChanged: _asked,
    ev.ChainPolled: _polled,
    ev.ApiMoved: _moved,
    ev.PostsScraped: _searched,
    ev.ScrapeFailed: _search_failed,
    ev.AuthorLookupFailed: _lookup_failed,
    ev.BudgetSpent: _withheld,
    ev.SubmissionAccepted: _verdict,
    ev.SubmissionRejected: _verdict,
    ev.RateLimited: _limited,
    ev.SubmissionFailed: _attempt_failed,
}
