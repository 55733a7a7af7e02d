"""What stands in an answer's object beside the fields that were asked for, and may speak against the answer. Pure.

Such fields are dropped, unless they say that there is no verdict, another one, or one of another post.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.declines import declines
from actor.analyzer.follow_up import contradicts, speaks_back
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
    r"(?:(?:input|original|the|candidate|for|of) )?(?:post|tweet|input)(?: (?:text|content))?", re.IGNORECASE
)
_FAILURE: Final = re.compile(r"errors?(?: \w+)?|refusal|refused|declined|failure|exception", re.IGNORECASE)
_FINE: Final = frozenset({"", "none", "no", "null", "no error", "no errors", "ok", "n/a", "false"})
_DENIED: Final = re.compile(
    r"(?:is )?(?:final(?: answer| version)?|valid|correct|approved|accepted|confirmed|done|"
    r"completed?|finali[sz]ed|success(?:ful)?|ok|usable|passed|applicable|"
    r"(?:can )?(?:answer|judge|determine)(?:able|d)?)",
    re.IGNORECASE,
)
_NEEDS: Final = re.compile(
    r"\bneeds? (?:\w+ )?(?:review|revision|checking)\b|\b(?:unverified|unsure|outdated)\b", re.IGNORECASE
)
_NO: Final = frozenset({"false", "no", "0"})
_YES: Final = frozenset({"true", "yes", "1"})
_ABOUT: Final = re.compile(
    r"(?:is |are |post |not |un|ir|about |related(?: to)? |relevant(?: to)? |mentions |concerns )*"
    r"(?:bittensor|tao|relevant|related|on topic)(?: related| post)?",
    re.IGNORECASE,
)
_NOT: Final = re.compile(r"\b(?:not|un|ir)", re.IGNORECASE)
_GIVES_UP: Final = re.compile(
    r"(?:is )?(?:skip(?:ped)?|ignored?|discard(?:ed)?|abstain(?:ed)?|unknown|undetermined|unclear|not applicable|n a|"
    r"retract(?:ed)?|superseded|void|rejected)",
    re.IGNORECASE,
)
_SCORE: Final = re.compile(r"(?:sentiment|polarity)(?: (?:score|value|number|index|polarity))?", re.IGNORECASE)
_STAGES: Final = frozenset({"stage", "status", "type", "kind", "phase", "version", "state", "step"})
_EARLY: Final = re.compile(
    r"\b(?:initial|first|early|old|rejected|superseded|discarded|pending|in progress|failed|failure|errors?|draft)\b",
    re.IGNORECASE,
)


def objection(others: dict[str, Any], category: str, post: str, *, about: bool, is_behind: bool) -> str:
    """Why these fields let the answer beside them not count; empty when they do not.

    Args:
        others: Fields that were not asked for.
        category: Of the answer.
        post: What the question was about.
        about: The answer says that the post is about Bittensor.
        is_behind: They stand behind the sentiment, so that prose in them is more than thoughts on the way to it.
    """
    own = letters(post)
    for name, value in _fields(others):
        if isinstance(value, str) and _POSTS.fullmatch(name) and letters(value) not in own:
            return "it holds an answer to another post"
        if _ASIDE.search(name) or _FAILURE.fullmatch(name) or (not _is_short(value) and letters(str(value)) in own):
            continue
        if _differs(name, value, category, about=about) or (
            (is_behind or _is_short(value)) and _speaks_otherwise(f"{name} -\n{value}", category, about=about)
        ):
            return "what stands beside it speaks for another answer, or for none"
    for name, value in others.items():
        if _fails(apart(name), value):
            return "it says that it holds no verdict"
        if _is_early(apart(name), value):
            return "it calls itself a draft or an example"
    return ""


def _differs(name: str, value: Any, category: str, *, about: bool) -> bool:
    """Whether a field answers one of the questions, under another name, in another way."""
    said = _truth(value)
    if said is not None and _ABOUT.fullmatch(name):
        return (said is not bool(_NOT.search(name))) is not about
    if isinstance(value, str):
        return category_of(value) in SENTIMENTS.keys() - {category}
    is_score = isinstance(value, int | float) and _SCORE.fullmatch(name)
    return bool(is_score and value < 0 < SENTIMENTS[category])  # one above 0 may be no more than a strength


def _truth(value: Any) -> bool | None:
    said = str(value).strip().lower()
    return True if said in _YES else False if said in _NO else None


def _is_short(value: Any) -> bool:
    return not isinstance(value, bool) and len(str(value)) <= _SHORT_CHARS


def _speaks_otherwise(words: str, category: str, *, about: bool) -> bool:
    words = f"beside {words}"  # no sentence begins with the name
    return contradicts(words, category, about=about, alone=True) or speaks_back(words)


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
        return _truth(value) is False
    short = value if isinstance(value, str) and len(value) <= _SHORT_CHARS else ""
    if value is True and (_NEEDS.search(name) or _GIVES_UP.fullmatch(name)):
        return True
    if name.lower() in _STAGES and _EARLY.search(short):
        return True
    return bool(short or value is True) and speaks_against(f"{name} {apart(short)}:")
