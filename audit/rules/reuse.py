"""An analysis taken over from an earlier post says what that post's said, of the same text; any other took a call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.recent import RECENT_POSTS, Recent
from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from events import catalogue as ev

__all__ = ["AnswersTakenOver"]

_SAME: Final = ("content_sha256", "model", "prompt_version", "tokens", "sentiment")


class AnswersTakenOver(Rule):
    """Same text, model and rules, the same result, and nothing paid. An LLM that answered was asked."""

    name = "reuse"
    demands = (
        "an analysis with `reused_from` equals that post's own analysis, of the same text, and cost nothing; any other "
        "answer took a call"
    )
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
