"""JSON objects in a text that a model wrote, strict JSON and what only looks like it, in the order of the text. Pure.

What can be read in two ways is not read: a field given twice with different values is no field. A comment is not lost:
it becomes a field behind the others, for it may speak against them. Signs between values may be others, or missing,
where that leaves one meaning; the last brace may be, where the text has no other object.
"""

# ruff: noqa: RUF001 - models write these

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any, Final, NamedTuple

__all__ = ["FoundObject", "TangledError", "objects_in", "whole_object"]

_MAX_UNREAD: Final = 40
_MAX_LOOSE_CHARS: Final = 4_000  # Python's own reader, which takes single quotes, is not meant for more
_MAX_LOOSE_DEPTH: Final = 12
_AMBIGUOUS: Final = "given twice, differently"
_STRING: Final = r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_PIECE: Final = re.compile(
    rf"{_STRING}|(?P<sign>[：，\u00a0])|//(?P<line>[^\n]*)|/\*(?P<block>.*?)\*/|\#(?P<hash>[^\n]*)", re.DOTALL
)
_SIGNS: Final = {"：": ":", "，": ",", "\u00a0": " "}
_BARE: Final = re.compile(rf"{_STRING}|(?P<name>[A-Za-z_]\w*)(?=\s*:)", re.DOTALL)
# Quotes of another kind, told by the first one; for each comes as many characters.
_OTHER_QUOTES: Final = re.compile(r"\{\s*(?:(?P<escaped>\\\")|[“”„«＂`‘’])")
_STRAIGHT: Final = str.maketrans(dict.fromkeys("“”„«»＂`‘’", '"'))
# Other signs between values, as long as those that they stand for.
_SEPARATOR: Final = re.compile(rf"{_STRING}|(?P<colon>=>?)|(?P<comma>;)", re.DOTALL)
_TOKEN: Final = re.compile(rf"{_STRING}|(?P<word>-?\w[\w.+-]*)|(?P<sign>[^\s\w])", re.DOTALL)
_IS_NAME: Final = re.compile(r"\s*:")
_FENCE: Final = re.compile(r"\s*(?:`{3,}|~{3,})?\s*")
_NAMES: Final = {"true": True, "false": False, "null": None, "none": None}


class TangledError(Exception):
    """More braces than one looks at begin nothing that can be read."""


class FoundObject(NamedTuple):
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


def objects_in(text: str) -> list[FoundObject]:
    """The outermost objects of a text, first to last.

    Raises:
        TangledError: More than 40 of its braces begin nothing that can be read.
    """
    objects: list[FoundObject] = []
    unread = 0
    position = text.find("{")
    while position >= 0:
        is_only = not objects and not unread
        found = _strict(text, position) or _loose(text, position, may_lack_end=is_only)
        if found is not None:
            objects.append(found)
        else:
            unread += 1
            if unread > _MAX_UNREAD:
                raise TangledError
        position = text.find("{", found.end if found is not None else position + 1)
    return objects


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = _AMBIGUOUS if name in found and found[name] != value else value
    return found


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, strict=False)  # a string may hold line breaks


def _strict(text: str, start: int) -> FoundObject | None:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return FoundObject(value, start, end)


def _loose(text: str, start: int, *, may_lack_end: bool) -> FoundObject | None:
    """An object with other quotes, signs or none, trailing commas, comments or Python's True, False and None."""
    may_lack_end = may_lack_end and len(text) - start < _MAX_LOOSE_CHARS
    text = text[start : start + _MAX_LOOSE_CHARS]
    if other := _OTHER_QUOTES.match(text):
        text = text.replace('\\"', ' "') if other["escaped"] else text.translate(_STRAIGHT)
    remarks: dict[int, str] = {}

    def without_remark(piece: re.Match[str]) -> str:
        if piece["string"] or piece["sign"]:
            return piece["string"] or _SIGNS[piece["sign"]]
        remarks[piece.start()] = piece[piece.lastgroup or 0]
        return " " * len(piece[0])

    text = _SEPARATOR.sub(_usual, _PIECE.sub(without_remark, text))
    depth = position = 0
    for position, char in enumerate(
        _BARE.sub(lambda piece: "_" * len(piece[0]), text), 1
    ):  # no brace of a string counts
        depth += (char == "{") - (char == "}")
        if not depth:
            whole = text[:position]
            break
    else:
        if depth != 1 or not may_lack_end or remarks:
            return None
        position = _last_value_end(text)
        whole = f"{text[:position]}}}"
    value = _read(_BARE.sub(lambda piece: piece["string"] or f'"{piece["name"]}"', _with_commas(whole)))
    said = {f"comment {at}": remark for at, remark in remarks.items() if at < position}
    return FoundObject({**value, **said}, start, start + position) if isinstance(value, dict) else None


def _usual(piece: re.Match[str]) -> str:
    """The sign that stands between values in JSON, as long as the one that is there."""
    return piece["string"] or (":" if piece["colon"] else ",").ljust(len(piece[0]))


def _last_value_end(text: str) -> int:
    """Where an object ends whose last brace is missing; 0 where it may be cut off: a number or word may go on."""
    end = len(text.rstrip("`~ \t\r\n"))
    whole = end > 0 and text[end - 1] in "]}\"'" and _FENCE.fullmatch(text, end) is not None
    return end if whole else 0


def _with_commas(text: str) -> str:
    """With the commas that are missing: between a value and a quoted name, and where a bracket or quote meets another.

    Python would make one string of two. Words side by side stay as they are: they may be one value.
    """
    pieces: list[str] = []
    at, before = 0, ""
    for token in _TOKEN.finditer(text):
        first = "string" if token["string"] else "word" if token["word"] else token[0]
        is_name = first == "string" and _IS_NAME.match(text, token.end()) is not None
        missing = (before in {"word", "string", "]", "}"} and is_name) or (
            before in {"string", "]", "}"} and first in {"string", "[", "{"}
        )
        pieces += [text[at : token.start()], "," if missing else ""]
        at, before = token.start(), first
    return "".join([*pieces, text[at:]])


def _read(text: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            return _value(ast.parse(text, mode="eval").body, _MAX_LOOSE_DEPTH)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr, depth: int) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool | None):
        return node.value
    if isinstance(node, ast.Name):  # a word without quotes
        return _NAMES.get(node.id.lower(), node.id)
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
