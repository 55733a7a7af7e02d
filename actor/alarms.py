"""What only an operator can mend, each alarm under a name of its own: why it rings, since when, and what to change.

Alarms are read off the folded state, so that the miner, its metrics and whoever reads the journal name the same ones,
and a restart ends none. Since it may have mended the cause, an alarm then speaks of the time before, until the same is
seen again. Pure: nothing is sent or written here. Another alarm is one more entry of ``_ALARMS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from actor.llm_fixes import LLM_FIXES
from actor.machine.state import State
from events.value import Value

__all__ = ["ALARMS", "Alarm", "alarms"]


class Alarm(Value, frozen=True, kw_only=True):
    """One thing that does not end by itself.

    Attributes:
        name: A stable word, such as "analysis_refused".
        since_ms: When it began, unix milliseconds.
        is_current: Whether it was seen under the last start; else it is known from before that only.
        words: What is wrong, and what comes of it.
        fix: What to change, settings by their names.
    """

    name: str
    since_ms: int
    is_current: bool
    words: str
    fix: str

    @property
    def title(self) -> str:
        """Its name, for where there is no room for the words."""
        return self.name if self.is_current else f"{self.name} (from before the last start)"


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
    policy, is_current = state.policy.on_analysis_error, refused.epoch == state.epoch
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


_ALARMS: Final[Mapping[str, Callable[[State], Alarm | None]]] = {"analysis_refused": _analysis_refused}
ALARMS: Final = tuple(_ALARMS)
"""The names of all that there can be."""


def alarms(state: State) -> tuple[Alarm, ...]:
    """Those that ring in ``state``."""
    return tuple(found for look in _ALARMS.values() if (found := look(state)) is not None)
