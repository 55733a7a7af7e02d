"""What costs posts until somebody changes something, each alarm under a name of its own: why it rings, and what to do.

Alarms are read off the folded state, the time and the room on the journal's disk, so that the miner, its log, metrics
and messages, and whoever reads the journal, name the same ones, and a restart ends none that the journal tells of. A
start may have mended why analyses were refused, so that alarm then speaks of the time before, until the same is seen
again. Pure: nothing is sent or written here. Another alarm is one more row of ``_ALARMS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from actor.machine.room import ROOM_FIX, ROOM_NEEDED_BYTES, ROOM_WARN_BYTES, shortage
from actor.machine.state import State
from events.codec import Value

__all__ = ["ALARMS", "LLM_FIXES", "X_FIXES", "Alarm", "alarms"]

# By the kinds of LLMError.
LLM_FIXES: Final[Mapping[str, str]] = {
    "auth": "set API_KEY to a key of the LLM's server, whole and without quotes",
    "quota": "top up the account that API_KEY belongs to",
    "model": "set MODEL to a name that the server lists, and LLM_BASE to its address, which usually ends in /v1",
    "refused_format": "set MODEL to one that answers with JSON, and LLM_BASE to an OpenAI-compatible API",
    "refused_parameter": "set MODEL or LLM_BASE to one that takes the parameter which the reason names",
    "request": "set MODEL and LLM_BASE to an OpenAI-compatible API that answers chats",
    "context": "set MODEL to one that reads more, or give its server more context",
    "declined": "set MODEL to another one: this one does not answer such questions",
    "rate_limit": "wait: the server is busy, or another program uses this key, too",
    "server": "the LLM's server has a problem of its own: wait, or set LLM_BASE to another",
    "timeout": "wait, raise LLM_TIMEOUT_SECONDS, or set MODEL to a faster one",
    "connection": "look at the network and at LLM_BASE",
    "broken": "look at the network and at LLM_BASE",
    "votes": "set MODEL to one that answers alike when it is asked again, or lower ANALYSIS_VOTES",
    "bug": "report this fault of user-miner, with the file that `user-miner doctor --bundle FILE` makes",
    "malformed": "set MODEL to one that answers with JSON, and LLM_BASE to an OpenAI-compatible API",
}


# By the kinds of ScrapeError.
X_FIXES: Final[Mapping[str, str]] = {
    "auth": "set X_BEARER_TOKEN to the bearer token of your X app, whole and without quotes",
    "forbidden": "let the X app that X_BEARER_TOKEN belongs to use API v2: in X's console, attach it to a project",
    "credits": "top up the X account's credits",
    "usage_capped": "wait for the next billing cycle, or raise the X account's cap",
    "rate_limited": "wait: another program may use this X app, too",
    "server": "X has a problem of its own: wait",
    "timeout": "X has a problem of its own: wait",
    "malformed": "correct X_API_BASE: expected the X API with its version, such as https://api.twitter.com/2",
    "invalid_request": "correct X_API_BASE: expected the X API with its version, such as https://api.twitter.com/2",
}


_WINDOWS_MISSED: Final = 2
# Windows of a fast local chain pass before anybody could miss one.
_LEAST_MISSED_MS: Final = 600_000


class Alarm(Value, frozen=True, kw_only=True):
    """One thing that somebody should look after.

    Attributes:
        name: A stable word, such as "analysis_refused".
        since_ms: When it began, unix milliseconds; None where nobody wrote it down.
        is_current: False for what was seen before the last start only, which may have mended it.
        words: What is wrong, and what comes of it.
        fix: What to change, settings by their names.
    """

    name: str
    since_ms: int | None
    words: str
    fix: str
    is_current: bool = True

    @property
    def title(self) -> str:
        """Its name, for where there is no room for the words."""
        return self.name if self.is_current else f"{self.name} (from before the last start)"


@dataclass(frozen=True, slots=True)
class _Sight:
    """What alarms are read off: see ``alarms``."""

    state: State
    now_ms: int | None
    room_bytes: int | None


_MEANWHILE: Final[Mapping[str, str]] = {
    "default": "posts are submitted with neutral values",
    "skip": "posts are left out",
    "hold": "posts wait for their analysis",
}


def _analysis_refused(sight: _Sight) -> Alarm | None:
    """Ruling 21: the server refused every analysis of a window for one reason of configuration."""
    refused = sight.state.refused
    if refused is None:
        return None
    policy, is_current = sight.state.policy.on_analysis_error, refused.epoch == sight.state.epoch
    since = "" if refused.window is None else f" since window {refused.window}"
    what = f"{since} ({refused.kind}: {refused.reason})"
    if is_current:
        words = f"the LLM's server refuses every analysis{what}; {_MEANWHILE[policy]} (ON_ANALYSIS_ERROR={policy})"
    else:
        words = f"before the last start the LLM's server refused every analysis{what}; the next one tells more"
    return Alarm(
        name="analysis_refused",
        since_ms=refused.since_ms,
        is_current=is_current,
        words=words,
        fix=LLM_FIXES[refused.kind],
    )


def _x_refused(sight: _Sight) -> Alarm | None:
    """X refuses this account's searches."""
    trouble = sight.state.troubles.get("x")
    if trouble is None:
        return None
    return Alarm(
        name="x_refused",
        since_ms=trouble.since_ms,
        words=f"X refuses to search ({trouble.kind}: {trouble.reason}); no new posts are found",
        fix=X_FIXES[trouble.kind],
    )


