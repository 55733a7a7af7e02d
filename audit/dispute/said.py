"""Which fields of a dispute bundle no signature covers: their values are the word of whoever made it. Data only."""

from __future__ import annotations

from typing import Final

__all__ = ["said_fields"]

# Numbers and time of the search's record, which is not shown; the window is one of those that the records open.
_SEARCH: Final = (
    "at",
    "window",
    "wanted",
    "seed",
    "candidates",
    "chosen",
    "posts_read",
    "users_read",
    "requests",
    "unusable",
    "latency_ms",
)
# Never sent. Of the text, what analysis and submission leave out: how spaces and composed letters are written.
_NEVER_SENT: Final = ("quotes", "author_id", "account_created", "edits", "content")
_SENT: Final = ("author", "timestamp", "account_age", "retweets", "likes", "responses", "followers")


def said_fields(*, sent: bool) -> tuple[str, ...]:
    """By their paths in the file, without numbers of places; ``sent``: a record shown holds a body."""
    post = _NEVER_SENT if sent else (*_NEVER_SENT, *_SENT)
    return (
        *(f"search.{name}" for name in _SEARCH),
        *(f"search.post.{name}" for name in post),
        "left_out.event",
    )
