"""Reading the model's answer: any text in, a checked `ModelAnswer` or `AnswerError` out, nothing else.

Only what was offered can come out: categories of ours, candidates by their names, functions by their positions,
and terms that stand in the post. Everything else in the answer is dropped unread. Thoughts, drafts and examples are no
answers; of several answers that differ the last one counts, and only where nothing follows it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.beside import category_of, objection
from actor.analyzer.choice import Said, UnclearError, choose
from actor.analyzer.json_in_text import FoundObject, TangledError, objects_in, whole_object
from actor.analyzer.marks import is_neutral
from actor.analyzer.prompt import EXAMPLE_NAMES, SENTIMENTS
from actor.analyzer.thoughts import UnfinishedError, after_thoughts
from events.codec import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actor.analyzer.registry import Subnet

__all__ = ["SCHEMA_NAME", "AnswerError", "Discussed", "ModelAnswer", "read_answer", "spoken"]

SCHEMA_NAME: Final = "post_analysis"

MAX_ANSWER_CHARS: Final = 100_000
_BOOLEANS: Final = {"true": True, "yes": True, "false": False, "no": False}
_SPACES: Final = re.compile(r"[\s\-]+")
_MAX_DIGITS: Final = 3
_FIELDS: Final = frozenset({"about_bittensor", "sentiment", "subnets"})
_LABELS: Final = frozenset({"id", "name", "type", "tool", "action"})  # of a call, beside its arguments
_MOST_WRAPPERS: Final = 3
_LABEL: Final = re.compile(r"(?:json[c5]?|javascript|js)\b\s*", re.IGNORECASE)


class AnswerError(Exception):
    """The answer cannot be used. The message is ours and quotes nothing from the answer.

    Attributes:
        unfinished: Thoughts took all the room that the answer had.
    """

    def __init__(self, flaw: str, *, unfinished: bool = False) -> None:
        super().__init__(flaw)
        self.unfinished = unfinished


class Discussed(Value, frozen=True, kw_only=True):
    """What the model says that a post says about one candidate.

    Attributes:
        functions: How many of the candidate's functions are discussed.
        terms: How many Bittensor terms, which all stand in the post, are used about it.
    """

    functions: int
    terms: int


class ModelAnswer(Value, frozen=True, kw_only=True):
    """The model's answer, reduced to what was asked.

    Attributes:
        about_bittensor: Whether the post is about Bittensor at all.
        sentiment: A value of `SENTIMENTS`.
        discussed: By subnet name; only names that were offered.
    """

    about_bittensor: bool
    sentiment: float
    discussed: dict[str, Discussed]


def spoken(text: str, *, cut_off: bool, thought: bool = False) -> str:
    """What the model says to its reader: the text without thoughts.

    Args:
        text: The answer as it came.
        cut_off: It ended at its limit. Then only a text that is whole all the same can be used.
        thought: The server told thoughts apart, which took of the room as well.

    Raises:
        AnswerError: The thoughts do not end, or what follows them was cut off.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise AnswerError(f"it is longer than {MAX_ANSWER_CHARS} characters")
    text = text.lstrip("\ufeff").strip()
    if whole_object(_unfenced(text)):
        return text
    try:
        said = after_thoughts(text)
    except UnfinishedError:
        raise AnswerError("its thoughts do not end", unfinished=True) from None  # whatever the server says of its end
    if cut_off and not whole_object(_unfenced(said)):
        raise AnswerError("it was cut off", unfinished=thought or len(said) < len(text))
    return said


def _unfenced(text: str) -> str:
    text = text.strip("` \t\r\n")
    return text[label.end() :] if (label := _LABEL.match(text)) else text


