"""Candidates: which subnets a post may be about without naming them, a few at most, the same ones every time.

Judged by words alone: rare words of a subnet's functions, and identifiers that mentions.py left open. This
module never decides relevance; it decides which questions the language model is asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actor.analyzer.mentions import Mentions
    from actor.analyzer.registry import Registry, Subnet

__all__ = ["MAX_CANDIDATES", "CandidateFinder", "is_everyday"]

MAX_CANDIDATES: Final = 8
_ENOUGH: Final = 3  # one word that only one subnet has, or two less rare ones, or most words of a function
_TELLING: Final = 2  # one word alone never tells of a function
_HINT_WEIGHT: Final = 4
_WORD: Final = re.compile(r"[a-z0-9]{3,}|(?<![a-z0-9])[0-9][a-z](?![a-z0-9])")  # not "of", "in" and "ai", but "3d"
_ENDINGS: Final = ("ations", "ation", "ings", "ing", "ions", "ion", "ies", "ers", "er", "ed", "es", "s", "y", "e")
_MIN_STEM_CHARS: Final = 3
_MAX_KNOWN: Final = 50_000
# Words that tell of nothing, not even together.
_GRAMMAR_TEXT: Final = (
    "about across against all alpha and any are around between bittensor but decentralized each every for from how "
    "into its miner model network not open other over real subnet than that the their them they this through token "
    "tao using what when which who will with within"
)
# Words that functions have and any post may have: they say nothing about a subnet.
_COMMON_TEXT: Final = (
    "about access account across act adjust against agent all alpha analysis and answer any app are around based "
    "being best between bittensor board book boost build built burn business but chain charge check chosen claim "
    "close cloud code collection colour come community company compete compose compute connect contest could "
    "count country cross crypto daily data decentralized deep deploy design develop direction discover distribute "
    "drive each end engine evaluate event every expert fact fee feedback find first for found fresh from front "
    "funded future general get hard has have health high home hour how human idea improve infrastructure input "
    "inside into its job joint judge large lead learn less level life like link live long low make many market "
    "match measure merged miner mix model more network new node not object off old one online only open opinion "
    "organic other outcome output over own paid pair path pay people personal picture platform play position post "
    "power price problem product project prompt protect proven public pull quality rank rate real record remote "
    "request research result return reward right robust rule run running safe scale score server service set "
    "settle shared short should size smart social software solve some source speed split spot spread standard "
    "start statement step stream structure subnet suggest support system target task team term tests that the "
    "their them this through time token tool track trade train transfer trust two use user using valid validator "
    "value variable verify volume was watch weight what when which who why will with within work workload world "
    "would wrap write written year you your zero"
)


class _Tells(NamedTuple):
    """What one stem tells."""

    functions: tuple[int, ...]  # positions in the finder's list
    subnets: tuple[int, ...]  # their ids; none when the word is too common to tell of a subnet
    weight: int  # what it says about each of these


class CandidateFinder:
    """Ranks the subnets of one registry for a post. Built once; it remembers words, and no post."""

    def __init__(self, registry: Registry) -> None:
        self._by_id = registry.by_id
        self._functions: list[tuple[int, int]] = []  # the subnet's id and how many words tell of the function
        told_by: dict[str, list[int]] = {}  # positions in the list above, by stem
        for subnet in registry.subnets:
            for function in subnet.functions:
                stems = {_stem(word) for word in _WORD.findall(function.lower())} - _GRAMMAR
                for stem in stems:
                    told_by.setdefault(stem, []).append(len(self._functions))
                self._functions.append((subnet.id, len(stems)))
        self._tells = {stem: self._told(stem, functions) for stem, functions in told_by.items()}
        self._known: dict[str, tuple[str, ...]] = {}  # the telling stems of the words seen so far

    def find(self, mentions: Mentions) -> tuple[Subnet, ...]:
        """Return at most MAX_CANDIDATES subnets, the likeliest first, none of them mentioned directly."""
        weight: dict[int, int] = {subnet.id: _HINT_WEIGHT for subnet in mentions.hints}
        told: dict[int, int] = {}
        for stem in self._stems(mentions.words):
            functions, subnets, each = self._tells[stem]
            for at in functions:
                told[at] = told.get(at, 0) + 1
            for number in subnets:
                weight[number] = weight.get(number, 0) + each
        for at, words in told.items():
            number, needed = self._functions[at]
            if words >= _TELLING and words * 2 >= needed:
                weight[number] = weight.get(number, 0) + _ENOUGH
        return self._ranked(weight, {subnet.id for subnet in mentions.direct})

    def _told(self, stem: str, functions: list[int]) -> _Tells:
        subnets = tuple(sorted({self._functions[at][0] for at in functions}))
        weight = 0 if stem in _COMMON else _weight(len(subnets))
        return _Tells(tuple(functions), subnets if weight else (), weight)

    def _stems(self, words: Iterable[str]) -> set[str]:
        """Return the stems of the words that tell something."""
        known = self._known
        found: set[str] = set()
        for word in words:
            stems = known.get(word)
            if stems is None:
                stems = self._learn(word)
            if stems:
                found.update(stems)
        return found

    def _learn(self, word: str) -> tuple[str, ...]:
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        stems = {_stem(part) for part in _WORD.findall(word)}
        self._known[word] = found = tuple(sorted(stems & self._tells.keys()))
        return found

    def _ranked(self, weight: dict[int, int], settled: set[int]) -> tuple[Subnet, ...]:
        enough = [number for number, sum_ in weight.items() if sum_ >= _ENOUGH and number not in settled]
        ranked = sorted(enough, key=lambda number: (-weight[number], number))
        # What nobody knows the functions of, nobody can ask about.
        known = [self._by_id[number] for number in ranked if self._by_id[number].functions]
        return tuple(known[:MAX_CANDIDATES])


def is_everyday(word: str) -> bool:
    """Say whether posts of all kinds have this word, so that it tells nothing of a subnet."""
    return _stem(word) in _COMMON | _GRAMMAR


def _weight(subnets: int) -> int:
    """Return what a word says about a subnet when so many subnets have it."""
    for most, weight in ((1, 3), (3, 2), (8, 1)):
        if subnets <= most:
            return weight
    return 0


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM_CHARS:
            return word[: -len(ending)]
    return word


_COMMON: Final = frozenset(_stem(word) for word in _COMMON_TEXT.split())
_GRAMMAR: Final = frozenset(_stem(word) for word in _GRAMMAR_TEXT.split())
