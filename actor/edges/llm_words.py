"""What the refusal of a language model's server is about, by its status and, where that is vague, by its words. Pure.

Servers agree on few statuses: an unknown model is a 400, 404 or 500, a wrong key a 400 or 401, a refused format any.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actor.analyzer.port import FORMAT_TYPE, PARAMETERS
from actor.edges import llm_phrases as says
from actor.edges.text import as_int
from actor.edges.told import told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from actor.analyzer.port import LLMErrorKind

__all__ = ["Refused", "error_in", "refusal_kind", "status_told", "words_of"]

_MAX_CHARS: Final = 20_000
_DEEPEST: Final = 6
# Fields that repeat the request, or say nothing of it.
_ECHOES: Final = frozenset({"ctx", "input", "url", "request_id", "documentation_url"})
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LINK: Final = re.compile(r"https?://\S+")

_KINDS: Final[Mapping[int, LLMErrorKind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model",
    405: "model",  # no such address
    408: "timeout",
    410: "model",
    413: "context",
    424: "server",  # of what it depends on
    425: "server",
    429: "rate_limit",
}
_FINAL: Final = frozenset({402, 408})  # whatever is said
_OF_A_FORMAT: Final = frozenset({400, 403, 404, 413, 415, 422, 501})
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_NOT_IMPLEMENTED: Final = 501
_ERRORS: Final = range(400, 600)
_SERVER: Final = 500
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
    (402, says.NO_CREDIT),
    (402, says.SPENT),
    (401, says.KEY),
    (404, says.MODEL),
    (503, says.TROUBLE),
)
_MATTERS: Final[tuple[tuple[LLMErrorKind, re.Pattern[str]], ...]] = (
    ("declined", says.DECLINED),
    ("quota", says.NO_CREDIT),
    ("auth", says.KEY),
    ("model", says.MODEL),
    ("request", says.PLACE),
    ("server", says.PASSING),
)
# A router in trouble with a key or an account of its own passes words on that are not about ours.
_NOT_OURS: Final = frozenset({"auth", "quota"})
# What a body without a completion may hold and still tell of no error.
_SILENT: Final = frozenset({"choices", "usage", "model", "id", "object", "created"})
_DONE: Final = frozenset({"0", "200", "ok", "success", "completed"})


class Refused(NamedTuple):
    """What a refusal is about; `parameters` are as `LLMError.refused` has them."""

    kind: LLMErrorKind
    parameters: tuple[str, ...] = ()


def refusal_kind(status: int, body: str, *, formatted: bool, sent: Collection[str] = ()) -> Refused:
    """What a refusal is about.

    Args:
        status: Its status.
        body: Its body.
        formatted: The request demanded a response_format.
        sent: The parameters that the request had.
    """
    if status in _FINAL:
        return Refused(_KINDS[status])
    said = words_of(body)
    if status == _TOO_MANY:
        return Refused(_limit(said))
    if status == _UNAUTHORIZED:
        return Refused(_account(said))
    if matter := _matter(said, status):
        return Refused(matter)
    return _part(said, formatted=formatted, sent=sent) or _without_words(status, body, formatted=formatted)


def _without_words(status: int, body: str, *, formatted: bool) -> Refused:
    meant = status if status in _KINDS or status >= _SERVER else _coded(_parsed(body)) or status
    if meant in _KINDS:
        return Refused(_KINDS[meant])
    if meant >= _SERVER and meant != _NOT_IMPLEMENTED:
        return Refused("server")
    # It may be about the format: the rungs below it find out.
    return Refused("refused_format" if formatted and status in _OF_A_FORMAT else "request")


def _account(said: str) -> LLMErrorKind:
    """What a 401 is about: some say so of an empty account, or of a model that is not for this key."""
    if says.NO_CREDIT.search(said):
        return "quota"
    return "model" if says.DENIED_MODEL.search(said) else "auth"


def _limit(said: str) -> LLMErrorKind:
    """Whether a limit lifts by itself, is the end of an account, or is one that this request alone exceeds."""
    if says.TOO_LARGE.search(said):
        return "context"
    if says.NO_CREDIT.search(said):
        return "quota"
    a_day = says.PER_DAY.search(said) and not says.PER_MINUTE.search(said)
    is_spent = says.SPENT.search(said) and not says.LIFTING.search(said)
    return "quota" if a_day or is_spent or says.NONE_AT_ALL.search(said) else "rate_limit"


def _matter(said: str, status: int) -> LLMErrorKind | None:
    """What all of a request is refused for, by words."""
    in_trouble = status >= _SERVER and status != _NOT_IMPLEMENTED
    for kind, words in _MATTERS:
        if not (in_trouble and kind in _NOT_OURS) and words.search(said):
            return kind
    if says.AWAY.search(said) and not in_trouble:
        return "model"
    if not (says.LIMITED.search(said) or says.SPENT.search(said)):
        return None
    limit = _limit(said)
    return None if in_trouble and limit in _NOT_OURS else limit


def _part(said: str, *, formatted: bool, sent: Collection[str]) -> Refused | None:
    """Which part of a request is refused, by words."""
    if named := _parameters(said, sent):
        return Refused("refused_parameter", named)
    if says.LONG.search(said):
        return Refused("context")
    if says.FORMAT.search(said):
        about = () if says.SCHEMA.search(said) else (FORMAT_TYPE,)
        return Refused("refused_format", about) if formatted else Refused("request")
    # It insists on a parameter that was left out already: no other request of ours will do.
    return Refused("refused_parameter") if _parameters(said, PARAMETERS) else None


def _parameters(said: str, sent: Collection[str]) -> tuple[str, ...]:
    """The parameters that were sent and that the words complain of."""
    if large := says.LARGE_CAP.search(said):
        return tuple(name for name in sent if says.NAMES[name].search(large[0]))
    if says.LONG.search(said) or not says.COMPLAINT.search(said):
        return ()
    return tuple(name for name in sent if says.NAMES[name].search(said))


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


def _coded(error: Any) -> int | None:
    """The status that an error's codes mean, the innermost first."""
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
        return json.loads(body)
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
