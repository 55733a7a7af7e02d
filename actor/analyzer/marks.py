"""Marks that a model sets around parts of what it says: tags, special tokens, fences. Pure.

A part between marks is the answer only where their name says nothing else: whoever invents a tag for drafts, or a fence
for thoughts, is understood without being known.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["enclosed", "is_neutral", "plain", "without_marks"]

# One character for one, so that places in the text stay what they are.
_LOOKALIKES: Final = {
    **{0xFEE0 + char: char for char in range(0x21, 0x7F)},  # full-width forms
    **dict.fromkeys((0x25C1, 0x2039, 0x27E8), "<"),
    **dict.fromkeys((0x25B7, 0x203A, 0x27E9), ">"),
    0x3010: "[",
    0x3011: "]",
    0x2581: "_",
    0x2018: "'",
    0x2019: "'",
    0x2013: "-",
    0x2014: "-",
    0xA0: " ",
}
_ESCAPED: Final = re.compile(
    r"(?P<left>&(?:amp;)?(?:lt|#0*60|#x0*3c);|\\u003c)|(?P<right>&(?:amp;)?(?:gt|#0*62|#x0*3e);|\\u003e)|\\(?=[<>/])",
    re.IGNORECASE,
)

# Words of names that say no more than "this is the answer", or nothing at all.
_NEUTRAL: Final = frozenset(
    {
        *("answer", "final", "result", "results", "response", "output", "json", "data", "object", "solution", "reply"),
        *("verdict", "judgement", "judgment", "analysis", "assessment", "evaluation", "classification", "box", "boxed"),
        *("completion", "content", "text", "payload", "assistant", "model", "message", "sentence", "turn"),
        *("im", "header", "id", "eot", "eom", "bos", "eos", "pad", "unk"),
        *("tool", "tools", "call", "calls", "function", "functions", "arguments", "args", "parameters"),
        *("parameter", "use", "invoke", "functioncall", "class", "style"),
        *("html", "body", "head", "p", "div", "span", "pre", "code", "b", "i", "u", "em", "strong", "br", "hr", "li"),
        *("ul", "ol", "center", "font", "h1", "h2", "h3", "h4", "section", "article"),
        *("jsonc", "json5", "javascript", "js", "typescript", "ts", "python", "py", "plaintext", "plain", "txt", "md"),
        *("markdown", "yaml", "yml", "xml", "bash", "sh", "shell", "toml"),
    }
)
_EDGES: Final = frozenset({"begin", "start", "end", "of"})
_WORDS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+|[^\W\da-zA-Z_]+")
_MARK: Final = re.compile(
    r"<(?P<bar>\|)?\s*(?P<end>/)?(?P<name>[a-z][\w:.-]{0,60})(?P<more>\s[^<>]{0,200})?\s*(?P<void>/)?\|?>"
    r"|\[(?P<shut>/)?(?P<square>[a-z][\w -]{0,40})\]"
    r"|(?:`{3,}|~{3,})(?P<label>[a-z][\w.+-]{0,40}|[ \t]*[a-z](?:[\w.+-]{0,39}[\w+])?(?=[ \t]*(?:$|[\n`~])))?"
    r"|(?P<remark><!--|-->|/\*|\*/)|(?P<struck>~~)",
    re.IGNORECASE,
)
_REMARKS: Final = {"-->": "<!--", "*/": "/*"}
_FENCE: Final = "```"
_LOOK: Final = re.compile(r"\b(?:class|style|hidden)\b", re.IGNORECASE)  # how a tag says that it strikes out or hides
_STRUCK: Final = "s"


def plain(text: str) -> str:
    """The text as marks are looked for in it: as long, with one spelling of brackets, quotes and full-width letters."""
    return _ESCAPED.sub(_bracket, text).translate(_LOOKALIKES)


def _bracket(sign: re.Match[str]) -> str:
    meant = "<" if sign["left"] else ">" if sign["right"] else ""
    return meant.rjust(len(sign[0]))


def is_neutral(name: str) -> bool:
    """Whether the name of a tag, a fence or a field around an answer says nothing against it."""
    return {word.lower() for word in _WORDS.findall(name)} <= _NEUTRAL | _EDGES


def without_marks(text: str) -> str:
    """A plain text without its marks."""
    return _MARK.sub("", text)


def enclosed(text: str, places: Sequence[int]) -> list[bool]:
    """Whether each of these places stands between marks whose name says that this is not the answer.

    Marks that are never closed hold all that follows, and those that were never opened all that stands before.

    Args:
        text: Plain, without what stands in the objects.
        places: Where the objects begin.
    """
    opened: list[tuple[str, int]] = []
    count: Counter[str] = Counter()
    spans: list[tuple[int, int]] = []
    for step in _steps(text):
        if is_neutral(step.name):
            continue
        if not step.is_end:
            opened.append((step.name, step.at))
            count[step.name] += 1
            continue
        begin = 0
        while count[step.name]:  # what was opened within ends with it
            name, begin = opened.pop()
            count[name] -= 1
            if name == step.name:
                break
        spans.append((begin, step.at))
    spans += [(begin, len(text)) for _, begin in opened]
    return [any(begin <= place < end for begin, end in spans) for place in places]


class _Step(NamedTuple):
    name: str
    is_end: bool
    at: int


def _steps(text: str) -> Iterator[_Step]:
    """The marks that open and close something."""
    marks = list(_MARK.finditer(text))
    struck = [bool(mark["end"]) for mark in marks if (mark["name"] or "").lower() == _STRUCK]
    if all(struck) or not any(struck[struck.index(False) :]):  # no pair, but tokens that begin and end a text
        marks = [mark for mark in marks if (mark["name"] or "").lower() != _STRUCK]
    shut = {mark["square"].lower() for mark in marks if mark["shut"]}
    toggled: dict[str, str] = {}  # marks that end with what they begin with
    for mark in marks:
        if mark["name"]:
            yield from _tag(mark)
        elif mark["square"]:
            name = mark["square"].lower()
            if name in shut:  # else a word in brackets
                yield _Step(name, bool(mark["shut"]), mark.start())
        elif mark["remark"]:
            name = _REMARKS.get(mark["remark"], mark["remark"])
            yield _Step(f"remark {name}", name != mark["remark"], mark.start())
        else:
            yield from _toggle(mark, toggled)


def _tag(mark: re.Match[str]) -> Iterator[_Step]:
    """A tag, or a special token that says in its name that it begins or ends something; others only stand there."""
    look = mark["more"] if mark["more"] and _LOOK.search(mark["more"]) else ""
    words = [word.lower() for word in _WORDS.findall(mark["name"] + look)]
    edges = {*words[:1], *words[-1:]} & _EDGES
    if not mark["void"] and (edges or not mark["bar"]):
        name = " ".join(word for word in words if word not in _EDGES)
        yield _Step(name, bool(mark["end"]) or "end" in edges, mark.start())


def _toggle(mark: re.Match[str], toggled: dict[str, str]) -> Iterator[_Step]:
    kind = "struck" if mark["struck"] else _FENCE
    name = toggled.pop(kind, None)
    if name is not None:
        yield _Step(name, is_end=True, at=mark.start())
    if name is None or mark["label"]:
        toggled[kind] = "struck" if mark["struck"] else mark["label"] or ""
        yield _Step(toggled[kind], is_end=False, at=mark.start())
