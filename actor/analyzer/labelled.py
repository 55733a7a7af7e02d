"""Labelled posts: what a post says by the judgement of a person, to hold strategies and models against.

One JSON object a line, as docs/developers/analyzer.md describes. Nothing here looks at what a strategy would say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.prompt import SENTIMENTS
from actor.analyzer.strategies import DIRECT, kept

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from actor.analyzer.registry import Registry

__all__ = ["LabelError", "LabelledPost", "load_labelled"]

_REQUIRED: Final = frozenset({"text", "direct", "sentiment"})
_OPTIONAL: Final = frozenset({"kind", "discussed"})
_LEVELS: Final = (0.7, 0.4, 0.2)


class LabelError(Exception):
    """The labelled posts cannot be used; one line that names file and line, and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPost:
    """A post and its labels.

    Attributes:
        line: Its line in the file, from 1.
        kind: What it is an example of; may be empty.
        text: The post as X would serve it.
        direct: Names of the subnets that it names outright.
        discussed: Relevance of the subnets that it speaks of without naming them, by name.
        sentiment: One of `SENTIMENTS`.
    """

    line: int
    kind: str
    text: str
    direct: frozenset[str]
    discussed: Mapping[str, float]
    sentiment: str

    @property
    def tokens(self) -> dict[str, float]:
        """What the contract gives for these labels."""
        return kept({**self.discussed, **dict.fromkeys(self.direct, DIRECT)})


def load_labelled(path: Path, registry: Registry) -> list[LabelledPost]:
    """Read labelled posts; subnets stand in them by name or number.

    Raises:
        LabelError: The file cannot be read, holds no post, or a line is wrong.
    """
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except OSError as error:
        raise LabelError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"{path}: is no UTF-8 text: {error}") from error
    posts = []
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip():
                posts.append(_post(number, line, registry))
        except LabelError as error:
            raise LabelError(f"{path}:{number}: {error}") from None
    if not posts:
        raise LabelError(f"{path}: holds no post, expected one JSON object a line")
    return posts


def _post(number: int, line: str, registry: Registry) -> LabelledPost:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LabelError(f"is no JSON: {error}") from error
    if not isinstance(found, dict) or not found.keys() >= _REQUIRED or not found.keys() <= _REQUIRED | _OPTIONAL:
        raise LabelError("expected an object with text, direct and sentiment, and perhaps kind and discussed")
    kind, text, sentiment = found.get("kind", ""), found["text"], found["sentiment"]
    if not isinstance(text, str) or not isinstance(kind, str):
        raise LabelError("text and kind must be strings")
    if not isinstance(sentiment, str) or sentiment not in SENTIMENTS:
        raise LabelError(f"sentiment is {sentiment!r}, expected one of {', '.join(SENTIMENTS)}")
    direct = _direct(found["direct"], registry)
    return LabelledPost(
        line=number,
        kind=kind,
        text=text,
        direct=direct,
        discussed=_discussed(found.get("discussed", {}), direct, registry),
        sentiment=sentiment,
    )


def _direct(value: Any, registry: Registry) -> frozenset[str]:
    if not isinstance(value, list):
        raise LabelError("direct must be a list of subnets")
    return frozenset(_name(subnet, registry) for subnet in value)


def _discussed(value: Any, direct: frozenset[str], registry: Registry) -> dict[str, float]:
    if not isinstance(value, dict):
        raise LabelError("discussed must be an object of subnet: relevance")
    for relevance in value.values():
        if relevance not in _LEVELS:
            raise LabelError(f"discussed holds {relevance!r}, expected one of {', '.join(map(str, _LEVELS))}")
    discussed = {_name(subnet, registry): float(relevance) for subnet, relevance in value.items()}
    if both := sorted(direct & discussed.keys()):
        raise LabelError(f"{both[0]} is both direct and discussed, expected one of them")
    return discussed


def _name(value: Any, registry: Registry) -> str:
    subnet = registry.find(value) if isinstance(value, str) else None
    if subnet is None:
        raise LabelError(f"there is no subnet {value!r}, expected a name or number of `user-miner subnets list`")
    return subnet.name
