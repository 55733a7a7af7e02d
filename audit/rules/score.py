"""R4 and R5: the score, worked out anew from what is recorded. Never asks the machine's own scoring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.rules.books import PostBook
from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from events import catalogue as ev

__all__ = ["Score", "worth"]

_TOLERANCE: Final = 1e-9
_DAY_MS: Final = 86_400_000


class Score(Rule):
    """R5, with R4's relevance in it."""

    name = "R5"
    demands = (
        "score = 0.50 relevance (mean of the 5 best above 0) + 0.40 value (mean of 6 capped ratios) + 0.10 recency"
    )
    events = (ev.SubmissionStarted,)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Reckon with the numbers of the search and of the analysis."""
        event = entry.event
        post = entry.books.pending.get(getattr(event, "post_id", ""))
        if not isinstance(event, ev.SubmissionStarted) or post is None or post.analysis is None or post.failed:
            return
        expected = _score(post)
        if not abs(event.body.score - expected) <= _TOLERANCE:
            yield self.finding(
                entry, post.seq, post.analysis, found=f"a score of {event.body.score!r}", expected=f"{expected!r}"
            )


def _score(book: PostBook) -> float:
    best = sorted((share for share in book.tokens.values() if share > 0), reverse=True)[:5]
    relevance = sum(best) / len(best) if best else 0.0
    age_days = (book.analyzed_ms - book.post.timestamp * 1000) / _DAY_MS
    recency = min(1.0, max(0.0, 1.0 - age_days))
    return min(1.0, 0.50 * min(1.0, relevance) + 0.40 * worth(book.post) + 0.10 * recency)


def worth(post: ev.Post) -> float:
    """The mean of the six capped ratios."""
    ratios = (
        post.likes / 5_000,
        post.retweets / 1_000,
        post.quotes / 300,
        post.responses / 600,
        post.followers / 200_000,
        post.account_age / (7 * 365),
    )
    return sum(min(1.0, ratio) for ratio in ratios) / 6
