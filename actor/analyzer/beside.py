"""What stands in an answer's object beside the fields that were asked for, and may speak against the answer. Pure.

Such fields are dropped, unless they say that there is no verdict, another one, or one of another post.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.declines import declines
from actor.analyzer.lead_in import apart, speaks_against
from actor.analyzer.prompt import SENTIMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["category_of", "letters", "objection"]

_SHORT_CHARS: Final = 30
_EDGES: Final = re.compile(r"^[^\w?/|,]+|[^\w?/|,]+$")
_SPACES: Final = re.compile(r"[\s\-_]+")
_NO_LETTERS: Final = re.compile(r"[\W_]+")
# Words of names whose values speak of the post's words or of single aspects, and of no verdict.
_ASIDE: Final = re.compile(r"\b(?:keywords?|topics?|tags?|terms?|words?|phrases?|entities|horizons?)\b", re.IGNORECASE)
_POSTS: Final = re.compile(
    r"(?:(?:input|original|the|candidate) )?(?:post|tweet|input)(?: (?:text|content))?", re.IGNORECASE
)
_FAILURE: Final = re.compile(r"errors?(?: \w+)?|refusal|refused|declined|failure|exception", re.IGNORECASE)
_FINE: Final = frozenset({"", "none", "no", "null", "no error", "no errors", "ok", "n/a", "false"})
_DENIED: Final = re.compile(
    r"(?:is )?(?:final(?: answer| version)?|valid|correct|approved|accepted|confirmed|done|"
    r"completed?|finali[sz]ed|success(?:ful)?|ok|usable|passed)",
    re.IGNORECASE,
)
_NEEDS: Final = re.compile(r"\bneeds? (?:review|revision|checking)\b|\b(?:unverified|unsure|outdated)\b", re.IGNORECASE)
_NO: Final = frozenset({"false", "no", "0"})
_STAGES: Final = frozenset({"stage", "status", "type", "kind", "phase", "version", "state", "step"})
_EARLY: Final = re.compile(
    r"\b(?:initial|first|early|old|rejected|superseded|discarded|pending|in progress|failed|failure|errors?|draft)\b",
    re.IGNORECASE,
)


def objection(others: dict[str, Any], category: str, post: str) -> str:
    """Why these fields let the answer beside them not count; empty when they do not.

    Args:
        others: The fields that were not asked for.
        category: Of the answer.
        post: What the question was about.
    """
    own = letters(post)
    for name, value in _fields(others):
        if isinstance(value, str) and category_of(value) in SENTIMENTS.keys() - {category} and not _ASIDE.search(name):
            return "it names several sentiments"
        if isinstance(value, str) and _POSTS.fullmatch(name) and letters(value) not in own:
            return "it holds an answer to another post"
    for name, value in others.items():
        if _fails(apart(name), value):
            return "it says that it holds no verdict"
        if _is_early(apart(name), value):
            return "it calls itself a draft or an example"
    return ""


def category_of(value: str) -> str:
    """The category that a value names, without case, spaces and signs around it; the value itself when it is long."""
    named = value.replace("\ufeff", "").strip().lower()
    return _SPACES.sub("_", _EDGES.sub("", named)) if len(named) <= _SHORT_CHARS else named


def letters(text: str) -> str:
    """The text without all that may be written in another way."""
    return _NO_LETTERS.sub("", text.lower())


def _fields(others: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """All values within, with the names of the fields that they stand in."""
    left = list(others.items())
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            left += [(inner if not _ASIDE.search(apart(name)) else name, one) for inner, one in value.items()]
        elif isinstance(value, list):
            left += [(name, one) for one in value]
        else:
            yield apart(name), value


def _fails(name: str, value: Any) -> bool:
    if _FAILURE.fullmatch(name):
        return bool(value) and str(value).strip(" .!").lower() not in _FINE
    return isinstance(value, str) and declines(value)


def _is_early(name: str, value: Any) -> bool:
    if _DENIED.fullmatch(name):
        return value is False or str(value).strip().lower() in _NO
    short = value if isinstance(value, str) and len(value) <= _SHORT_CHARS else ""
    if value is True and _NEEDS.search(name):
        return True
    if name.lower() in _STAGES and _EARLY.search(short):
        return True
    return bool(short or value is True) and speaks_against(f"{name} {apart(short)}:")
