"""A post cut once into its words and what stands between them, for all that looks at words afterwards.

It knows how subnet numbers and addresses are written, and nothing of any registry.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import accumulate
from typing import Final

from actor.analyzer.fold import fold
from actor.analyzer.idforms import ID_FORMS, ids_in

__all__ = ["Words"]

_WORD: Final = re.compile(r"(\w+)")
_IDS: Final = re.compile(ID_FORMS)
_URL: Final = re.compile(r"(?:https?://|www\.)\S+")
_SENTENCE_ENDS: Final = re.compile(r"[.!?:;\u2022\u2026|\"\u201c\u201d]")
_TIES: Final = frozenset({" ", "-", "_", ".", "'", "\u2019", "\u2010", "\u2011", "\u2013", "\u2014"})
_NUMBER: Final = "_"  # the first character of the word that stands for a subnet number


class Words:
    """The words of one post.

    Attributes:
        numbers: The subnet numbers that the post writes out, known or not.
        lowered: The words in lower case, in order; a subnet number is one word of underscores.
        has_tau: Whether the post has a τ.
    """

    def __init__(self, text: str) -> None:
        self._text = fold(text)
        lowered = self._text.lower()
        self.numbers: list[int] = []
        for form in _IDS.finditer(lowered):
            self.numbers += ids_in(form[0])
            start, end = form.span()
            self._text = f"{self._text[:start]}{_NUMBER * (end - start)}{self._text[end:]}"
        self._lowered = self._text.lower() if self.numbers else lowered
        self.has_tau = "τ" in lowered
        self._pieces = _WORD.split(self._lowered)  # gap, word, gap, …, word, gap
        self.lowered = self._pieces[1::2]

    def written(self, index: int) -> str:
        """Return a word as it stands in the post."""
        start = self._starts[index]
        return self._text[start : start + len(self.lowered[index])]

    def before(self, index: int) -> str:
        """Return what stands between a word and the one before it."""
        return self._pieces[2 * index]

    def after(self, index: int) -> str:
        """Return what stands between a word and the next one."""
        return self._pieces[2 * index + 2]

    def next(self, index: int) -> str:
        """Return the next word in lower case; empty after the last."""
        return self.lowered[index + 1] if index + 1 < len(self.lowered) else ""

    def follow(self, index: int, rest: tuple[str, ...]) -> bool:
        """Say whether `rest` follows word `index` with hardly anything between."""
        last = index + len(rest)
        if tuple(self.lowered[index + 1 : last + 1]) != rest:
            return False
        return all(self.after(at) in _TIES for at in range(index, last))

    def opens_sentence(self, index: int) -> bool:
        """Say whether a sentence begins with this word, so that its capital letter tells nothing."""
        return index == 0 or _SENTENCE_ENDS.search(self.before(index)) is not None

    def is_capital(self, index: int) -> bool:
        """Say whether this word begins with a capital letter, as a subnet number does however it is written."""
        return self.lowered[index][0] == _NUMBER or self.written(index)[0].isupper()

    def is_in_address(self, index: int) -> bool:
        """Say whether this word is part of a web address."""
        return bool(self._addresses) and any(start <= self._starts[index] < end for start, end in self._addresses)

    @cached_property
    def plain(self) -> frozenset[str]:
        """The words in lower case, those with a τ in both spellings."""
        found = frozenset(self.lowered)
        return found | {word.replace("τ", "t") for word in found if len(word) > 1} if self.has_tau else found

    @cached_property
    def _addresses(self) -> list[tuple[int, int]]:
        if "://" not in self._lowered and "www." not in self._lowered:
            return []
        return [found.span() for found in _URL.finditer(self._lowered)]

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate(map(len, self._pieces)))[::2]
