"""What the body of a refusal tells: its words in one text, and the status that its codes mean. Pure.

An error may come as a success, in a body of any shape.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from actor.edges import llm_phrases as says
from actor.edges.text import as_int
from actor.edges.told import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["error_in", "status_coded", "status_told", "words_of"]

_MAX_CHARS: Final = 20_000
_DEEPEST: Final = 12  # Google's list of an error, of details, of violations is seven deep
# Fields that repeat the question or the answer, or say nothing of them.
_ECHOES: Final = frozenset({"ctx", "input", "prompt", "failed_generation", "url", "request_id"})
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LINK: Final = re.compile(r"https?://\S+")

_ERRORS: Final = range(400, 600)
# The codes of Google's remote calls, which others took over; INVALID_ARGUMENT and its like say no more than a 400.
_RPC: Final[Mapping[str, int]] = {
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "resource_exhausted": 429,
    "internal": 500,
    "unimplemented": 501,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
# MiniMax answers everything with a 200 and tells of it in `base_resp`.
_BASE_RESP: Final[Mapping[int, int]] = {
    1000: 500,
    1001: 504,
    1002: 429,
    1004: 401,
    1008: 402,
    1024: 500,
    1033: 500,
    1039: 429,
    2049: 401,
}
_TOLD: Final = (
    (429, says.LIMITED),
    (429, re.compile("overloaded")),
    (402, says.NO_CREDIT),
    (402, says.SPENT),
    (404, says.DENIED_MODEL),
    (401, says.KEY),
    (404, says.MODEL),
    (503, says.TROUBLE),
)
# What a body without a completion may hold and still tell of no error.
_SILENT: Final = frozenset({"choices", "usage", "model", "id", "object", "created"})
_DONE: Final = frozenset({"0", "200", "ok", "success", "completed"})


def error_in(body: Any, *, alone: bool) -> Any:
    """The error that a decoded success tells of; None when it tells of none.

    Args:
        body: As it was decoded.
        alone: There is no completion beside it, so that an error may have any shape.
    """
    if not isinstance(body, dict) or not (alone or body.get("error")):
        return None
    rest = {name: part for name, part in body.items() if name not in _SILENT}
    if rest.get("error"):
        return rest
    return rest if not _is_done(rest) and (told(rest).words or _coded(rest)) else None


def _is_done(body: Mapping[str, Any]) -> bool:
    marks = (body.get("code"), body.get("status"), _base_resp(body))
    said = {str(mark).lower() for mark in marks if isinstance(mark, str | int)}
    return body.get("success") is True or not said.isdisjoint(_DONE)


def status_told(error: Any) -> int:
    """The status that an error inside a success means: its code, or what its words stand for; else 400."""
    if coded := _coded(error):
        return coded
    said = words_of(json.dumps(error))
    return next((status for status, words in _TOLD if words.search(said)), 400)


def status_coded(body: str) -> int | None:
    """The status that the codes of a body mean, the innermost first; None when they mean none."""
    return _coded(_parsed(body))


def _coded(error: Any) -> int | None:
    if (meant := _BASE_RESP.get(_base_resp(error) or 0)) is not None:
        return meant
    statuses = (as_int(code) if code.isdecimal() else _RPC.get(code.lower()) for code in told(error).codes)
    return next((status for status in statuses if status in _ERRORS), None)


def _base_resp(error: Any) -> int | None:
    found = error.get("base_resp") if isinstance(error, dict) else None
    return as_int(found.get("status_code")) if isinstance(found, dict) else None


def words_of(body: str) -> str:
    """All words of a body in lower case, with underscores: without links, and what servers repeat of the request."""
    parsed = _parsed(body)
    said = body if parsed is None else " ; ".join(_strings(parsed, _DEEPEST))
    return _CAMEL.sub("_", _LINK.sub(" ", said[:_MAX_CHARS])).lower()


def _parsed(body: str) -> Any:
    """A body as JSON; None when it is none."""
    try:
        return json.loads(body.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None


def _strings(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        inner = _parsed(value) if depth and value.lstrip()[:1] in {"{", "["} else None
        yield from (value,) if inner is None else _strings(inner, depth - 1)
    elif isinstance(value, dict) and depth:
        for name, item in value.items():
            if name not in _ECHOES and item is not None:  # a field that says nothing is not spoken of
                yield name
                yield from _strings(item, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _strings(item, depth - 1)
