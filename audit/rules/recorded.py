"""What a recorded answer of the API says itself: the body that came, as far as it was kept. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

__all__ = ["current_block_in", "fields_of", "length_in", "names_block", "text_in", "was_kept_whole"]

# Beyond these the miner takes a number for nonsense.
_LONGEST_WINDOW: Final = 10_000_000
_HIGHEST_BLOCK: Final = 2**53 - 1
# How actor.edges marks what it cut, and what it took out.
_LONGEST: Final = 4_000
_CUT: Final = "…"
_REDACTED: Final = "[redacted]"
_BLOCK_NAMES: Final = ("current_block", "current_window", "window_start_block", "next_window_start_block")


def text_in(answer: str, name: str) -> str | None:
    """A text of the body, None where it has none, was cut or is no JSON."""
    value = _field(answer, name)
    return value if isinstance(value, str) else None


def length_in(answer: str) -> int | None:
    """Blocks in a window, None as in ``text_in``."""
    return _number(answer, "blocks_per_window", 1, _LONGEST_WINDOW)


def current_block_in(answer: str) -> int | None:
    """The block that the API was at, None as in ``text_in``."""
    return _number(answer, "current_block", 0, _HIGHEST_BLOCK)


def fields_of(answer: str) -> Mapping[str, Any] | None:
    """All fields of the body, none if it is no JSON object; None where it was cut or redacted."""
    cut = len(answer) >= _LONGEST and answer.endswith(_CUT)
    return None if cut or _REDACTED in answer else _object(answer)


def was_kept_whole(raw_answer: str) -> bool:
    """Whether a model's answer is all there: it is cut without a mark."""
    return len(raw_answer) < _LONGEST and _REDACTED not in raw_answer


def names_block(answer: str) -> bool:
    """Whether the body may tell in which window the API is, by any of its numbers."""
    return any(f'"{name}"' in answer for name in _BLOCK_NAMES)


def _number(answer: str, name: str, lowest: int, highest: int) -> int | None:
    value = _field(answer, name)
    return value if type(value) is int and lowest <= value <= highest else None


def _field(answer: str, name: str) -> Any:
    return _object(answer).get(name)


def _object(answer: str) -> Mapping[str, Any]:
    """The JSON object, read as leniently as the miner reads it: a lone surrogate does no harm."""
    text = answer.removeprefix("\ufeff")
    try:
        body = orjson.loads(text)
    except ValueError:
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            return {}
    return body if isinstance(body, dict) else {}
