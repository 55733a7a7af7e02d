"""What a refusal tells, in any of the shapes that servers give it: its codes, and its words for people. Pure.

Nothing is cut here: secrets are taken out of a text before it is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from actor.edges.text import as_int, parse_json
from events.codec import Value

__all__ = ["BodyWords", "plain_words", "told"]

# In the order in which they are said: what it is called before what it means, and that before its parts.
_WORDS: Final = (
    *("title", "error", "err", "fault", "faultstring", "message", "msg", "error_message", "errormessage"),
    *("error_msg", "errmsg", "status_msg", "status_message", "detail", "details", "description", "error_description"),
    *("reason", "errors", "base_resp", "metadata", "raw"),
)
_CODES: Final = (
    *("code", "error_code", "errorcode", "status", "status_code", "statuscode", "http_code", "http_status"),
    *("type", "error"),
)
_NO_CODES: Final = frozenset({"", "error", "none", "null", "about:blank", "0"})
_INNER: Final = ("error", "errors", "detail", "message", "fault", "base_resp")  # where the error itself may stand
_SHOWN_ITEMS: Final = 3
_DEEPEST: Final = 5
_LONGEST_MARKUP: Final = 8_192

_HTML: Final = re.compile(r"\s*<(!doctype|html|head|body)", re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^>]*>([^<]{1,300})", re.IGNORECASE)
# Each ends with the text where it is not closed, so that none is looked for twice.
_UNSEEN: Final = re.compile(r"<(script|style)\b.*?(?:</\1[^>]*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*(?:>|\Z)")


class BodyWords(Value, frozen=True, kw_only=True):
    """What a JSON body tells.

    Attributes:
        codes: For programs, the most telling first, numbers as digits: code, status and type of the innermost error.
        words: For people; empty when there are none. Not bounded, and secrets are still in it.
    """

    codes: tuple[str, ...]
    words: str


def told(body: object) -> BodyWords:
    """What a decoded JSON body tells, wherever in it."""
    return BodyWords(codes=tuple(dict.fromkeys(_codes(body, 0))), words=_words(body, 0))


def plain_words(text: str) -> str:
    """What a body tells that is no JSON: of a page its title, else its text."""
    if not text.lstrip().startswith("<"):
        return text
    markup = text[:_LONGEST_MARKUP]
    title = _TITLE.search(markup)
    words = title[1] if title else _TAG.sub(" ", _UNSEEN.sub(" ", markup))
    shown = " ".join(html.unescape(words).split())
    if not _HTML.match(markup):
        return shown or markup
    return f"an HTML page: {shown}" if shown else "an HTML page"


def _words(value: object, depth: int) -> str:
    if depth > _DEEPEST:
        return ""
    if isinstance(value, str):
        inner = _json_inside(value)
        return value.strip() if inner is None else _words(inner, depth + 1) or value.strip()
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item, depth + 1) for item in value[:_SHOWN_ITEMS])))
    return _of_object(value, depth) if isinstance(value, dict) else ""


def _of_object(value: dict[str, object], depth: int) -> str:
    named = {key.lower(): part for key, part in value.items()}
    parts: list[str] = []
    for found in (_words(named[key], depth + 1) for key in _WORDS if key in named):
        if found and not any(found.lower() in part.lower() for part in parts):
            parts = [part for part in parts if part.lower() not in found.lower()] + [found]
    said = ": ".join(parts) or "; ".join(_fields(value, depth))
    where = named.get("field") or _location(named.get("loc"))
    return f"{where}: {said}" if isinstance(where, str) and where and said else said


def _fields(value: dict[str, object], depth: int) -> Iterator[str]:
    """What is said of each field by a server that answers ``{"name": ["is too long"]}``."""
    for name, said in list(value.items())[:_SHOWN_ITEMS]:
        if isinstance(said, list) and all(isinstance(one, str) for one in said) and (words := _words(said, depth + 1)):
            yield f"{name}: {words}"


def _location(value: object) -> str:
    named = value[:_SHOWN_ITEMS] if isinstance(value, list) else []
    return ".".join(str(part) for part in named if isinstance(part, str | int))


def _json_inside(text: str) -> object | None:
    """A JSON object or list that was sent on as a text."""
    if text[:1] + text[-1:] not in {"{}", "[]"}:
        return None
    try:
        return parse_json(text.encode())
    except ValueError:  # a lone surrogate is one, too
        return None


def _codes(value: object, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        yield from _codes(_json_inside(value), depth + 1)
    if isinstance(value, list):
        for item in value[:_SHOWN_ITEMS]:
            yield from _codes(item, depth + 1)
    if not isinstance(value, dict):
        return
    named = {key.lower(): part for key, part in value.items()}
    for name in _INNER:
        yield from _codes(named.get(name), depth + 1)
    for name in _CODES:
        found = named.get(name)
        code = found.strip() if isinstance(found, str) else str(as_int(found))
        if code.lower() not in _NO_CODES and not any(map(str.isspace, code)):
            yield code
