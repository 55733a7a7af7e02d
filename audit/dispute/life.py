"""What the records shown say of one post: held against the excerpt, and against the order in which a post lives. Pure.

Every bundle shows all records that name its post. So an answer without its attempt, an attempt without its analysis or
its answer, and a second attempt without the first are records that somebody hid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from actor.machine import content_sha256, norm_text
from audit.dispute.bundle import Bundle
from events import catalogue as ev
from events.journal import Record

__all__ = ["VERDICTS", "Told", "differences_from_excerpt", "hidden", "speaks_of"]

Told: TypeAlias = tuple[Record, ev.Event]

VERDICTS: Final = {
    ev.SubmissionAccepted: "accepted",
    ev.SubmissionRejected: "rejected",
    ev.PostAbandoned: "abandoned",
}
_ANSWERS: Final = (ev.SubmissionAccepted, ev.SubmissionRejected, ev.SubmissionFailed, ev.RateLimited)


def speaks_of(event: ev.Event, post_id: str) -> bool:
    """Whether the miner's own record names the post; a validator may name any."""
    return getattr(event, "post_id", None) == post_id and not isinstance(event, ev.ValidationObserved)


def hidden(bundle: Bundle, read: Iterable[Told]) -> Iterator[str]:
    """Where the post's life lacks a part that it must have had."""
    life = _Life(bundle)
    for record, event in read:
        yield from (f"record {record.seq}: {reason}" for reason in life.lacks(record, event))
        life.goes_on(record, event)


class _Life:
    """The post's life as far as it was told."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._analyzed = False
        self._open: int | None = None  # the record of the attempt that has no answer yet
        self._last: ev.SubmissionStarted | None = None
        self._afresh: set[int] = set()  # windows told since the last attempt: one may bear the number of its window
        self._verdict: int | None = None

    def lacks(self, record: Record, event: ev.Event) -> Iterator[str]:
        """What should have been told before this record, or not at all."""
        if not speaks_of(event, self._bundle.post_id):
            return
        if record.seq < self._bundle.search.seq:
            yield f"it speaks of the post before its search, record {self._bundle.search.seq}"
        if self._verdict is not None:
            yield f"it speaks of the post behind its verdict, record {self._verdict}"
        if isinstance(event, ev.SubmissionStarted):
            yield from self._lacks_before_attempt(event)
        elif isinstance(event, _ANSWERS):
            if self._open is None or self._last is None:
                yield f"{record.name}, and no SubmissionStarted is shown that it answers: what was sent is not covered"
            elif isinstance(event, ev.SubmissionFailed) and event.attempt != self._last.attempt:
                yield f"it answers attempt {event.attempt}, the one that is open is {self._last.attempt}"

    def _lacks_before_attempt(self, event: ev.SubmissionStarted) -> Iterator[str]:
        if not self._analyzed:
            yield "an attempt, and no analysis of the post is shown"
        if self._open is not None:
            yield f"another attempt, and no answer to the one of record {self._open} is shown"
        known = self._last.attempt if self._last is not None and self._last.window == event.window else 0
        expected = {known + 1, 1} if event.window in self._afresh else {known + 1}
        if event.attempt not in expected:
            yield f"attempt {event.attempt} in window {event.window}, the one before it that is shown is {known}"

    def goes_on(self, record: Record, event: ev.Event) -> None:
        if isinstance(event, ev.ActorStarted):
            self._open = None  # the process that had sent it is gone
        elif isinstance(event, ev.WindowOpened | ev.WindowsRevised):
            self._afresh.add(event.window)
        if not speaks_of(event, self._bundle.post_id):
            return
        if isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
            self._analyzed = True
        elif isinstance(event, ev.SubmissionStarted):
            self._open, self._last, self._afresh = record.seq, event, set()
        elif isinstance(event, _ANSWERS) or _is_crash_of_submission(event):
            self._open = None
        if type(event) in VERDICTS:
            self._verdict = record.seq


def _is_crash_of_submission(event: ev.Event) -> bool:
    return isinstance(event, ev.EffectCrashed) and event.effect == f"SubmitPost:{event.post_id}"


# The excerpt


def differences_from_excerpt(bundle: Bundle, read: Iterable[Told]) -> Iterator[str]:
    """Where excerpt and records differ."""
    read = list(read)
    search, post = bundle.search, bundle.search.post
    if post.id != bundle.post_id:
        yield f"search: the post is {post.id}, the bundle is about {bundle.post_id}"
    opened = [event.window for _, event in read if isinstance(event, ev.WindowOpened | ev.WindowsRevised)]
    if search.window not in opened:
        yield f"search: no record shown opens window {search.window}"
    digest = content_sha256(norm_text(post.content))
    analysis: ev.PostAnalyzed | None = None
    for record, event in read:
        if getattr(event, "content_sha256", "") not in {"", digest}:
            yield f"search: the post's text is not the one that record {record.seq} analyzed"
        if isinstance(event, ev.PostAnalyzed):
            analysis = event
        if isinstance(event, ev.SubmissionStarted):
            differing = _differences(event.body, bundle, analysis)
            yield from (f"record {record.seq}: {name} sent is not that of the {where}" for name, where in differing)


def _differences(
    body: ev.SubmissionBody, bundle: Bundle, analysis: ev.PostAnalyzed | None
) -> Iterator[tuple[str, str]]:
    post = bundle.search.post
    expected: dict[str, object] = {
        "miner_hotkey": bundle.hotkey,
        "post_id": post.id,
        "content": norm_text(post.content),
        "date": post.timestamp,
        "author": post.author,
        "account_age": post.account_age,
        "retweets": post.retweets,
        "likes": post.likes,
        "responses": post.responses,
        "followers": post.followers,
    }
    yield from ((name, "search") for name, value in expected.items() if getattr(body, name) != value)
    if analysis is not None and (body.tokens, body.sentiment) != (analysis.tokens, analysis.sentiment):
        yield "the analysis", "one that is shown"
