"""What a recorded answer of the API says itself: the body that came, as far as it was kept. Pure."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["number_in", "text_in"]


def text_in(answer: str, name: str) -> str | None:
    """A text of the body, None where it has none, was cut or is no JSON."""
    value = _field(answer, name)
    return value if isinstance(value, str) else None


def number_in(answer: str, name: str) -> int | None:
    """A whole number of the body, likewise."""
    value = _field(answer, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _field(answer: str, name: str) -> Any:
    try:
        body = orjson.loads(answer)
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None
