"""A post cut once into its words, for all that looks at words afterwards; what stands between is found when asked for.

It knows how subnet numbers and addresses are written, and nothing of any registry.
"""

from __future__ import annotations

import re
from typing import Final

from actor.analyzer.fold import fold
from actor.analyzer.idforms import ID_FORMS, ids_in

__all__ = ["Words"]

_WORD: Final = re.compile(r"\w+")
_AROUND: Final = re.compile(r"(\w+)")
_IDS: Final = re.compile(ID_FORMS)
_URL: Final = re.compile(r"(?:https?://|www\.)\S+")
_SENTENCE_ENDS: Final = re.compile(r"[.!?:;|\"]")
_TIES: Final = frozenset({" ", "-", ".", "'"})
_NUMBER: Final = "_"  # the word that stands for a subnet number is made of these
# What is part of a word stays, everything else becomes a space: cutting plain text so takes a quarter of the time.
_PLAIN_WORDS: Final = bytes(byte if _WORD.match(chr(byte)) and byte < 128 else 32 for byte in range(256))  # noqa: PLR2004


class Words:
    """The words of one post.

    Attributes:
        numbers: The subnet numbers that the post writes out, known or not.
        lowered: The words in lower case, in order; a subnet number is one word of underscores.
        has_tau: Whether the post has a τ.
    """

    __slots__ = ("_addresses", "_cut", "_lowered", "_text", "has_tau", "lowered", "numbers")

    def __init__(self, text: str) -> None:
        text = fold(text)
        lowered = text.lower()
        self.numbers: list[int] = []
        for form in _IDS.finditer(lowered):
            self.numbers += ids_in(form[0])
            start, end = form.span()
            text = f"{text[:start]}{_NUMBER * (end - start)}{text[end:]}"
        self._text = text
        self._lowered = lowered = text.lower() if self.numbers else lowered
        plain = lowered.isascii()
        self.has_tau = not plain and "τ" in lowered
        self.lowered = lowered.encode().translate(_PLAIN_WORDS).decode().split() if plain else _WORD.findall(lowered)
        self._cut: list[str] = []  # gap, word, gap, …, word, gap; empty until somebody asks
        self._addresses: list[tuple[int, int]] | None = None

    def written(self, index: int) -> str:
        """Return a word as it stands in the post."""
        return self._pieces()[2 * index + 1]

    def before(self, index: int) -> str:
        """Return what stands between a word and the one before it."""
        return self._pieces()[2 * index]

    def after(self, index: int) -> str:
        """Return what stands between a word and the next one."""
        return self._pieces()[2 * index + 2]

    def next(self, index: int) -> str:
        """Return the next word in lower case; empty after the last."""
        return self.lowered[index + 1] if index + 1 < len(self.lowered) else ""

    def follow(self, index: int, rest: tuple[str, ...]) -> bool:
        """Say whether `rest` follows word `index` with hardly anything between."""
        last = index + len(rest)
        if tuple(self.lowered[index + 1 : last + 1]) != rest:
            return False
        return all(self.after(at) in _TIES for at in range(index, last))

    def has_any(self, words: frozenset[str]) -> bool:
        """Say whether the post has one of the words, spelled with t or τ."""
        if not words.isdisjoint(self.lowered):
            return True
        return self.has_tau and not words.isdisjoint([word.replace("τ", "t") for word in self.lowered])

    def opens_sentence(self, index: int) -> bool:
        """Say whether a sentence begins with this word, so that its capital letter tells nothing."""
        return index == 0 or _SENTENCE_ENDS.search(self.before(index)) is not None

    def is_capital(self, index: int) -> bool:
        """Say whether this word begins with a capital letter, as a subnet number does however it is written."""
        return self.lowered[index][0] == _NUMBER or self.written(index)[0].isupper()

    def is_in_address(self, index: int) -> bool:
        """Say whether this word is part of a web address."""
        if self._addresses is None:
            holds_one = "://" in self._lowered or "www." in self._lowered
            self._addresses = [found.span() for found in _URL.finditer(self._lowered)] if holds_one else []
        if not self._addresses:
            return False
        start = sum(map(len, self._pieces()[: 2 * index + 1]))
        return any(begin <= start < end for begin, end in self._addresses)

    def _pieces(self) -> list[str]:
        if not self._cut:
            self._cut = _AROUND.split(self._text)
        return self._cut
