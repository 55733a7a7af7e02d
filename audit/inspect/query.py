"""The search line above the records: ``event:NAME post:ID is:trouble word -word``. Pure.

Several events are alternatives; everything else must hold at once. A minus in front turns a word, an event or a post
into what must not be there. Words are looked for in a record's line and in its data, whatever their case.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

__all__ = ["Query", "parse_query"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a record must be, and what it must not be."""

    events: frozenset[str] = frozenset()
    not_events: frozenset[str] = frozenset()
    posts: frozenset[str] = frozenset()
    not_posts: frozenset[str] = frozenset()
    trouble: bool | None = None
    words: tuple[str, ...] = ()
    not_words: tuple[str, ...] = ()

    def admits_text(self, text: str) -> bool:
        """Whether a record's texts, in lower case, hold the words."""
        return all(word in text for word in self.words) and not any(word in text for word in self.not_words)


def parse_query(text: str) -> Query:
    """What was written; words with spaces stand in quotes."""
    try:
        parts = shlex.split(text)
    except ValueError:  # a quote that is not closed yet
        parts = text.split()
    found: dict[str, list[str]] = {"event": [], "-event": [], "post": [], "-post": [], "is": [], "-is": []}
    words: list[str] = []
    for part in parts:
        key, colon, value = part.partition(":")
        if colon and value and key in found:
            found[key].append(value)
        elif part != "-":
            words.append(part.lower())
    trouble = "trouble" in found["is"] or (False if "trouble" in found["-is"] else None)
    return Query(
        events=frozenset(found["event"]),
        not_events=frozenset(found["-event"]),
        posts=frozenset(found["post"]),
        not_posts=frozenset(found["-post"]),
        trouble=trouble,
        words=tuple(word for word in words if not word.startswith("-")),
        not_words=tuple(word[1:] for word in words if word.startswith("-")),
    )
