"""I3: what was paid for and is recorded is never paid for again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.filters import RECENT_POSTS, RECENT_WINDOWS, Recent
from audit.rules.book_entries import WindowBook
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["AnswersTakenOver", "AuthorsTakenOver", "PaidOnce"]


class PaidOnce(Rule):
    """I3. After a refusal under "hold" another analysis may follow; a failed search and a spent budget end the window.

    A budget may also withhold the look-up of authors, behind the search of the window or without one.

    Searched windows are kept by API: a journal that moves away and back must not search them again.
    """

    name = "I3"
    demands = (
        "no second search of a window, no second analysis of a post, and no second look-up of an author within "
        "AUTHOR_CACHE_HOURS is recorded"
    )
    lacks = "searches, analyses and look-ups that were on record before, but for those that the miner knows"
    events = (
        ev.PostsScraped,
        ev.ScrapeFailed,
        ev.BudgetSpent,
        ev.AuthorsLookedUp,
        ev.PostAnalyzed,
        ev.AnalysisFailed,
    )

    def __init__(self) -> None:
        self._analyzed: Recent[str, int] = Recent(RECENT_POSTS)
        self._searched: Recent[tuple[str, int, int], int] = Recent(RECENT_WINDOWS)
        self._hours = 0  # of the policy under which the last search chose

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Is there an earlier answer?"""
        event, record = entry.event, entry.record
        if isinstance(event, ev.PostsScraped):
            self._hours = entry.books.policy.author_cache_hours
        if isinstance(event, ev.AuthorsLookedUp):
            yield from self._look_up(entry, event)
        elif isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
            if (seq := self._analyzed.get(event.post_id)) is not None:
                yield self.finding(entry, seq, found="a second analysis of a post", expected="one")
            if isinstance(event, ev.PostAnalyzed) or not entry.books.holds(event):
                self._analyzed[event.post_id] = record.seq
        elif (number := getattr(event, "window", None)) is not None:
            window = entry.books.windows.get(number)
            if window is None:
                return
            key = (entry.books.api_url, window.start_block, window.blocks)
            before = window.search or self._searched.get(key)
            if before is not None and not _withholds_lookup(entry, event, window):
                yield self.finding(entry, before, found="a second search of a window", expected="one")
            self._searched[key] = before or record.seq

    def _look_up(self, entry: Entry, event: ev.AuthorsLookedUp) -> Iterator[Finding]:
        """Whom a search's posts are by is known at the search, so an author whom it knew is not asked for behind it."""
        books = entry.books
        hours = min(self._hours, books.policy.author_cache_hours)
        for author_id in event.asked:
            told = books.authors.get(author_id)
            if told is None or books.went_back > told.seq:
                continue
            if entry.record.at_ms - told.at_ms < hours * _HOUR_MS:
                found = (
                    f"author {author_id} looked up again after {(entry.record.at_ms - told.at_ms) / _HOUR_MS:.1f} hours"
                )
                yield self.finding(entry, told.seq, found=found, expected=f"not within {hours}")


def _withholds_lookup(entry: Entry, event: ev.Event | None, window: WindowBook) -> bool:
    """Whether a budget keeps an author from being asked for: of a post that was not put off in this window yet."""
    if not isinstance(event, ev.BudgetSpent):
        return False
    unknown = (post for post in entry.books.pending.values() if not post.post.author)
    return any(post.held is None or post.held < window.seq for post in unknown)


_HOUR_MS: Final = 3_600_000
_SLACK_MS: Final = 120_000
_OF_AUTHOR: Final = (("author", "username"), ("account_created", "created"), ("followers", "followers"))


class AuthorsTakenOver(Rule):
    """AUTHOR_CACHE_HOURS: searches bring no authors, so whoever is named was looked up in time, and looked up first."""

    name = "authors"
    demands = (
        "with AUTHOR_CACHE_HOURS a chosen post names the author as the last look-up within these hours told, or none; "
        "without an author nothing is analyzed or sent"
    )
    lacks = "authors who were looked up before"
    events = (ev.PostsScraped, ev.PostAnalyzed, ev.AnalysisFailed, ev.SubmissionStarted)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare with what X told."""
        event = entry.event
        if isinstance(event, ev.PostsScraped):
            if entry.books.policy.author_cache_hours and not event.users_read:
                for post in event.posts:
                    yield from self._author(entry, post)
            return
        pending = entry.books.pending.get(getattr(event, "post_id", ""))
        if pending is not None and not pending.post.author:
            found = f"{entry.record.name} of a post whose author nobody knows"
            yield self.finding(entry, pending.seq, found=found, expected="its author first")

    def _author(self, entry: Entry, post: ev.Post) -> Iterator[Finding]:
        books = entry.books
        told = books.authors.get(post.author_id)
        if not post.author or (told is None and self.begun is not None):
            return
        if told is None:
            found = f"author {post.author_id} named, and no look-up told of one"
            yield self.finding(entry, found=found, expected="a look-up first", post_id=post.id)
            return
        wrong = [name for name, of in _OF_AUTHOR if getattr(post, name) != getattr(told.author, of)]
        if wrong:
            found = f"another {' and '.join(wrong)} than the look-up told"
            yield self.finding(entry, told.seq, found=found, expected="what is on record", post_id=post.id)
        age_ms, hours = entry.record.at_ms - told.at_ms, books.policy.author_cache_hours
        if age_ms > hours * _HOUR_MS + _SLACK_MS and books.went_back <= told.seq:
            found = f"an author as X told {age_ms / _HOUR_MS:.1f} hours ago"
            yield self.finding(entry, told.seq, found=found, expected=f"{hours} at most", post_id=post.id)


_SAME: Final = ("content_sha256", "model", "prompt_version", "tokens", "sentiment")


class AnswersTakenOver(Rule):
    """Reused: the same text, model, rules and result, and no cost. Not reused: an answer takes a call."""

    name = "reuse"
    demands = (
        "an analysis with `reused_from` equals that post's own analysis, of the same text, and cost nothing; any other "
        "answer took a call"
    )
    lacks = "answers taken over from before"
    events = (ev.PostAnalyzed, ev.AnalysisFailed)

    def __init__(self) -> None:
        self._analyses: Recent[str, tuple[int, ev.PostAnalyzed]] = Recent(RECENT_POSTS)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare with the analysis that it names."""
        event = entry.event
        if isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
            yield from self._called(entry, event)
        if not isinstance(event, ev.PostAnalyzed):
            return
        if event.reused_from is None:
            self._analyses[event.post_id] = (entry.record.seq, event)
            return
        source = self._analyses.get(event.reused_from)
        if source is None and self.begun is not None:
            return
        if source is None:
            yield self.finding(entry, found="an analysis taken over from a post without one", expected="one of its own")
            return
        seq, original = source
        wrong = [f"another {name}" for name in _SAME if getattr(event, name) != getattr(original, name)]
        if event.calls or event.prompt_tokens or event.completion_tokens:
            wrong.append("a price")
        if wrong:
            yield self.finding(entry, seq, found=f"{' and '.join(wrong)} taken over", expected="what is on record")

    def _called(self, entry: Entry, event: ev.PostAnalyzed | ev.AnalysisFailed) -> Iterator[Finding]:
        if event.raw_answer and not event.calls and getattr(event, "reused_from", None) is None:
            yield self.finding(entry, found="an answer of the LLM in 0 calls", expected="1 call at least")