def read_answer(text: str, candidates: Sequence[Subnet], post: str) -> ModelAnswer:
    """Check what the model said against what was offered.

    Raises:
        AnswerError: There is no JSON object in it with the parts asked for, or it is not clear that one is the answer.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise AnswerError(f"it is longer than {MAX_ANSWER_CHARS} characters")
    try:
        objects = objects_in(text)
    except TangledError:
        raise AnswerError("it holds no JSON object that is easy to find: too many braces open none") from None
    try:
        return choose(text, [_said(found, candidates, post) for found in objects], post)
    except UnclearError as error:
        raise AnswerError(str(error)) from None


def _said(found: FoundObject, candidates: Sequence[Subnet], post: str) -> Said:
    try:
        return Said(found, _answer(_unwrapped(found.value), candidates, post.lower()), "")
    except AnswerError as error:
        return Said(found, None, str(error))


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """An object that holds nothing but another one is that one: some models wrap or call what they are asked for."""
    for _ in range(_MOST_WRAPPERS):
        name = next((name for name in value if name not in _LABELS), "")
        labels = (label for key, label in value.items() if key in _LABELS - {"id", name})
        inner = _object(value.get(name))
        if inner is None or not all(map(_is_label, (name, *labels))) or value.keys() - _LABELS - {name}:
            break
        value = inner
    return value


def _object(value: Any) -> dict[str, Any] | None:
    """An object, or one that is written out in a string, as the arguments of a call are."""
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if isinstance(value, str) and whole_object(value):
        value = objects_in(value)[0].value
    return value if isinstance(value, dict) else None


def _is_label(name: Any) -> bool:
    return isinstance(name, str) and (name == SCHEMA_NAME or is_neutral(name))


def _answer(found: dict[str, Any], candidates: Sequence[Subnet], post: str) -> ModelAnswer:
    found = _named(found)
    about = found.get("about_bittensor")
    about = _BOOLEANS.get(_plain(about)) if isinstance(about, str) else about
    if not isinstance(about, bool):
        raise AnswerError("about_bittensor must be true or false")
    sentiment = found.get("sentiment")
    category = category_of(sentiment) if isinstance(sentiment, str) else ""
    if category not in SENTIMENTS:
        raise AnswerError(f"sentiment must be one of {', '.join(SENTIMENTS)}")
    names = list(found)
    at = names.index("sentiment")
    for fields, is_behind in ((names[:at], False), (names[at:], True)):
        others = {name: found[name] for name in fields if name not in _FIELDS}
        if flaw := objection(others, category, post, about=about, is_behind=is_behind):
            raise AnswerError(flaw)
    _require_no_example(found.get("subnets"), candidates)
    subnets = found.get("subnets") if candidates else []
    if not isinstance(subnets, list):
        raise AnswerError("subnets must be a list")
    discussed = _discussed(subnets, candidates, post)
    return ModelAnswer(about_bittensor=about, sentiment=SENTIMENTS[category], discussed=discussed)


def _named(found: dict[str, Any]) -> dict[str, Any]:
    """With the names of fields as they were asked for, however they are written."""
    named: dict[str, Any] = {}
    for name, value in found.items():
        asked = _SPACES.sub("_", _plain(name.replace("\\", "")))
        asked = asked if asked in _FIELDS else name
        if asked in named and named[asked] != value:
            raise AnswerError(f"it gives {asked} twice, differently")
        named[asked] = value
    return named


def _require_no_example(subnets: Any, candidates: Sequence[Subnet]) -> None:
    """Who names the subnet of the prompt's examples answers those, and not the question."""
    offered = {_plain(subnet.name) for subnet in candidates}
    entries = [entry for entry in _list(subnets) if isinstance(entry, dict)]
    names = {_plain(entry["name"]) for entry in entries if isinstance(entry.get("name"), str)}
    if names & EXAMPLE_NAMES - offered:
        raise AnswerError("it answers an example")


def _discussed(subnets: list[Any], candidates: Sequence[Subnet], post: str) -> dict[str, Discussed]:
    offered = {_plain(subnet.name): subnet for subnet in candidates}
    functions: dict[str, set[int]] = {}
    terms: dict[str, set[str]] = {}
    for entry in subnets:
        given = entry.get("name") if isinstance(entry, dict) else None
        subnet = offered.get(_plain(given)) if isinstance(given, str) else None
        if subnet is None:
            continue
        functions.setdefault(subnet.name, set()).update(
            position
            for function in _list(entry.get("functions"))
            if (position := _position(function, subnet)) is not None
        )
        terms.setdefault(subnet.name, set()).update(
            _plain(term)
            for term in _list(entry.get("bittensor_terms"))
            if isinstance(term, str) and _plain(term) and _plain(term) in post
        )
    return {name: Discussed(functions=len(functions[name]), terms=len(terms[name])) for name in functions}


def _position(function: Any, subnet: Subnet) -> int | None:
    """Which function is meant: by its position, however that is written, or by its own words."""
    if isinstance(function, str):
        words = [_plain(words) for words in subnet.functions]
        text = _plain(function)
        is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        position = words.index(text) if text in words else int(text) if is_number else -1
    elif isinstance(function, int | float) and not isinstance(function, bool) and function == function // 1:
        position = int(function)
    else:
        return None
    return position if 0 <= position < len(subnet.functions) else None


def _plain(text: str) -> str:
    """The text as it is compared: without case, spaces around it, and marks that nobody sees."""
    return text.replace("\ufeff", "").strip().lower()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
