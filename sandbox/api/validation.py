"""The form of a submission, field by field. It never looks at who sent it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FieldError", "field_errors"]

FieldError = dict[str, str]
_MAX_COUNT = 2**63 - 1
_MAX_TEXT = 30_000


def field_errors(body: object) -> list[FieldError]:
    """What is wrong with a submission, as [{field, message}]; empty when nothing is."""
    if not isinstance(body, dict):
        return [{"field": "body", "message": "Input should be a JSON object"}]
    errors = []
    for name, check in _FIELDS.items():
        message = check(body[name]) if name in body else "Field required"
        if message:
            errors.append({"field": name, "message": message})
    errors += [{"field": name, "message": "Extra inputs are not permitted"} for name in body if name not in _FIELDS]
    return errors


def _text(value: object) -> str:
    if not isinstance(value, str):
        return "Input should be a valid string"
    if not value.strip():
        return "String should have at least 1 character"
    return "" if len(value) <= _MAX_TEXT else f"String should have at most {_MAX_TEXT} characters"


def _post_id(value: object) -> str:
    message = _text(value)
    return message or ("" if str(value).isascii() and str(value).isdigit() else "String should be a numeric post id")


def _author(value: object) -> str:
    message = _text(value)
    return message or ("Username should not start with @" if str(value).startswith("@") else "")


def _count(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return "Input should be a valid integer"
    return "" if 0 <= value <= _MAX_COUNT else "Input should be greater than or equal to 0"


def _between(low: float, high: float) -> Callable[[object], str]:
    def check(value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return "Input should be a valid number"
        return "" if low <= value <= high else f"Input should lie between {low:g} and {high:g}"

    return check


def _tokens(value: object) -> str:
    if not isinstance(value, dict):
        return "Input should be a valid dictionary"
    unit = _between(0, 1)
    for name, relevance in value.items():
        if not name.strip():
            return "Subnet names should not be empty"
        if message := unit(relevance):
            return f"{name}: {message}"
    return ""


_FIELDS: dict[str, Callable[[Any], str]] = {
    "miner_hotkey": _text,
    "post_id": _post_id,
    "content": _text,
    "date": _count,
    "author": _author,
    "account_age": _count,
    "retweets": _count,
    "likes": _count,
    "responses": _count,
    "followers": _count,
    "tokens": _tokens,
    "sentiment": _between(-1, 1),
    "score": _between(0, 1),
}
