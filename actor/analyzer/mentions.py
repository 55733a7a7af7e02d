"""Direct mentions: which subnets a post names outright, found in one pass over its words.

A word or number counts whole or not at all (SN45 is not SN4). Words with an everyday meaning count only where
the post gives them the subnet's meaning; what stays open becomes a hint, which the language model decides.
This module never guesses from topics; candidates.py does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from actor.analyzer.words import Words

if TYPE_CHECKING:
    from actor.analyzer.registry import Identifier, Registry, Subnet, Use

__all__ = ["BITTENSOR_WORDS", "MentionFinder", "Mentions"]

BITTENSOR_WORDS: Final = frozenset(
    {"bittensor", "tao", "dtao", "subnet", "subnets", "opentensor", "taostats", "metagraph", "netuid", "subtensor", "τ"}
)
_SUBNET_WORDS: Final = frozenset({"subnet", "subnets"})
_VERBS: Final = frozenset({"is", "has", "just", "by", "on"})  # "Score is a subnet"
_OBJECTS: Final = frozenset({"the", "a", "an", "what", "my", "your", "our", "its", "every", "all", "this", "these"})
# What a sentence may open with before a name: "On Root you earn TAO".
_LEADS: Final = frozenset(
    {"on", "in", "to", "from", "with", "at", "for", "via", "like", "and", "asked", "tried", "bought", "sold", "using"}
)
_LISTED: Final = frozenset({",", "&", "+", "/"})
_HYPHENS: Final = frozenset({"-", "."})
# Only Bittensor writes its names with a τ, whatever the word means elsewhere.
_RESPELLED: Final[dict[Use, Use]] = {
    "alone": "alone", "context": "alone", "named": "alone", "hint": "hint", "other": "other",
}  # fmt: skip
# A word of these is part of no other name.
_TAKES_ITS_WORDS: Final = frozenset({"alone", "other"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """What one pass found.

    Attributes:
        direct: Subnets named outright, by id.
        hints: Subnets that a word may or may not mean, by id; none of them is in `direct`.
        words: The post's words in lower case, folded.
    """

    direct: tuple[Subnet, ...]
    hints: tuple[Subnet, ...]
    words: tuple[str, ...] = field(repr=False)


class _Key(NamedTuple):
    rest: tuple[str, ...]  # the words that follow the first one
    subnet: Subnet
    use: Use


class _Hit(NamedTuple):
    first: int  # index of its first word
    last: int
    key: _Key


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
        words = Words(text)
        direct = {number for number in words.numbers if number in self._by_id}
        hints: set[int] = set()
        hits = self._hits(words)
        if hits:
            context = bool(direct) or words.has_any(BITTENSOR_WORDS) or any(hit.key.use == "alone" for hit in hits)
            for hit in hits:
                (direct if context and _means(words, hit) else hints).add(hit.key.subnet.id)
        return Mentions(
            direct=tuple(self._by_id[number] for number in sorted(direct)),
            hints=tuple(self._by_id[number] for number in sorted(hints - direct)),
            words=tuple(words.lowered),
        )

    def _learn(self, subnet: Subnet, identifier: Identifier) -> None:
        for words, use in _spellings(subnet.id, identifier):
            keys = self._keys.setdefault(words[0], [])
            if not any(key.rest == words[1:] and key.subnet.id == subnet.id for key in keys):
                keys.append(_Key(words[1:], subnet, use))

    def _hits(self, words: Words) -> list[_Hit]:
        hits: list[_Hit] = []
        past = 0
        keys = self._keys if not words.has_tau else self._respelled(words)
        for index in [at for at, word in enumerate(words.lowered) if word in keys]:
            found = _longest(words, index, keys[words.lowered[index]]) if index >= past else None
            if found:
                hits += [hit for hit in found if hit.key.use != "other"]
                past = found[0].last + 1 if found[0].key.use in _TAKES_ITS_WORDS else past
        return hits

    def _respelled(self, words: Words) -> dict[str, list[_Key]]:
        """Return the keys of the post's words, those of a word with a τ also by its plain spelling."""
        keys = {word: self._keys[word] for word in words.lowered if word in self._keys}
        for word in words.lowered:
            if "τ" in word and word not in keys:
                plain = self._keys.get(word.replace("τ", "t"), [])
                keys[word] = [key._replace(use=_RESPELLED[key.use]) for key in plain]
        return keys


