"""I3: what was paid for and is recorded is never paid for again."""

from __future__ import annotations

from collections.abc import Iterator

from audit.recent import RECENT_POSTS, RECENT_WINDOWS, Recent
from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from events import catalogue as ev

__all__ = ["PaidOnce"]


class PaidOnce(Rule):
    """I3. A refusal that has posts wait is no answer, while a failed search spends its window, as a spent budget does.

    A journal that moves to another API and back finds the windows there that it left, though its books began anew.
    """

    name = "I3"
    demands = "no second search of a window and no second analysis of a post is recorded"
    events = (ev.PostsScraped, ev.ScrapeFailed, ev.BudgetSpent, ev.PostAnalyzed, ev.AnalysisFailed)

    def __init__(self) -> None:
        self._analyzed: Recent[str, int] = Recent(RECENT_POSTS)
        self._searched: Recent[tuple[str, int, int], int] = Recent(RECENT_WINDOWS)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Is there an earlier answer?"""
        event, record = entry.event, entry.record
        if isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
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
            if before is not None:
                yield self.finding(entry, before, found="a second search of a window", expected="one")
            self._searched[key] = before or record.seq
