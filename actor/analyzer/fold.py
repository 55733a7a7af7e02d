"""How a post reads to the eye, for matching: letters and marks become plain ones, invisible characters go away.

Only the matcher sees folded text. What is submitted, journaled and shown to the model is never folded.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

__all__ = ["fold"]

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
