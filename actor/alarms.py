"""What only an operator can mend, each alarm under a name of its own: why it rings, since when, and what to change.

Alarms are read off the folded state, so that the miner, its metrics and whoever reads the journal name the same ones,
and a restart ends none but that of a full disk, which is looked at anew. Pure: nothing is sent or written here. Another
alarm is one more entry of ``_ALARMS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from actor.llm_fixes import LLM_FIXES
from actor.machine.state import State
from actor.room import ROOM_FIX, ROOM_NEEDED_BYTES
from events.value import Value

__all__ = ["ALARMS", "Alarm", "alarms"]


class Alarm(Value, frozen=True, kw_only=True):
    """One thing that does not end by itself.

    Attributes:
        name: A stable word, such as "analysis_refused".
        since_ms: When it began, unix milliseconds.
        words: What is wrong, and what comes of it.
        fix: What to change, settings by their names.
    """

    name: str
    since_ms: int
    words: str
    fix: str


_MEANWHILE: Final[Mapping[str, str]] = {
    "default": "posts are submitted with neutral values",
    "skip": "posts are left out",
    "hold": "posts wait for their analysis",
}


def _analysis_refused(state: State) -> Alarm | None:
    """Ruling 21: the server refused every analysis of a window for one reason of configuration."""
    refused = state.refused
    if refused is None:
        return None
    policy = state.policy.on_analysis_error
    since = "" if refused.window is None else f" since window {refused.window}"
    return Alarm(
        name="analysis_refused",
        since_ms=refused.since_ms,
        words=f"the LLM's server refuses every analysis{since} ({refused.kind}: {refused.reason}); "
        f"{_MEANWHILE[policy]} (ON_ANALYSIS_ERROR={policy})",
        fix=LLM_FIXES[refused.kind],
    )


def _disk_full(state: State) -> Alarm | None:
    if state.disk_full_ms is None:
        return None
    return Alarm(
        name="disk_full",
        since_ms=state.disk_full_ms,
        words=f"less than {ROOM_NEEDED_BYTES >> 20} MiB are left on the journal's disk: no window is begun",
        fix=ROOM_FIX,
    )


_ALARMS: Final[Mapping[str, Callable[[State], Alarm | None]]] = {
    "analysis_refused": _analysis_refused,
    "disk_full": _disk_full,
}
ALARMS: Final = tuple(_ALARMS)
"""The names of all that there can be."""


def alarms(state: State) -> tuple[Alarm, ...]:
    """Those that ring in ``state``."""
    return tuple(found for look in _ALARMS.values() if (found := look(state)) is not None)
