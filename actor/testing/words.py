"""Effects, moves and moments as short lines of text, which a test compares and a person reads. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from events import effects as ef
from events.codec import canonical_json
from events.differences import difference_lines, differences

__all__ = ["at_ms_of", "change_lines", "effect_line", "effect_lines", "move_line"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_PLAIN_WORD: Final = re.compile(r"[\w.:/-]+")


def move_line(source: str, dest: str) -> str:
    return f"{source} -> {dest}"


def effect_line(effect: ef.Effect, at_ms: int) -> str:
    """One effect as it is wanted at ``at_ms``: ``SubmitPost post_id=5 attempt=1``, ``EndBackoff due=+3s …``."""
    parts = (_field(name, value, at_ms) for name, value in ef.effect_fields(effect).items())
    return " ".join([type(effect).__name__, *parts])


def effect_lines(effects: tuple[ef.Effect, ...], at_ms: int) -> list[str]:
    """Each of them, in the order in which they would be started."""
    return [effect_line(effect, at_ms) for effect in effects]


def _field(name: str, value: Any, at_ms: int) -> str:
    if name == "due_ms":
        return f"due=+{(value - at_ms) / 1000:.10g}s" if value > at_ms else "due=now"
    if isinstance(value, str) and not _PLAIN_WORD.fullmatch(value):
        return f"{name}={value!r}"
    return f"{name}={value}"


def change_lines(expected: object, actual: object) -> str:
    """What differs between two values of the journal's kinds, field by field, one line for each."""
    sides = (orjson.loads(canonical_json(value)) for value in (expected, actual))
    return "\n".join(f"  {line}" for line in difference_lines(differences(*sides)))


def at_ms_of(text: str) -> int:
    """Unix milliseconds of a time as journals write it, ``2026-11-22T14:32:05.123Z``."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MS
