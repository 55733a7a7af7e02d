"""What a post is worth (specification, "Scoring"; rulings 4 and 5). Pure: the moment is an argument."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from operator import attrgetter
from typing import Final

from events.catalogue import Post

__all__ = ["CAPS", "content_sha256", "norm_text", "recency", "relevance", "score_post_entry", "value"]

TOP_K: Final = 5
RECENCY_HOURS: Final = 24.0
# Each ratio is capped at 1. The ages are days: seven years.
CAPS: Final[Mapping[str, int]] = {
    "likes": 5_000,
    "retweets": 1_000,
    "quotes": 300,
    "responses": 600,
    "followers": 200_000,
    "account_age": 2_555,
}
_counts: Final = attrgetter(*CAPS)
_LIKES, _RETWEETS, _QUOTES, _RESPONSES, _FOLLOWERS, _ACCOUNT_AGE = CAPS.values()
WEIGHT_RELEVANCE: Final = 0.50
WEIGHT_VALUE: Final = 0.40
WEIGHT_RECENCY: Final = 0.10


def relevance(tokens: Mapping[str, float]) -> float:
    """Mean of the top five relevances above 0, divided by how many there are; none gives 0 (ruling 4)."""
    total, counted = 0.0, 0  # one rounding after the other: ``sum`` rounds in another way from Python 3.12 on
    for share in sorted(tokens.values(), reverse=True)[:TOP_K]:
        if share > 0:
            total += share
            counted += 1
    return _unit(total / counted) if counted else 0.0


def value(post: Post) -> float:
    """Mean of the six capped ratios (ruling 5)."""
    likes, retweets, quotes, responses, followers, account_age = _counts(post)
    total: float = 1.0 if likes >= _LIKES else likes / _LIKES  # no loop: every analysis of a replay comes through
    total += 1.0 if retweets >= _RETWEETS else retweets / _RETWEETS
    total += 1.0 if quotes >= _QUOTES else quotes / _QUOTES
    total += 1.0 if responses >= _RESPONSES else responses / _RESPONSES
    total += 1.0 if followers >= _FOLLOWERS else followers / _FOLLOWERS
    total += 1.0 if account_age >= _ACCOUNT_AGE else account_age / _ACCOUNT_AGE
    return total / len(CAPS)


def recency(timestamp: int, at_ms: int) -> float:
    """1 for a post of this moment, 0 from 24 hours on (ruling 5)."""
    age_hours = (at_ms / 1000 - timestamp) / 3600
    return _unit(1.0 - age_hours / RECENCY_HOURS)


def score_post_entry(post: Post, tokens: Mapping[str, float], at_ms: int) -> float:
    """The final score in [0, 1] at the time of analysis, ``at_ms`` unix milliseconds."""
    return _unit(
        WEIGHT_RELEVANCE * relevance(tokens)
        + WEIGHT_VALUE * value(post)
        + WEIGHT_RECENCY * recency(post.timestamp, at_ms)
    )


def _unit(number: float) -> float:
    return 0.0 if number <= 0.0 else 1.0 if number >= 1.0 else number  # noqa: FURB136  (calls are what a replay waits for)


def norm_text(text: str) -> str:
    """NFC, every run of whitespace (line endings too) to one space, trimmed (contract, norm_text)."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def content_sha256(normalized: str) -> str:
    """Hex digest of a normalized text, as PostAnalyzed records it."""
    return hashlib.sha256(normalized.encode()).hexdigest()
