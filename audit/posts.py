"""What became of each post: a journal folded into one row for every chosen post. Pure.

``settled_posts`` gives a row as soon as the post's life is over and forgets it, so memory holds pending posts only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from actor.machine import State
from audit.feedback import PostFeedback
from events import catalogue as ev
from events.journal import Record

__all__ = ["Mark", "PostRow", "post_rows", "settled_posts"]

# The events that end a post's life. Being left out has no event of its own: the post is just no longer pending.
_FINAL: Final[Mapping[type, str]] = {
    ev.SubmissionAccepted: "accepted",
    ev.SubmissionRejected: "rejected",
    ev.PostAbandoned: "abandoned",
}
_PENDING: Final = "pending"


class Mark(NamedTuple):
    """A record, by its number and its time in unix milliseconds."""

    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRow:
    """One post's life.

    Attributes:
        post: As X served it, with its author once one was looked up.
        window: Number of the window that it was scraped for.
        scraped: The record of the search that found it.
        place: Its place among the posts that the search chose, from 1.
        analysis: The analysis or its failure, of several the last; None before.
        analyzed: Its record.
        score: As the machine computed it from the analysis, and as it is submitted; None before, and when left out.
        attempts: Submissions started, over all windows.
        failures: Attempts that failed, 429 and answers lost in a crash aside.
        limits: Attempts that were answered 429.
        first_sent: The first attempt's record, None without one.
        last_sent: The last one's.
        ending: The event that brought the verdict; None without one.
        verdict: "accepted", "rejected", "abandoned", "left out", "pending", or "settled" where a gap swallowed it.
        decided: The record that ended its life.
        told: What validators told of it; None without such records, and where nobody has looked.
    """

    post: ev.Post
    window: int
    scraped: Mark
    place: int
    analysis: ev.PostAnalyzed | ev.AnalysisFailed | None = None
    analyzed: Mark | None = None
    score: float | None = None
    attempts: int = 0
    failures: int = 0
    limits: int = 0
    first_sent: Mark | None = None
    last_sent: Mark | None = None
    ending: ev.SubmissionAccepted | ev.SubmissionRejected | ev.PostAbandoned | None = None
    verdict: str = _PENDING
    decided: Mark | None = None
    told: PostFeedback | None = None

    @property
    def tokens(self) -> Mapping[str, float]:
        """Relevance by subnet; empty before and without an analysis."""
        return self.analysis.tokens if isinstance(self.analysis, ev.PostAnalyzed) else {}

    @property
    def sentiment(self) -> float | None:
        """None before and without an analysis."""
        return self.analysis.sentiment if isinstance(self.analysis, ev.PostAnalyzed) else None

    @property
    def detail(self) -> str:
        """The API's word or the reason of the verdict, else why the analysis failed."""
        if self.ending is not None:
            return str(getattr(self.ending, "status", "") or getattr(self.ending, "reason", ""))
        return self.analysis.reason if isinstance(self.analysis, ev.AnalysisFailed) else ""


def post_rows(history: Iterable[tuple[Record, State]]) -> list[PostRow]:
    """One row for each chosen post, in the order of the searches."""
    rows = settled_posts((record, record.event(), after) for record, after in history)
    return sorted(rows, key=lambda row: (row.scraped.seq, row.place))


def settled_posts(history: Iterable[tuple[Record, ev.Event, State]]) -> Iterator[PostRow]:
    """One row for each chosen post, in the order in which their lives ended, then the pending ones.

    Args:
        history: Every record with its event and the state after it.
    """
    pending: dict[str, PostRow] = {}
    for record, event, after in history:
        mark = Mark(record.seq, record.at_ms)
        if isinstance(event, ev.PostsScraped):
            pending |= {row.post.id: row for row in _found(event, mark)}
        for post_id in _concerned(event, pending):
            row = pending[post_id] = _lived(pending[post_id], event, mark, after)
            if row.verdict != _PENDING:
                yield pending.pop(post_id)
    yield from pending.values()


def _found(event: ev.PostsScraped, mark: Mark) -> list[PostRow]:
    return [
        PostRow(post=post, window=event.window, scraped=mark, place=place)
        for place, post in enumerate(event.posts, start=1)
    ]


def _concerned(event: ev.Event, pending: Mapping[str, PostRow]) -> list[str]:
    if isinstance(event, ev.GapDeclared):
        return list(pending)
    if isinstance(event, ev.AuthorsLookedUp):
        return [post_id for post_id, row in pending.items() if not row.post.has_author]
    post_id: str | None = getattr(event, "post_id", None)
    return [post_id] if post_id is not None and post_id in pending else []


def _lived(row: PostRow, event: ev.Event, mark: Mark, after: State) -> PostRow:
    known = after.pending(row.post.id)
    if known is None:
        row = replace(row, verdict=_verdict(event, row.post.id), decided=mark)
    elif not row.post.has_author:
        row = replace(row, post=known.post)
    match event:
        case ev.PostAnalyzed() | ev.AnalysisFailed():
            return replace(row, analysis=event, analyzed=mark, score=known.score if known and known.analyzed else None)
        case ev.SubmissionStarted():
            return replace(row, attempts=row.attempts + 1, first_sent=row.first_sent or mark, last_sent=mark)
        case ev.SubmissionFailed():
            return replace(row, failures=row.failures + 1)
        case ev.RateLimited():
            return replace(row, limits=row.limits + 1)
        case ev.SubmissionAccepted() | ev.SubmissionRejected() | ev.PostAbandoned():
            return replace(row, ending=event)
    return row


def _verdict(event: ev.Event, post_id: str) -> str:
    if isinstance(event, ev.GapDeclared) and post_id in event.salvage.settled:
        return "settled"
    return _FINAL.get(type(event), "left out")
