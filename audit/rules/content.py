"""R3 and the body of a submission: exactly what was served and analyzed is what was sent."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from audit.rules.book_entries import PostBook
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev
from events.describe import printable

__all__ = ["BodyAsServed", "NormalizedText", "Score", "SentimentCategories", "worth"]

_CATEGORIES: Final = frozenset({-1.0, -0.5, 0.0, 0.5, 1.0})
# Fields of the body and the post's that they repeat; content, tokens, sentiment and score have duties of their own.
_COPIED: Final = {
    "date": "timestamp",
    "author": "author",
    "account_age": "account_age",
    "retweets": "retweets",
    "likes": "likes",
    "responses": "responses",
    "followers": "followers",
}


@lru_cache(maxsize=64)  # a post is analyzed, then sent
def _normal(text: str) -> str:
    """The contract's norm_text, written anew: NFC, each run of whitespace one space, trimmed."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip(" ")


class NormalizedText(Rule):
    """R3. The analyzed text is compared by the digest that the analysis recorded."""

    name = "R3"
    demands = "norm_text(content) is analyzed and sent, under an author without @"
    lacks = ""
    events = (ev.PostAnalyzed, ev.AnalysisFailed, ev.SubmissionStarted)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Normalize the post's text again."""
        event = entry.event
        post = entry.books.pending.get(getattr(event, "post_id", ""))
        if post is None:
            return
        text = _normal(post.post.content)
        if isinstance(event, ev.SubmissionStarted):
            if event.body.content != text:
                same = [sent == there for sent, there in zip(event.body.content, text, strict=False)]
                at = same.index(False) if False in same else len(same)
                found = f"a content that has {_excerpt(event.body.content[at:])} from character {at} on"
                yield self.finding(entry, post.seq, found=found, expected=_excerpt(text[at:]))
            if event.body.author.startswith("@"):
                yield self.finding(entry, post.seq, found=f"the author {event.body.author}", expected="no @")
        elif isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
            digest = hashlib.sha256(text.encode()).hexdigest()
            if event.content_sha256 != digest:
                found = f"an analysis of the text with digest {event.content_sha256[:12]}…"
                yield self.finding(entry, post.seq, found=found, expected=f"{digest[:12]}…, of norm_text(content)")


class BodyAsServed(Rule):
    """Specification, "Submission Format"; the score is R5's, the text R3's, a failed analysis R6's."""

    name = "body"
    demands = "a submission's body holds the hotkey, the post as X served it, and the analysis as recorded"
    lacks = ""
    events = (ev.SubmissionStarted,)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare field by field."""
        event, books = entry.event, entry.books
        if not isinstance(event, ev.SubmissionStarted):
            return
        if books.identity is not None and event.body.miner_hotkey != books.identity.hotkey:
            yield self._differs(entry, 1, "miner_hotkey", event.body.miner_hotkey, books.identity.hotkey)
        post = books.pending.get(event.post_id)
        if post is not None:
            yield from self._copies(entry, event.body, post)
        elif event.post_id not in books.settled:
            yield self.finding(entry, found="a submission of a post that no search chose", expected="a chosen post")

    def _copies(self, entry: Entry, body: ev.SubmissionBody, post: PostBook) -> Iterator[Finding]:
        for name, served in _COPIED.items():
            sent, there = getattr(body, name), getattr(post.post, served)
            if (sent.removeprefix("@") if name == "author" else sent) != there:
                yield self._differs(entry, post.seq, name, sent, there)
        if post.analysis is None:
            if post.held is None:  # else the matter of R6
                found = "a submission before the analysis"
                yield self.finding(entry, post.seq, found=found, expected="an analysis first")
        elif not post.failed:
            for name in ("tokens", "sentiment"):
                if getattr(body, name) != getattr(post, name):
                    yield self._differs(entry, post.analysis, name, getattr(body, name), getattr(post, name))

    def _differs(self, entry: Entry, seq: int, name: str, found: Any, expected: Any) -> Finding:
        return self.finding(entry, seq, found=f"{name} {_excerpt(found)}", expected=_excerpt(expected))


class SentimentCategories(Rule):
    """Specification, "Sentiment Analysis". Records that cannot be read are judged too: they may hold another value."""

    name = "sentiment"
    demands = "every sentiment is one of -1, -0.5, 0, 0.5 and 1"
    lacks = ""
    events = (ev.PostAnalyzed, ev.SubmissionStarted)
    unreadable = True

    def see(self, entry: Entry) -> Iterator[Finding]:
        """One number."""
        event = entry.event
        if isinstance(event, ev.PostAnalyzed):
            sentiment: object = event.sentiment
        elif isinstance(event, ev.SubmissionStarted):
            sentiment = event.body.sentiment
        else:
            data = entry.record.data
            body = data.get("body")
            sentiment = (body if isinstance(body, dict) else data).get("sentiment")
        if sentiment not in _CATEGORIES:
            yield self.finding(entry, found=f"a sentiment of {_excerpt(sentiment)}", expected="one of the five")


def _excerpt(value: object) -> str:
    return printable(repr(value), 80)


_TOLERANCE: Final = 1e-9
_DAY_MS: Final = 86_400_000


class Score(Rule):
    """R5, with R4's relevance in it."""

    name = "R5"
    demands = (
        "score = 0.50 relevance (mean of the 5 best above 0) + 0.40 value (mean of 6 capped ratios) + 0.10 recency"
    )
    lacks = "posts that were analyzed before"
    events = (ev.SubmissionStarted,)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Reckon with the numbers of the search and of the analysis."""
        event = entry.event
        post = entry.books.pending.get(getattr(event, "post_id", ""))
        if not isinstance(event, ev.SubmissionStarted) or post is None or post.analysis is None or post.failed:
            return
        if post.analyzed_ms is None:
            return  # how old the post was then is not known
        expected = _score(post, post.analyzed_ms)
        if not abs(event.body.score - expected) <= _TOLERANCE:
            yield self.finding(
                entry, post.seq, post.analysis, found=f"a score of {event.body.score!r}", expected=f"{expected!r}"
            )


def _score(book: PostBook, analyzed_ms: int) -> float:
    best = sorted((share for share in book.tokens.values() if share > 0), reverse=True)[:5]
    relevance = sum(best) / len(best) if best else 0.0
    age_days = (analyzed_ms - book.post.timestamp * 1000) / _DAY_MS
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
