"""The ladder of answer formats, and the memory of which rung a model stands on.

Servers differ in what they take: a strict JSON schema, any JSON object, or no format at all. The memory lives and
dies with the process. It goes down only after an answer proved the lower rung, so that one odd refusal costs one
request and no more.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from actor.analyzer.prompt import ANSWER_SCHEMA

__all__ = ["RUNGS", "Ladder", "Rung", "response_format"]

Rung = Literal["json_schema", "json_object", "plain"]
RUNGS: Final[tuple[Rung, ...]] = ("json_schema", "json_object", "plain")


def response_format(rung: Rung) -> dict[str, Any] | None:
    """Return what to demand of the server on this rung; None demands nothing."""
    if rung == "json_schema":
        return {
            "type": "json_schema",
            "json_schema": {"name": "post_analysis", "strict": True, "schema": ANSWER_SCHEMA},
        }
    return {"type": "json_object"} if rung == "json_object" else None


class Ladder:
    """Which rung works, per model."""

    def __init__(self) -> None:
        self._proven: dict[str, Rung] = {}

    def start(self, model: str) -> Rung:
        """Return the rung to begin with."""
        return self._proven.get(model, RUNGS[0])

    def below(self, rung: Rung) -> Rung | None:
        """Return the next rung down; None at the bottom."""
        following = RUNGS.index(rung) + 1
        return RUNGS[following] if following < len(RUNGS) else None

    def prove(self, model: str, rung: Rung) -> None:
        """Remember that the server answered on this rung."""
        self._proven[model] = rung
