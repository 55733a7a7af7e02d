"""I3: what was paid for and is recorded is never paid for again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.filters import RECENT_POSTS, RECENT_WINDOWS, Recent
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["AnswersTakenOver", "PaidOnce"]


class PaidOnce(Rule):
    """I3. After a refusal under "hold" another analysis may follow; a failed search and a spent budget end the window.

    Searched windows are kept by API: a journal that moves away and back must not search them again.
    """

    name = "I3"
    demands = "no second search of a window and no second analysis of a post is recorded"
    lacks = "searches and analyses that were on record before, but for those that the miner knows"
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
