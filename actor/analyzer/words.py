"""A post cut once into its words, for all that looks at words afterwards; what stands between is found when asked for.

It knows how subnet numbers and addresses are written, and nothing of any registry.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

__all__ = ["ID_FORMS", "Words", "fold", "ids_in"]

# How a post reads to the eye, for matching: letters and marks become plain ones, invisible characters go away.
#
# Only the matcher sees folded text. What is submitted, journaled and shown to the model is never folded.

_LOOKS_PLAIN: Final = ("<wide>", "<font>", "<narrow>")
_UNSEEN: Final = frozenset({"Cf", "Mn", "Me"})  # formats, and marks drawn on a character, as keycaps on digits
_UNSPACED: Final = range(0x3000, 0xD7B0)  # Japanese, Chinese and Korean set names into the line without spaces
_DOTTED_CAPITAL_I: Final = "\u0130"  # the one character whose lower case is two
# Marks of printers, by the plain mark that means the same here.
_MARKS: Final = {
    **dict.fromkeys("\u2018\u2019\u201b\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2026\u2022", "."),
}
_OTHER_MARK: Final = "*"
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")


def fold(text: str) -> str:
    """Return the text with decorated letters as plain ones, marks as plain marks and without invisible characters.

    Letters of scripts that need no spaces become spaces, emoji and other signs a mark. X serves `&`, `<` and `>` as
    HTML entities; they are read as what they stand for. The result keeps its length when lowered, so that positions in
    both agree.
    """
    if "&" in text:
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text if text.isascii() else _BEYOND_ASCII.sub(lambda found: _folded(found[0]), text)


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    if character == _DOTTED_CAPITAL_I:
        return "I"
    if ord(character) in _UNSPACED:
        return " "
    category = unicodedata.category(character)
    if category in _UNSEEN:
        return ""
    decomposed = unicodedata.decomposition(character)
    if decomposed.startswith(_LOOKS_PLAIN):
        return unicodedata.normalize("NFKC", character)
    if character.isalnum():
        return character
    return " " if character.isspace() else "-" if category == "Pd" else _MARKS.get(character, _OTHER_MARK)


# The ways posts write subnet numbers, as one regular expression over lowered text.
#
# SN45, sn 45, sn-45, #SN45, subnet 45, subnet #45, netuid 45, subnets 4 and 45, subnets 1, 4 & 45. Not a mention:
# SN450 for SN45, "subnet 10.0.0.0/8", "subnets 1-5" (a range names none of them), "subnet 4 and 5 others", "a subnet
# 2 weeks ago", "a subnet (64 miners)".

_NUMBER: Final = r"(?:0?[0-9]|[1-9][0-9]{1,2})(?!\w)"

_TIME: Final = r"days?|hours?|weeks?|months?|years?|min(?:ute)?s?"
# What makes a number after "and" or a comma a count of something, not another subnet.
_UNIT: Final = (
    r"\s?%|\s?(?:k|m|bn?|x|th|st|nd|rd|am|pm|[gtm]b)\b"
    rf"|\s(?:\w+\s)?(?:others?|more|times|{_TIME}|percent|million|billion)\b"
    r"|\s(?:tao|τ|usd|dollars?|people|new|different|big|good|great|top|main|key|of)\b"
)
# After a singular head ("subnet 4 and 45 …") any plural noun is counted too.
_VERBS_IN_S: Final = r"is|was|has|does|as|its|this|vs|plus|thus|always|looks|gets|keeps|needs|makes|seems|just"
_PLURAL: Final = rf"\s(?!(?:{_VERBS_IN_S})\b)[a-z]+s\b"
# A number that goes on (1.5, 1,024, 10/24, 1-5) or is a share (20%) is no subnet number.
_END: Final = r"(?![.,/\-][0-9]|\s?%)"

_AND: Final = r"(?:\s?[&+]\s?|\s(?:and|or|n|vs\.?|und|y|et|e)\s)"
_COMMA: Final = r"\s?,\s?(?:(?:and|or)\s|&\s?)?"
_ITEM: Final = rf"[#$]?{_NUMBER}"
_PAIR: Final = rf"(?:(?:{_COMMA}{_ITEM})*{_AND}{_ITEM}(?!{_UNIT}|{_PLURAL}))?"
_LIST: Final = rf"(?:(?:{_COMMA}|{_AND}|\s?/\s?){_ITEM}(?!{_UNIT}))*"

_OF: Final = r"(?:[\s\-_]?(?:id|uid|no\.?|nr\.?|number))?"
_ONE: Final = (
    rf"(?:\s?[:=(]\s?#?{_NUMBER}(?!{_UNIT}|{_PLURAL})|(?:[\-_]|\s?#\s?|\s)?{_NUMBER}(?!\s(?:{_TIME})\b)){_PAIR}"
)
_MANY: Final = rf"(?:\s?[:=#(]\s?#?|\s)?{_NUMBER}{_LIST}"

# Every form begins with its first letter alone, which the search jumps to; what stands before is looked at then.
_AFTER_S: Final = (
    rf"n(?:\s?[#\-_]\s?|\s)?{_NUMBER}(?:/{_ITEM}|{_PAIR})|ubnet{_OF}{_ONE}|ns\s?#?{_NUMBER}{_LIST}|ubnets{_OF}{_MANY}"
)
_AFTER_N: Final = rf"etuid{_ONE}|etuids{_MANY}"
ID_FORMS: Final = rf"(?:s(?<!\ws)(?:{_AFTER_S})|n(?<!\wn)(?:{_AFTER_N})){_END}"

_DIGITS: Final = re.compile(r"[0-9]+")


def ids_in(form: str) -> list[int]:
    """Return the numbers in a piece of text that `ID_FORMS` matched."""
    return [int(digits) for digits in _DIGITS.findall(form)]


_WORD: Final = re.compile(r"\w+")
_AROUND: Final = re.compile(r"(\w+)")
_IDS: Final = re.compile(ID_FORMS)
_URL: Final = re.compile(r"(?:https?://|www\.)\S+")
_SENTENCE_ENDS: Final = re.compile(r"[.!?:;|\"]")
_TIES: Final = frozenset({" ", "-", ".", "'"})
_NUMBER_MARK: Final = "_"  # the word that stands for a subnet number is made of these
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
            text = f"{text[:start]}{_NUMBER_MARK * (end - start)}{text[end:]}"
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
        return self.lowered[index][0] == _NUMBER_MARK or self.written(index)[0].isupper()

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
