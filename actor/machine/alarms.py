"""What costs posts until somebody changes something, each alarm under a name of its own: why it rings, and what to do.

Alarms are read off the folded state, the time and the room on the journal's disk, so that the miner, its log, metrics
and messages, and whoever reads the journal, name the same ones, and a restart ends none that the journal tells of. A
start may have mended what is refused or withheld, so such an alarm then speaks of the time before, until the same is
seen again. Pure: nothing is sent or written here. Another alarm is one more row of ``_ALARMS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from actor.machine.room import ROOM_FIX, ROOM_NEEDED_BYTES, ROOM_WARN_BYTES, shortage
from actor.machine.state import State, Trouble
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What people are told of one sort of trouble; ``since`` is put behind the first two.

    Attributes:
        now: What is so.
        before: What was so before the last start.
        told: What was told about it.
        meanwhile: What comes of it.
        next: What will tell more after a start.
        fix: What to change.
    """

    now: str
    before: str
    told: str
    meanwhile: str
    next: str
    fix: str


def _trouble(name: str, key: str, words: Callable[[State, Trouble], _Words]) -> Callable[[_Sight], Alarm | None]:
    """The alarm of a trouble that the state keeps under ``key``. A start may have mended it; what comes next tells."""

    def look(sight: _Sight) -> Alarm | None:
        trouble = sight.state.troubles.get(key)
        if trouble is None:
            return None
        said, is_current = words(sight.state, trouble), trouble.epoch == sight.state.epoch
        what = ("" if trouble.window is None else f" since window {trouble.window}") + f" ({said.told})"
        now, before = f"{said.now}{what}; {said.meanwhile}", f"{said.before}{what}; {said.next} tells more"
        return Alarm(
            name=name,
            since_ms=trouble.since_ms,
            is_current=is_current,
            words=now if is_current else f"before the last start {before}",
            fix=said.fix,
        )

    return look


_MEANWHILE: Final[Mapping[str, str]] = {
    "default": "posts are submitted with neutral values",
    "skip": "posts are left out",
    "hold": "posts wait for their analysis",
}


def _analysis_words(state: State, trouble: Trouble) -> _Words:
    """Ruling 21: the server refused every analysis of a window for one reason of configuration."""
    policy = state.policy.on_analysis_error
    return _Words(
        now="the LLM's server refuses every analysis",
        before="the LLM's server refused every analysis",
        told=f"{trouble.kind}: {trouble.reason}",
        meanwhile=f"{_MEANWHILE[policy]} (ON_ANALYSIS_ERROR={policy})",
        next="the next one",
        fix=LLM_FIXES[trouble.kind],
    )


def _x_words(_state: State, trouble: Trouble) -> _Words:
    """X refuses this account's searches."""
    return _Words(
        now="X refuses to search",
        before="X refused to search",
        told=f"{trouble.kind}: {trouble.reason}",
        meanwhile="no new posts are found",
        next="the next search",
        fix=X_FIXES[trouble.kind],
    )


def _hotkey_words(_state: State, trouble: Trouble) -> _Words:
    """The coordination API refuses every attempt at a post with 401 or 403."""
    return _Words(
        now="the coordination API does not accept this hotkey",
        before="the coordination API did not accept this hotkey",
        told=trouble.reason,
        meanwhile="posts wait for a later window",
        next="the next post that is sent",
        fix="register the hotkey on the subnet, set this machine's clock, and see that WALLET_HOTKEY and MINER_API_URL "
        "are those that are meant; `user-miner doctor --chain` tells",
    )


_BUDGETS: Final[Mapping[str, str]] = {"x": "MAX_X_USD_PER_DAY", "llm": "MAX_LLM_USD_PER_DAY"}


def _budget_words(_state: State, trouble: Trouble) -> _Words:
    """A budget withholds searches."""
    setting = _BUDGETS[trouble.kind]
    return _Words(
        now=f"{setting} does not allow another window",
        before=f"{setting} did not allow another window",
        told=trouble.reason,
        meanwhile="nothing is searched",
        next="the next window",
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
    "analysis_refused": _trouble("analysis_refused", "llm", _analysis_words),
    "x_refused": _trouble("x_refused", "x", _x_words),
    "hotkey_refused": _trouble("hotkey_refused", "hotkey", _hotkey_words),
    "budget_spent": _trouble("budget_spent", "budget", _budget_words),
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
