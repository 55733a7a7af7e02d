"""What a column of an export is: its name, its kind, what it means, and how it is read off a row's source. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["Column", "Kind", "at_columns"]

# text, integer, number (a float), flag (true or false), moment (unix milliseconds), json (bytes of one JSON value)
Kind: TypeAlias = Literal["text", "integer", "number", "flag", "moment", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Units stand last in it.
        kind: What its values are in Python, besides None; writers turn them into what their format has for it.
        meaning: One line for docs/operators/export.md.
        value: Reads the value off a row's source; None is an empty cell.
    """

    name: str
    kind: Kind
    meaning: str
    value: Callable[[Any], Any]


def at_columns(name: str, meaning: str, value: Callable[[Any], int | None]) -> tuple[Column, Column]:
    """A moment, twice: as a date and as unix milliseconds."""
    return (
        Column(f"{name}_at", "moment", meaning, value),
        Column(f"{name}_at_ms", "integer", "the same in unix milliseconds", value),
    )
