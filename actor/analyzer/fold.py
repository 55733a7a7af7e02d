"""How a post reads to the eye, for matching: decorated letters become plain, invisible characters go away.

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
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")


def fold(text: str) -> str:
    """Return the text with decorated letters as plain ones and without invisible characters.

    Letters of scripts that need no spaces become spaces. X serves `&`, `<` and `>` as HTML entities; they are
    read as what they stand for. The result keeps its length when lowered, so that positions in both agree.
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
    if unicodedata.category(character) in _UNSEEN:
        return ""
    decomposed = unicodedata.decomposition(character)
    if decomposed.startswith(_LOOKS_PLAIN):
        return unicodedata.normalize("NFKC", character)
    return character
