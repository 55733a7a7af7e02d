"""Which of the objects that a model wrote is its answer to the question, if it is clear that one is. Pure.

What stands between marks, behind words of a draft or an example, or after the model went on with posts of its own, is
none. Of several that differ the last one is, and only where it is announced as the final or a corrected one and nothing
after it may be another. In doubt there is none: to ask once more costs a call, and a wrong verdict the post.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actor.analyzer.beside import letters
from actor.analyzer.declines import declines
from actor.analyzer.follow_up import ANSWER_FIELD, begins_another, runs_on, takes_back
from actor.analyzer.lead_in import announces, is_led_away, is_strange_label
from actor.analyzer.marks import enclosed, plain, without_marks
from actor.analyzer.prompt import SENTIMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actor.analyzer.answer import ModelAnswer
    from actor.analyzer.json_in_text import FoundObject

__all__ = ["Said", "UnclearError", "choose"]

_CATEGORIES: Final = {value: name for name, value in SENTIMENTS.items()}
_SPEAKS_OF: Final = re.compile(r"(?<![\w-])(?!(?:is|are|be|as|return)\W*$)[^\W\d_]+[,']?\s+[`*\"'(]*$", re.IGNORECASE)
_GOES_ON: Final = re.compile(r"[`*\"')]*\s*[,;:]?\s*[a-z]")
_WORD: Final = re.compile(r"\w")


class UnclearError(Exception):
    """It is not clear what the answer is. The message is ours and quotes nothing."""


class Said(NamedTuple):
    """An object, and the answer that it would be; else why it cannot be one."""

    found: FoundObject
    answer: ModelAnswer | None
    flaw: str


class _Standing(NamedTuple):
    """An answer that nothing takes away; one under a label that nobody knows is only as good as to be replaced."""

    found: FoundObject
    answer: ModelAnswer
    is_strange: bool


def choose(text: str, said: Sequence[Said], post: str) -> ModelAnswer:
    """The answer.

    Args:
        text: What the model said.
        said: All objects in it, first to last.
        post: What the question was about.

    Raises:
        UnclearError: None of them is, as far as one can tell.
    """
    first = next((one for one in said if one.answer is not None), None)
    if first is None:
        raise UnclearError(said[-1].flaw if said else "it holds no JSON object")
    view = _blanked(plain(text), said)
    _require_own(view[: first.found.start], [one for one in said if one.found.start < first.found.start], post)
    end = _end(view, said, first)
    said = [one for one in said if one.found.start < end]
    if declines(without_marks(view[:end])):
        raise UnclearError("it says that it holds no verdict")
    standing = [one for one in _standing(view, said) if not _is_quoted(one.found, text, view, post)]
    if not standing or standing[-1].is_strange:
        raise UnclearError("it holds a draft or an example, and no answer")
    last, answer, _ = standing[-1]
    after = [one for one in said if one.found.start > last.start]
    tail = view[last.end : end]
    if any(other.answer != answer for other in standing) and (
        _WORD.search(without_marks(tail)) or not _is_corrected(view, standing)
    ):
        raise UnclearError("it holds several answers that differ")
    if _is_begun_before(view[: last.start]):
        raise UnclearError("an answer that cannot be read stands before it")
    if any(_may_correct(one, answer, text) for one in after) or takes_back(
        tail, _CATEGORIES[answer.sentiment], about=answer.about_bittensor
    ):
        raise UnclearError("what follows the answer may take it back")
    return answer


def _blanked(view: str, said: Sequence[Said]) -> str:
    """The text without what stands in the objects, at the same places."""
    pieces: list[str] = []
    at = 0
    for one in said:
        pieces += [view[at : one.found.start], " " * (one.found.end - one.found.start)]
        at = one.found.end
    return "".join([*pieces, view[at:]])


def _require_own(before: str, said: Sequence[Said], post: str) -> None:
    """Some models repeat the question first. It has to be this one, and no example or invention."""
    inputs = [one for one in said if _is_input(one.found.value)]
    marked = runs_on(before, 0) < len(before)
    own = letters(post)
    if len(inputs) > 1 or (marked and not inputs):
        raise UnclearError("it holds posts of its own before the answer")
    if any(not own.startswith(letters(one.found.value["post"])) for one in inputs):
        raise UnclearError("it holds an answer to another post")


def _is_input(value: dict[str, Any]) -> bool:
    return "candidates" in value and isinstance(value.get("post"), str)


def _end(view: str, said: Sequence[Said], first: Said) -> int:
    """Where the model, once it has answered, goes on with posts of its own."""
    start = first.found.end
    invented = (one.found.start for one in said if one.found.start >= start and _is_input(one.found.value))
    return min(runs_on(view, start), next(invented, len(view)))


def _standing(view: str, said: Sequence[Said]) -> list[_Standing]:
    """The answers that neither marks nor words around them take away."""
    inside = enclosed(view, [one.found.start for one in said])
    standing: list[_Standing] = []
    led_away = False
    at = 0
    for one, is_inside in zip(said, inside, strict=True):
        gap = view[at : one.found.start]
        led_away = is_led_away(gap, before=led_away)
        is_strange = led_away and is_strange_label(gap)
        led_away = led_away and not _is_input(one.found.value)  # its label says nothing of what follows
        at = one.found.end
        if one.answer is not None and (is_strange or not led_away) and not is_inside and not _is_mentioned(one, view):
            standing.append(_Standing(one.found, one.answer, is_strange))
    return standing


def _is_corrected(view: str, standing: Sequence[_Standing]) -> bool:
    """Whether the last answer is announced, where it is first given, as the one that replaces those that differ."""
    first, last = standing[0], standing[-1]
    at = max(place for place, one in enumerate(standing) if one.answer != last.answer)
    gap = view[standing[at].found.end : standing[at + 1].found.start]
    return announces(gap) and not begins_another(view[first.found.end : last.found.start])


def _is_begun_before(before: str) -> bool:
    """Whether an answer was begun that cannot be read, and neither marks nor words say that another one replaces it."""
    begun = list(ANSWER_FIELD.finditer(before))
    if not begun:
        return False
    at = max(0, before.rfind("{", 0, begun[0].start() + 1))
    taken_away = enclosed(before, [at])[0] or is_led_away(before[:at], before=False)
    return not taken_away and not announces(before[begun[-1].end() :])


def _is_mentioned(one: Said, view: str) -> bool:
    """Whether it stands in the middle of a sentence that goes on after it."""
    before = view[: one.found.start].rpartition("\n")[2]
    after = view[one.found.end :].partition("\n")[0]
    return bool(_SPEAKS_OF.search(before) and _GOES_ON.match(after))


def _is_quoted(found: FoundObject, text: str, view: str, post: str) -> bool:
    """Whether, in the middle of words, it says nothing but what the post says."""
    words = letters(text[found.start : found.end])
    return words in letters(post) and bool(_WORD.search(without_marks(view)))


def _may_correct(later: Said, answer: ModelAnswer, text: str) -> bool:
    if later.answer is not None:
        return later.answer != answer
    return ANSWER_FIELD.search(text, later.found.start, later.found.end) is not None
