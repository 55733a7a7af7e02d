"""What became of each post: a journal folded into one row for every post, oldest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from actor.machine import State
from events import catalogue as ev
from events.journal import Record

__all__ = ["PostRow", "post_rows"]

# The events that end a post's life. Being left out has no event of its own: the post is just no longer pending.
_FINAL: Final[Mapping[type, str]] = {
    ev.SubmissionAccepted: "accepted",
    ev.SubmissionRejected: "rejected",
    ev.PostAbandoned: "abandoned",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRow:
    """One post's life.

    Attributes:
        post: As X served it.
        window: Number of the window that it was scraped for.
        tokens: Relevance by subnet.
        sentiment: None before and without an analysis.
        score: As submitted; None when it was not.
        attempts: Submissions started, over all windows.
        verdict: "accepted", "rejected", "abandoned", "left out", or "pending".
        detail: The API's word, or the reason.
    """

    post: ev.Post
    window: int
    tokens: Mapping[str, float] = field(default_factory=dict)
    sentiment: float | None = None
    score: float | None = None
    attempts: int = 0
    verdict: str = "pending"
    detail: str = ""


def post_rows(history: Iterable[tuple[Record, State]]) -> list[PostRow]:
    """One row for each chosen post; ``history`` gives every record with the state after it."""
    rows: dict[str, PostRow] = {}
    for record, state in history:
        event = record.event()
        if isinstance(event, ev.PostsScraped):
            rows |= {post.id: PostRow(post=post, window=event.window) for post in event.posts}
        elif (row := rows.get(getattr(event, "post_id", None) or "")) is not None:
            rows[row.post.id] = replace(row, **_changes(event, row, state))
    return list(rows.values())


def _changes(event: ev.Event, row: PostRow, state: State) -> dict[str, Any]:
    if type(event) in _FINAL:
        return {"verdict": _FINAL[type(event)], "detail": _detail(event)}
    if isinstance(event, ev.SubmissionStarted):
        return {"attempts": row.attempts + 1, "score": event.body.score}
    if isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
        left_out = {} if state.pending(row.post.id) else {"verdict": "left out"}
        if isinstance(event, ev.AnalysisFailed):
            return {"detail": event.reason, **left_out}
        return {"tokens": event.tokens, "sentiment": event.sentiment, **left_out}
    return {}


def _detail(event: ev.Event) -> str:
    return str(getattr(event, "status", "") or getattr(event, "reason", ""))
