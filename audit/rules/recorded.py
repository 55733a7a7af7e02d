"""What a recorded answer of the API says itself: the body that came, as far as it was kept. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

__all__ = ["current_block_in", "length_in", "text_in"]

# Beyond these the miner takes a number for nonsense.
_LONGEST_WINDOW: Final = 10_000_000
_HIGHEST_BLOCK: Final = 2**53 - 1


def text_in(answer: str, name: str) -> str | None:
    """A text of the body, None where it has none, was cut or is no JSON."""
    value = _field(answer, name)
    return value if isinstance(value, str) else None


def length_in(answer: str) -> int | None:
    """Blocks in a window, likewise."""
    return _number(answer, "blocks_per_window", 1, _LONGEST_WINDOW)


def current_block_in(answer: str) -> int | None:
    """The block that the API was at, likewise."""
    return _number(answer, "current_block", 0, _HIGHEST_BLOCK)


def _number(answer: str, name: str, lowest: int, highest: int) -> int | None:
    value = _field(answer, name)
    return value if type(value) is int and lowest <= value <= highest else None


def _field(answer: str, name: str) -> Any:
    try:
        body = orjson.loads(answer)
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None
