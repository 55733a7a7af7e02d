"""JSON objects in a text that a model wrote: strict JSON first, and what only looks like it where there is none. Pure.

What can be read in two ways is not read: a field given twice with different values is no field.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Found", "objects_in", "whole_object"]

_MAX_TRIES: Final = 40
_MAX_LOOSE_CHARS: Final = 4_000  # Python's own reader, which takes single quotes, is not meant for more
_MAX_LOOSE_DEPTH: Final = 12
_AMBIGUOUS: Final = "given twice, differently"
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', re.DOTALL)


class Found(NamedTuple):
    """An object, and where it stands in the text."""

    value: dict[str, Any]
    start: int
    end: int


def whole_object(text: str) -> bool:
    """Whether a text is one JSON object and nothing else."""
    if not text.startswith("{"):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def objects_in(text: str) -> list[Found]:
    """The outermost objects of a text, first to last, at most 40."""
    return list(_strict(text)) or list(_loose(text))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = _AMBIGUOUS if name in found and found[name] != value else value
    return found


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once)


def _strict(text: str) -> Iterator[Found]:
    position = text.find("{")
    for _ in range(_MAX_TRIES):
        if position < 0:
            return
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            yield Found(value, position, end)
        position = text.find("{", end)


def _loose(text: str) -> Iterator[Found]:
    """Objects with single quotes, trailing commas or Python's True, False and None."""
    if len(text) > _MAX_LOOSE_CHARS:
        return
    plain = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text)  # no brace of a string counts
    depth = start = 0
    for position, char in enumerate(plain):
        if char == "{":
            depth += 1
            start = position if depth == 1 else start
        elif char == "}" and depth:
            depth -= 1
            if not depth and isinstance(value := _read(text[start : position + 1]), dict):
                yield Found(value, start, position + 1)


def _read(text: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            return _value(ast.parse(text, mode="eval").body, _MAX_LOOSE_DEPTH)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr, depth: int) -> Any:
    names = {"true": True, "false": False, "null": None}
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool | None):
        return node.value
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if depth and isinstance(node, ast.List):
        return [_value(item, depth - 1) for item in node.elts]
    if depth and isinstance(node, ast.Dict):
        pairs = [
            (_value(key or node, 0), _value(value, depth - 1))
            for key, value in zip(node.keys, node.values, strict=True)
        ]
        if all(isinstance(name, str) for name, _ in pairs):
            return _once(pairs)
    raise ValueError("no JSON")
