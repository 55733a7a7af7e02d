"""What recent records tell of posts: their analyses, attempts and verdicts. From events alone, memory is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from actor.machine.budget import DAY_MS
from audit.recent import Recent
from events import catalogue as ev
from events.journal import Record

__all__ = ["PostSeen", "PostsSeen"]

_POSTS: Final = 512
_DAYS: Final = 3


@dataclass(slots=True, kw_only=True)
class PostSeen:
    """One post; each field is None or empty until a record tells it.

    Attributes:
        post_id: The post.
        author: Who wrote it.
        window: Number of the window that it was chosen for.
        sent_in: Number of the window that it was last sent in.
        failure: Why its analysis, or the last attempt to send it, failed.
        tokens: Relevance by subnet.
        sentiment: As analyzed; None while it was not, or when that failed.
        score: As sent.
        attempts: Submissions begun.
        verdict: "accepted", "rejected" or "abandoned".
        told: What the API said about it, or why it was given up.
        selected: The API's word that it selected the post for validation.
    """

    post_id: str
    author: str = ""
    window: int | None = None
    sent_in: int | None = None
    failure: str | None = None
    tokens: Mapping[str, float] = field(default_factory=dict)
    sentiment: float | None = None
    score: float | None = None
    attempts: int = 0
    verdict: str | None = None
    told: str = ""
    selected: bool | None = None

    def tell(self, event: ev.Event) -> None:
        """One more event about this post."""
        match event:
            case ev.PostAnalyzed():
                self.tokens, self.sentiment, self.failure = event.tokens, event.sentiment, None
            case ev.AnalysisFailed():
                self.failure = event.reason
            case ev.SubmissionStarted():
                self.sent_in, self.attempts, self.score = event.window, event.attempt, event.body.score
                self.tokens = event.body.tokens
            case ev.SubmissionAccepted():
                self.verdict, self.told, self.selected = "accepted", event.status, event.selected_for_validation
            case ev.SubmissionRejected():
                self.verdict, self.told = "rejected", f"HTTP {event.http_status}: {event.reason}"
            case ev.SubmissionFailed() | ev.RateLimited():
                self.failure = event.reason
            case ev.PostAbandoned():
                self.verdict, self.told = "abandoned", event.reason


_ABOUT_A_POST: Final = (
    ev.PostAnalyzed,
    ev.AnalysisFailed,
    ev.SubmissionStarted,
    ev.SubmissionAccepted,
    ev.SubmissionRejected,
    ev.SubmissionFailed,
    ev.RateLimited,
    ev.PostAbandoned,
)
_VERDICTS: Final = (ev.SubmissionAccepted, ev.SubmissionRejected, ev.PostAbandoned)


class PostsSeen:
    """Fed records in order; knows the posts that were named last, and the verdicts of the last days."""

    def __init__(self) -> None:
        self._posts: Recent[str, PostSeen] = Recent(_POSTS)
        self._verdicts: Recent[int, Counter[str]] = Recent(_DAYS)

    def take(self, record: Record, event: ev.Event) -> None:
        """Note one more record."""
        if isinstance(event, ev.PostsScraped):
            for chosen in event.posts:
                self._posts[chosen.id] = PostSeen(post_id=chosen.id, author=chosen.author, window=event.window)
        elif isinstance(event, _ABOUT_A_POST):
            post = self._posts.get(event.post_id)
            if post is None:  # its search lies further back
                post = self._posts[event.post_id] = PostSeen(post_id=event.post_id)
            post.tell(event)
            if isinstance(event, _VERDICTS):
                day = record.at_ms // DAY_MS
                verdicts = self._verdicts[day] = self._verdicts.get(day) or Counter()
                verdicts[post.verdict or ""] += 1

    def of_window(self, number: int) -> Iterator[PostSeen]:
        """Posts that were chosen for, or sent in, the window of this number."""
        return (post for post in self._posts.values() if number in {post.window, post.sent_in})

    def get(self, post_id: str) -> PostSeen | None:
        """What is told of a post, None when no recent record names it."""
        return self._posts.get(post_id)

    def verdicts_of(self, day: int) -> Mapping[str, int]:
        """How many posts came to which verdict on a UTC day (unix days)."""
        return self._verdicts.get(day, Counter())
