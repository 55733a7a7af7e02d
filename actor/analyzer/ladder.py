"""The ladder of answer formats, and the memory of what a server takes: a rung, and the parameters to leave out.

Servers differ in what they take: a closed JSON schema with bounds, one without, any JSON object, or no format at all.
What an answer proved is where the next exchange begins, for a day; then everything is tried again, for servers learn.
One odd refusal so costs one request and no more. The journal carries the memory through restarts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from events.value import Value, changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DAY_S", "ROOM", "RUNGS", "SCHEMA_NAME", "Ladder", "Rung", "Takes", "response_format"]

Rung: TypeAlias = Literal["json_schema", "simple_schema", "json_object", "plain"]
RUNGS: Final[tuple[Rung, ...]] = get_args(Rung)
SCHEMA_NAME: Final = "post_analysis"
DAY_S: Final = 86_400.0
ROOM: Final = "small_cap"
"""Among the parameters to leave out: the answer's cap that is enough for whoever does not think."""

# Strict modes differ in what they take of these; without them a schema still names every part and every category.
_BOUNDS: Final = frozenset({"maxItems", "maxLength"})


class Takes(Value, frozen=True, kw_only=True):
    """What a server takes.

    Attributes:
        rung: The answer format.
        dropped: What is left out: those of `PARAMETERS`, and `ROOM`; in the order in which they were refused.
    """

    rung: Rung = RUNGS[0]
    dropped: tuple[str, ...] = ()

    def below(self) -> Takes | None:
        """The same with the next rung down; None at the bottom."""
        following = RUNGS.index(self.rung) + 1
        return changed(self, rung=RUNGS[following]) if following < len(RUNGS) else None

    def without(self, names: Iterable[str]) -> Takes:
        """The same without these as well."""
        return changed(self, dropped=tuple(dict.fromkeys((*self.dropped, *names))))


def response_format(rung: Rung, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """What to demand of the server on this rung; None demands nothing."""
    if rung == "plain":
        return None
    if rung == "json_object":
        return {"type": "json_object"}
    shape = dict(schema) if rung == "json_schema" else _without_bounds(schema)
    return {"type": "json_schema", "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": shape}}


def _without_bounds(schema: Any) -> Any:
    if isinstance(schema, list | tuple):
        return [_without_bounds(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    bare = {name: _without_bounds(part) for name, part in schema.items() if name not in _BOUNDS}
    if bare.get("type") == "integer":
        bare.pop("enum", None)  # numbers to choose from are a bound, too, and taken less often than words
    return bare


class Ladder:
    """What the server of one model takes. Times are of any clock that does not go back, in seconds."""

    def __init__(self) -> None:
        self._proven: Takes | None = None
        self._since_s = 0.0

    def knows(self, now_s: float) -> bool:
        """Whether an answer proved something within the last day."""
        return self._proven is not None and now_s - self._since_s < DAY_S

    def start(self, now_s: float) -> Takes:
        """What to begin with."""
        return self._proven if self._proven is not None and self.knows(now_s) else Takes()

    def prove(self, takes: Takes, now_s: float) -> None:
        """Remember that the server answered to this. That it still does makes the memory no younger."""
        if takes != self._proven or not self.knows(now_s):
            self._proven, self._since_s = takes, now_s

    def recall(self, takes: Takes, *, age_s: float, now_s: float) -> None:
        """Take over what was proven before this process."""
        self._proven, self._since_s = takes, now_s - age_s
