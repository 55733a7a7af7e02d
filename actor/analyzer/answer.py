"""Reading the model's answer: any text in, a checked `Answer` or `AnswerError` out, nothing else.

Only what was offered can come out: categories of ours, candidates by their names, functions by their positions,
and terms that stand in the post. Everything else in the answer is dropped unread.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.prompt import SENTIMENTS
from events.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actor.analyzer.registry import Subnet

__all__ = ["Answer", "AnswerError", "Discussed", "read_answer"]

MAX_ANSWER_CHARS: Final = 100_000
_MAX_TRIES: Final = 20
_DECODER: Final = json.JSONDecoder()
_THOUGHT_END: Final = "</think>"


class AnswerError(Exception):
    """The answer cannot be used. The message is ours and quotes nothing from the answer."""


class Discussed(Value, frozen=True, kw_only=True):
    """What the model says that a post says about one candidate.

    Attributes:
        functions: How many of the candidate's functions are discussed.
        terms: How many Bittensor terms, which all stand in the post, are used about it.
    """

    functions: int
    terms: int


class Answer(Value, frozen=True, kw_only=True):
    """The model's answer, reduced to what was asked.

    Attributes:
        about_bittensor: Whether the post is about Bittensor at all.
        sentiment: A value of `SENTIMENTS`.
        discussed: By subnet name; only names that were offered.
    """

    about_bittensor: bool
    sentiment: float
    discussed: dict[str, Discussed]


def read_answer(text: str, candidates: Sequence[Subnet], post: str) -> Answer:
    """Check an answer against what was offered.

    Raises:
        AnswerError: There is no JSON object in it with the three parts asked for.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise AnswerError(f"it is longer than {MAX_ANSWER_CHARS} characters")
    flaw = "it holds no JSON object"
    for found in _objects(text):
        about, sentiment, subnets = found.get("about_bittensor"), found.get("sentiment"), found.get("subnets")
        if not isinstance(about, bool):
            flaw = "about_bittensor must be true or false"
        elif not isinstance(sentiment, str) or sentiment not in SENTIMENTS:
            flaw = f"sentiment must be one of {', '.join(SENTIMENTS)}"
        elif not isinstance(subnets, list):
            flaw = "subnets must be a list"
        else:
            return Answer(
                about_bittensor=about,
                sentiment=SENTIMENTS[sentiment],
                discussed=_discussed(subnets, candidates, post.lower()),
            )
    raise AnswerError(flaw)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a text: the text itself, or those between fences, prose and thoughts."""
    text = text.rpartition(_THOUGHT_END)[2]
    position = text.find("{")
    for _ in range(_MAX_TRIES):
        if position < 0:
            return
        try:
            found, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            yield found
        position = text.find("{", end)


def _discussed(subnets: list[Any], candidates: Sequence[Subnet], post: str) -> dict[str, Discussed]:
    offered = {subnet.name: subnet for subnet in candidates}
    functions: dict[str, set[int]] = {}
    terms: dict[str, set[str]] = {}
    for entry in subnets:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name not in offered:
            continue
        many = len(offered[name].functions)
        functions.setdefault(name, set()).update(
            index for index in _list(entry.get("functions")) if type(index) is int and 0 <= index < many
        )
        terms.setdefault(name, set()).update(
            term.strip().lower()
            for term in _list(entry.get("bittensor_terms"))
            if isinstance(term, str) and term.strip() and term.strip().lower() in post
        )
    return {name: Discussed(functions=len(functions[name]), terms=len(terms[name])) for name in functions}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
