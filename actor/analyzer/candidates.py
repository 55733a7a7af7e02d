"""Candidates: which subnets a post may be about without naming them, a few at most, the same ones every time.

Judged by words alone: rare words of a subnet's functions, and identifiers that mentions.py left open. This
module never decides relevance; it decides which questions the language model is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from actor.analyzer.fold import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actor.analyzer.mentions import Mentions
    from actor.analyzer.registry import Registry, Subnet

__all__ = ["MAX_CANDIDATES", "CandidateFinder"]

MAX_CANDIDATES: Final = 8
_ENOUGH: Final = 3  # one word that only one subnet has, or two less rare ones
_HINT_WEIGHT: Final = 4
_WORD: Final = re.compile(r"[a-z0-9]+")
_ENDINGS: Final = ("ations", "ation", "ings", "ing", "ions", "ion", "ies", "ers", "er", "ed", "es", "s", "y", "e")
_MIN_STEM_CHARS: Final = 3
_COMMON_TEXT: Final = (
    "about across against agent agents alpha answer answers around based being best between bittensor build built "
    "chain check checks close code collection community compute contest contests could crypto data decentralized "
    "direction each evaluate every first from funded general have hour human improve infrastructure into joint judge "
    "large level like live long make many market markets merged miner miners mining model models network networks "
    "node nodes only open other over people personal platform post posts power price prices problem product project projects "
    "public quality real research result results reward rewards right run running scale score server servers service "
    "services shared short should social solved some source speed start subnet subnets system systems task tasks tests that "
    "their them they this through time token tokens tool tools trade traders trading train training user users using "
    "validator validators value volume what when which will with within work workers working workload world would "
    "year your"
)
_COMMON: Final = frozenset(_COMMON_TEXT.split())


class CandidateFinder:
    """Ranks the subnets of one registry for a post. Built once, then only read."""

    def __init__(self, registry: Registry) -> None:
        words = {subnet.id: _stems(" ".join(subnet.functions)) for subnet in registry.subnets}
        frequency = Counter(stem for stems in words.values() for stem in stems)
        self._by_id = registry.by_id
        self._subnets_with: dict[str, list[int]] = {}
        for number, stems in words.items():
            for stem in sorted(stems):
                self._subnets_with.setdefault(stem, []).append(number)
        self._weight = {stem: _weight(count) for stem, count in frequency.items()}

    def find(self, text: str, mentions: Mentions) -> tuple[Subnet, ...]:
        """Return at most MAX_CANDIDATES subnets, the likeliest first, none of them mentioned directly."""
        weight: Counter[int] = Counter({subnet.id: _HINT_WEIGHT for subnet in mentions.hints})
        for stem in _stems(fold(text)):
            for number in self._subnets_with.get(stem, ()):
                weight[number] += self._weight[stem]
        direct = {subnet.id for subnet in mentions.direct}
        enough = [number for number, sum_ in weight.items() if sum_ >= _ENOUGH and number not in direct]
        ranked = sorted(enough, key=lambda number: (-weight[number], number))
        # What nobody knows the functions of, nobody can ask about.
        known = [self._by_id[number] for number in ranked if self._by_id[number].functions]
        return tuple(known[:MAX_CANDIDATES])


def _weight(subnets: int) -> int:
    """Return what a word says about a subnet when so many subnets have it."""
    for most, weight in ((1, 3), (3, 2), (8, 1)):
        if subnets <= most:
            return weight
    return 0


def _stems(text: str) -> set[str]:
    words: Iterable[str] = _WORD.findall(text.lower())
    return {_stem(word) for word in words if len(word) > 2 and word not in _COMMON}  # noqa: PLR2004 - AI, of, in


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM_CHARS:
            return word[: -len(ending)]
    return word
