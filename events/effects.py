"""What the machine may want: one immutable value for each effect, named in the imperative.

``wanted(state)`` returns effects, the runtime performs them, and their outcome comes back as an event. Equal effects
are the same effect, so the runtime can compare what is wanted with what is running. This module holds data only.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec

from events.codec import Value

__all__ = [
    "DECISIONS",
    "AbandonPost",
    "AnalyzePost",
    "Effect",
    "EndBackoff",
    "HoldWindow",
    "LookUpAuthors",
    "PollChain",
    "PollStatus",
    "ScrapeWindow",
    "SignCheckpoint",
    "StartSubmission",
    "SubmitPost",
    "effect_fields",
    "effect_key",
]


class PollStatus(Value, frozen=True, kw_only=True):
    """Ask GET /v2/status every ``interval_s`` seconds, in every state."""

    interval_s: float


class PollChain(Value, frozen=True, kw_only=True):
    """Ask the chain at ``due_ms`` (unix) how the hotkey stands, but never wait longer than ``wait_s``: clocks jump."""

    due_ms: int
    wait_s: float


class ScrapeWindow(Value, frozen=True, kw_only=True):
    """Search X once for ``window``, which has room for ``count`` unseen posts; ``spare`` more wait for later ones."""

    window: int
    count: int
    spare: int = 0


class LookUpAuthors(Value, frozen=True, kw_only=True):
    """Ask X who posted what was chosen: these user ids, at most 100, of authors that are not known."""

    window: int
    authors: tuple[str, ...]


class HoldWindow(Value, frozen=True, kw_only=True):
    """Record that a budget does not allow to ask X for ``window``. A decision: nothing outside is touched."""

    window: int


class AnalyzePost(Value, frozen=True, kw_only=True):
    """Analyze one pending post."""

    post_id: str


class StartSubmission(Value, frozen=True, kw_only=True):
    """Write the intent to send ``post_id`` as its ``attempt``-th try, or give it up should it be too old by then.

    A decision: nothing outside is touched.
    """

    post_id: str
    attempt: int


class SubmitPost(Value, frozen=True, kw_only=True):
    """Send the open attempt, whose intent is durable."""

    post_id: str
    attempt: int


class EndBackoff(Value, frozen=True, kw_only=True):
    """End the timed backoff at ``due_ms`` (unix), but never wait longer than ``wait_s`` from now: clocks jump."""

    due_ms: int
    wait_s: float


class AbandonPost(Value, frozen=True, kw_only=True):
    """Give up a carried post at ``due_ms`` (unix; 0 is now), by a wall clock that may jump or stand still."""

    post_id: str
    reason: Literal["carried too long", "too old"]
    due_ms: int


class SignCheckpoint(Value, frozen=True, kw_only=True):
    """Sign the chain's head and the state's digest, once the work of the window that starts at this block is done."""

    start_block: int


Effect: TypeAlias = (
    PollStatus
    | PollChain
    | ScrapeWindow
    | LookUpAuthors
    | HoldWindow
    | AnalyzePost
    | StartSubmission
    | SubmitPost
    | EndBackoff
    | AbandonPost
    | SignCheckpoint
)

# Effects that touch nothing outside. Their event counts only while the effect is still wanted.
DECISIONS: Final = (HoldWindow, StartSubmission, EndBackoff, AbandonPost, SignCheckpoint)


def effect_key(effect: Effect) -> str:
    """The effect's name, with the post's id where it has one: what EffectCrashed records."""
    post_id: str | None = getattr(effect, "post_id", None)
    name = type(effect).__name__
    return name if post_id is None else f"{name}:{post_id}"


def effect_fields(effect: Effect) -> dict[str, Any]:
    """Its fields by name, without those that say no more than their default."""
    fields = msgspec.structs.fields(effect)
    return {field.name: value for field in fields if (value := getattr(effect, field.name)) != field.default}
