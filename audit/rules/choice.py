"""R6 and R7: what becomes of a post whose analysis failed or that concerns no subnet."""

from __future__ import annotations

from collections.abc import Iterator

from audit.filters import RECENT_POSTS, Recent
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["FailedAnalysis", "IrrelevantPosts"]


class FailedAnalysis(Rule):
    """R6, and ruling 21 for what is held."""

    name = "R6"
    demands = (
        "after a failed analysis defaults are sent (no tokens, sentiment 0, score 0), or nothing, as the policy says; "
        "a post that is held waits for an analysis"
    )
    lacks = "posts that were left out before"
    events = (ev.AnalysisFailed, ev.SubmissionStarted)

    def __init__(self) -> None:
        self._skipped: Recent[str, int] = Recent(RECENT_POSTS)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Note what is to be skipped; compare what is sent."""
        event, books = entry.event, entry.books
        if isinstance(event, ev.AnalysisFailed):
            if books.policy.on_analysis_error == "skip":
                self._skipped[event.post_id] = entry.record.seq
        elif isinstance(event, ev.SubmissionStarted):
            if (seq := self._skipped.get(event.post_id)) is not None:
                found = "a submission of a post whose analysis failed under ON_ANALYSIS_ERROR=skip"
                yield self.finding(entry, seq, found=found, expected="none")
            post, body = books.pending.get(event.post_id), event.body
            if post is not None and post.analysis is None and post.held is not None:
                found = "a submission without an analysis of a post that is held under ON_ANALYSIS_ERROR=hold"
                yield self.finding(entry, post.held, found=found, expected="an analysis first")
            if post is not None and post.failed and (body.tokens or body.sentiment or body.score):
                found = (
                    f"{len(body.tokens)} tokens, sentiment {body.sentiment}, score {body.score} after a failed analysis"
                )
                yield self.finding(
                    entry, post.analysis or post.seq, found=found, expected="the defaults: none, 0 and 0"
                )


class IrrelevantPosts(Rule):
    """R7. A post whose analysis failed has no relevance either."""

    name = "R7"
    demands = "with SUBMIT_IRRELEVANT=false no post without relevance is sent"
    lacks = "posts that were left out before"
    events = (ev.PostAnalyzed, ev.AnalysisFailed, ev.SubmissionStarted)

    def __init__(self) -> None:
        self._irrelevant: Recent[str, int] = Recent(RECENT_POSTS)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Note which posts are left out; none of them may be sent."""
        event = entry.event
        if isinstance(event, ev.SubmissionStarted):
            if (seq := self._irrelevant.get(event.post_id)) is not None:
                found = "a submission of a post without relevance under SUBMIT_IRRELEVANT=false"
                yield self.finding(entry, seq, found=found, expected="none")
        elif isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
            tokens = event.tokens if isinstance(event, ev.PostAnalyzed) else {}
            held = isinstance(event, ev.AnalysisFailed) and entry.books.holds(event)
            if not (tokens or held or entry.books.policy.submit_irrelevant):
                self._irrelevant[event.post_id] = entry.record.seq