def _longest(words: Words, index: int, keys: list[_Key]) -> list[_Hit]:
    """Return the longest of the names that begin with this word, once for each subnet that bears it."""
    following = words.next(index)
    for key in keys:
        if not key.rest or (key.rest[0] == following and words.follow(index, key.rest)):
            return [_Hit(index, index + len(key.rest), other) for other in keys if other.rest == key.rest]
    return []


def _spellings(number: int, identifier: Identifier) -> list[tuple[tuple[str, ...], Use]]:
    """Return the rows of words that stand for an identifier of subnet `number`, and when each of them counts."""
    parts = tuple(re.findall(r"[^\W_]+", identifier.text.lower()))
    found: list[tuple[tuple[str, ...], Use]] = [
        (spelling, identifier.use) for spelling in sorted({parts, ("".join(parts),), ("_".join(parts),)})
    ]
    if len(parts) == 1:  # handles and hashtags that say which meaning is meant: #chutessubnet, @sn64_chutes
        for mark in ("subnet", f"sn{number}"):
            marked = (f"{parts[0]}{mark}", f"{parts[0]}_{mark}", f"{mark}_{parts[0]}")
            found += [((text,), "alone") for text in marked]
    return found


def _means(words: Words, hit: _Hit) -> bool:
    """Say whether the words of the hit, in a post about Bittensor, mean the subnet."""
    if hit.key.use == "alone":
        return True
    if hit.key.use == "hint" or _is_part(words, hit):
        return False
    return hit.key.use == "context" or _is_named(words, hit)


def _is_part(words: Words, hit: _Hit) -> bool:
    """Part of a handle, an address or a hyphenated word: then the word is not the name by itself."""
    before, after = words.before(hit.first), words.after(hit.last)
    if before.endswith("@") or words.is_in_address(hit.first):
        return True
    following = words.next(hit.last)
    tail = following and (after in _HYPHENS or after == "@")
    head = hit.first > 0 and before in _HYPHENS
    return bool(tail or head) and following != "subnet"


def _is_named(words: Words, hit: _Hit) -> bool:
    """Say whether a word that such posts use in its everyday sense stands as a name here."""
    before, following = words.before(hit.first), words.next(hit.last)
    if before.endswith("$") or following == "subnet":
        return True
    if before.endswith("#") or not all(_is_title(words.written(at)) for at in range(hit.first, hit.last + 1)):
        return False
    if words.opens_sentence(hit.first):
        return _is_subject(words, hit)
    if before.strip() in _LISTED or words.lowered[hit.first - 1] == "subnet":  # "Chutes, Score & Ridges"
        return True
    return not _is_in_capitals(words, hit)


def _is_subject(words: Words, hit: _Hit) -> bool:
    """Say whether a verb follows a word that opens a sentence: its capital letter tells nothing."""
    following, then = words.next(hit.last), words.next(hit.last + 1)
    if following in _VERBS:
        return bool(words.numbers) or words.has_any(_SUBNET_WORDS)
    return following.endswith("s") and then in _OBJECTS  # "Score tracks the ball", but not "Swap fees are …"


def _is_in_capitals(words: Words, hit: _Hit) -> bool:
    """Say whether the words around begin with capitals as well: a heading, or part of a longer name."""
    if words.is_capital(hit.first - 1):
        opens = words.opens_sentence(hit.first - 1) and words.lowered[hit.first - 1] in _LEADS
        if not opens:
            return True
    following = hit.last + 1
    return (
        following < len(words.lowered)
        and words.before(following) == " "
        and words.is_capital(following)
        and not words.written(following).isupper()
    )


def _is_title(word: str) -> bool:
    """Say whether a word is written as names are: Score, 8, AI or the s of It's; not score and not SCORE."""
    return word.istitle() or len(word) == 1 or word.isdigit() or word == "AI"