def _hotkey_refused(sight: _Sight) -> Alarm | None:
    """The coordination API refuses every attempt at a post with 401 or 403."""
    trouble = sight.state.troubles.get("hotkey")
    if trouble is None:
        return None
    return Alarm(
        name="hotkey_refused",
        since_ms=trouble.since_ms,
        words=f"the coordination API does not accept this hotkey ({trouble.reason}); posts wait for a later window",
        fix="register the hotkey on the subnet, set this machine's clock, and see that WALLET_HOTKEY and MINER_API_URL "
        "are those that are meant; `user-miner doctor --chain` tells",
    )


_BUDGETS: Final[Mapping[str, str]] = {"x": "MAX_X_USD_PER_DAY", "llm": "MAX_LLM_USD_PER_DAY"}


def _budget_spent(sight: _Sight) -> Alarm | None:
    """A budget withholds searches."""
    trouble = sight.state.troubles.get("budget")
    if trouble is None:
        return None
    setting = _BUDGETS[trouble.kind]
    return Alarm(
        name="budget_spent",
        since_ms=trouble.since_ms,
        words=f"{setting} does not allow another window ({trouble.reason}); nothing is searched",
        fix=f"wait for the next day (UTC), or raise {setting}",
    )


_PLACES: Final[Mapping[str, str]] = {
    "lost": "the hotkey is not registered on the subnet; what is mined earns nothing",
    "at_risk": "a few registrations more give the hotkey's place on the subnet away",
}


def _deregistration(sight: _Sight) -> Alarm | None:
    """The chain told that the hotkey has lost its place, or is about to."""
    trouble = sight.state.troubles.get("place")
    if trouble is None:
        return None
    return Alarm(
        name="deregistration",
        since_ms=trouble.since_ms,
        words=f"{_PLACES[trouble.kind]} ({trouble.reason})",
        fix="see what it earns by `user-miner earnings`; a place that is lost is bought again by "
        "`btcli subnet register`",
    )


def _windows_missed(sight: _Sight) -> Alarm | None:
    """So many windows went by without a search or an answer, by the time that their blocks should take."""
    state = sight.state
    if sight.now_ms is None or not state.running or state.used_until_ms is None:
        return None
    configured = state.policy.blocks_per_window
    blocks = configured if state.is_far_longer(state.blocks_per_window) else state.blocks_per_window
    used_until_ms, window, block_ms = state.used_until_ms, state.window, state.policy.block_s * 1000
    if used_until_ms > sight.now_ms and window is not None and state.is_far_longer(window.blocks):
        # The window was told to last for so long that no alarm would ever ring.
        used_until_ms = max(window.opened_ms, state.searched_ms or 0) + round(configured * block_ms)
    since_ms = used_until_ms + max(round(_WINDOWS_MISSED * blocks * block_ms), _LEAST_MISSED_MS)
    if sight.now_ms < since_ms:
        return None
    why = "the coordination API does not answer" if state.api_down else "no search and no submission was answered"
    return Alarm(
        name="windows_missed",
        since_ms=since_ms,
        words=f"{_WINDOWS_MISSED} windows or more were missed in a row: {why}",
        fix="see the last error in `user-miner status`, and run `user-miner doctor`",
    )


def _disk(sight: _Sight) -> Alarm | None:
    """The journal's disk is nearly full."""
    room_bytes = sight.room_bytes
    if room_bytes is None or room_bytes >= ROOM_WARN_BYTES or _is_full(sight):
        return None
    return Alarm(
        name="disk",
        since_ms=None,
        words=f"{room_bytes >> 20} MiB left on the journal's disk; when it is full, nothing is mined",
        fix=ROOM_FIX,
    )


def _is_full(sight: _Sight) -> bool:
    """By the room, where it is seen: a disk that takes no record tells nothing by one. Else by the record."""
    if sight.room_bytes is None:
        return sight.state.disk_full_ms is not None
    return shortage(sight.room_bytes) is not None


def _disk_full(sight: _Sight) -> Alarm | None:
    """The journal's disk has no room for a window."""
    if not _is_full(sight):
        return None
    return Alarm(
        name="disk_full",
        since_ms=sight.state.disk_full_ms,
        words=f"less than {ROOM_NEEDED_BYTES >> 20} MiB are left on the journal's disk: no window is begun",
        fix=ROOM_FIX,
    )


_ALARMS: Final[Mapping[str, Callable[[_Sight], Alarm | None]]] = {
    "analysis_refused": _analysis_refused,
    "x_refused": _x_refused,
    "hotkey_refused": _hotkey_refused,
    "budget_spent": _budget_spent,
    "deregistration": _deregistration,
    "windows_missed": _windows_missed,
    "disk": _disk,
    "disk_full": _disk_full,
}
ALARMS: Final = tuple(_ALARMS)
"""The names of all that there can be."""


def alarms(state: State, now_ms: int | None = None, *, room_bytes: int | None = None) -> tuple[Alarm, ...]:
    """Those that ring in ``state``.

    Args:
        state: The folded state.
        now_ms: Unix milliseconds; None where no process works, which then misses nothing.
        room_bytes: What is free on the journal's disk; None where nobody can tell.
    """
    sight = _Sight(state, now_ms, room_bytes)
    return tuple(found for look in _ALARMS.values() if (found := look(sight)) is not None)
