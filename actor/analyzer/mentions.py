"""Direct mentions: which subnets a post names outright, found in one pass over its words.

A word or number counts whole or not at all (SN45 is not SN4). Words with an everyday meaning count only where
the post gives them the subnet's meaning; what stays open becomes a hint, which the language model decides.
This module never guesses from topics; candidates.py does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from actor.analyzer.fold import fold
from actor.analyzer.idforms import ID_FORMS, ids_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actor.analyzer.registry import Identifier, Registry, Subnet, Use

__all__ = ["MentionFinder", "Mentions"]

BITTENSOR_WORDS: Final = frozenset(
    {"bittensor", "tao", "dtao", "subnet", "subnets", "opentensor", "taostats", "metagraph", "netuid", "subtensor", "τ"}
)
_WORDS: Final = re.compile(rf"(?<!\w)(?P<ids>{ID_FORMS})|\w+")
_URL: Final = re.compile(r"(?:https?://|www\.)\S+")
_GAPS: Final = frozenset({" ", "-", "_", ".", "'", "\u2019", "\u2010", "\u2011", "\u2013", "\u2014"})
_NAME_FOLLOWS: Final = frozenset({"is", "has", "just", "by", "on"})  # "Score is a subnet"
_LISTED: Final = frozenset({",", "&", "+", "/"})
_SENTENCE_ENDS: Final = re.compile(r"[.!?:;\u2022\u2026|\"\u201c\u201d]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """What one pass found.

    Attributes:
        direct: Subnets named outright, by id.
        hints: Subnets that a word may or may not mean, by id; none of them is in `direct`.
        bittensor: Whether the post speaks of Bittensor in so many words.
    """

    direct: tuple[Subnet, ...]
    hints: tuple[Subnet, ...]
    bittensor: bool


class _Key(NamedTuple):
    rest: tuple[str, ...]  # the words that follow the first one
    subnet: Subnet
    use: Use


class _Hit(NamedTuple):
    first: int  # index of its first word
    last: int
    key: _Key
    use: Use


class MentionFinder:
    """Finds the subnets of one registry in posts. Built once, then only read."""

    def __init__(self, registry: Registry) -> None:
        self._by_id = registry.by_id
        self._keys: dict[str, list[_Key]] = {}
        for subnet in registry.subnets:
            for identifier in subnet.identifiers:
                self._learn(subnet, identifier)
        for keys in self._keys.values():
            keys.sort(key=lambda key: -len(key.rest))  # the longest name wins; ties keep the registry's order

    def find(self, text: str) -> Mentions:
        """Return the subnets that the text names. The text is norm_text()ed; its length bounds the work."""
        post = _Post(fold(text))
        direct = {number for number in post.numbers if number in self._by_id}
        hits = list(self._hits(post))
        bittensor = bool(direct) or post.speaks_of_bittensor
        context = bittensor or any(hit.use == "alone" for hit in hits)
        hints: set[int] = set()
        for hit in hits:
            (direct if context and post.means(hit) else hints).add(hit.key.subnet.id)
        return Mentions(
            direct=tuple(self._by_id[number] for number in sorted(direct)),
            hints=tuple(self._by_id[number] for number in sorted(hints - direct)),
            bittensor=bittensor,
        )

    def _learn(self, subnet: Subnet, identifier: Identifier) -> None:
        parts = tuple(re.findall(r"[^\W_]+", identifier.text.lower()))
        spellings = {parts, ("".join(parts),), ("_".join(parts),)}
        for spelling in sorted(spellings):
            self._add(spelling, subnet, identifier.use)
        if len(parts) == 1:  # handles and hashtags that say which meaning is meant: #chutessubnet, @sn64_chutes
            word, number = parts[0], f"sn{subnet.id}"
            for other in ("subnet", number):
                for spelling in ((f"{word}{other}",), (f"{word}_{other}",), (f"{other}_{word}",)):
                    self._add(spelling, subnet, "alone")

    def _add(self, words: tuple[str, ...], subnet: Subnet, use: Use) -> None:
        keys = self._keys.setdefault(words[0], [])
        if not any(key.rest == words[1:] and key.subnet.id == subnet.id for key in keys):
            keys.append(_Key(words[1:], subnet, use))

    def _hits(self, post: _Post) -> Iterator[_Hit]:
        past = 0
        for index, word in enumerate(post.words):
            if index < past or not (word in self._keys or "τ" in word):
                continue
            hit = self._hit(post, index, word)
            if hit is not None:
                yield hit
                past = hit.last + 1 if hit.use == "alone" else past

    def _hit(self, post: _Post, index: int, word: str) -> _Hit | None:
        keys = self._keys.get(word)
        respelled = keys is None and "τ" in word
        if respelled:
            keys = self._keys.get(word.replace("τ", "t"))
        for key in keys or ():
            last = post.follow(index, key.rest)
            if last is not None:
                # Only Bittensor writes its names with a τ, whatever the word means elsewhere.
                return _Hit(index, last, key, "alone" if respelled and key.use != "hint" else key.use)
        return None


class _Post:
    """The words of one folded post, and what stands around them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lowered = text.lower()
        self.words: list[str] = []  # lowered; a subnet number stands as ""
        self._spans: list[tuple[int, int]] = []
        self.numbers: list[int] = []
        for match in _WORDS.finditer(self.lowered):
            if match.lastgroup:
                self.numbers += ids_in(match[0])
            self.words.append("" if match.lastgroup else match[0])
            self._spans.append(match.span())
        self._urls = [match.span() for match in _URL.finditer(self.lowered)]
        plain = set(self.words)
        if "τ" in self.lowered:
            plain |= {word.replace("τ", "t") for word in plain if len(word) > 1}
        self.speaks_of_bittensor = not BITTENSOR_WORDS.isdisjoint(plain)
        self.speaks_of_subnets = bool(self.numbers) or not plain.isdisjoint({"subnet", "subnets"})

    def follow(self, index: int, rest: tuple[str, ...]) -> int | None:
        """Return the index of the last word when `rest` follows word `index` with nothing much between."""
        last = index + len(rest)
        if not rest:
            return index
        if tuple(self.words[index + 1 : last + 1]) != rest:
            return None
        joined = pairwise(self._spans[index : last + 1])
        return last if all(self.lowered[end:start] in _GAPS for (_, end), (start, _) in joined) else None

    def means(self, hit: _Hit) -> bool:
        """Say whether the words of the hit, in a post about Bittensor, mean the subnet."""
        if hit.use == "alone":
            return True
        if hit.use == "hint" or self._is_part(hit):
            return False
        return hit.use == "context" or self._is_named(hit)

    def _is_part(self, hit: _Hit) -> bool:
        """Part of a handle, an address or a hyphenated word: then the word is not the name by itself."""
        start, end = self._start(hit), self._end(hit)
        before, after = self.text[max(0, start - 2) : start], self.text[end : end + 2]
        if before.endswith("@") or any(begin <= start < stop for begin, stop in self._urls):
            return True
        tail = len(after) > 1 and after[0] in "-.@" and after[1].isalnum()
        head = len(before) > 1 and before[1] in "-." and before[0].isalnum()
        return (tail or head) and self._word_after(hit) != "subnet"

    def _is_named(self, hit: _Hit) -> bool:
        start = self._start(hit)
        if self.text[:start].endswith("$") or self._word_after(hit) == "subnet":
            return True
        written = self.text[start : self._end(hit)]
        if self.text[:start].endswith("#") or not written.istitle():
            return False
        if self._opens_sentence(hit.first):
            return self.speaks_of_subnets and self._word_after(hit) in _NAME_FOLLOWS
        listed = self._gap(hit.first).strip() in _LISTED  # "Chutes, Score & Ridges"
        capital = self.text[self._spans[hit.first - 1][0]].isupper()
        return listed or not capital or self.words[hit.first - 1] == "subnet"

    def _opens_sentence(self, index: int) -> bool:
        return index == 0 or _SENTENCE_ENDS.search(self._gap(index)) is not None

    def _gap(self, index: int) -> str:
        """Return what stands between a word and the one before it."""
        return self.text[self._spans[index - 1][1] : self._spans[index][0]]

    def _start(self, hit: _Hit) -> int:
        return self._spans[hit.first][0]

    def _end(self, hit: _Hit) -> int:
        return self._spans[hit.last][1]

    def _word_after(self, hit: _Hit) -> str:
        following = hit.last + 1
        return self.words[following] if following < len(self.words) else ""
