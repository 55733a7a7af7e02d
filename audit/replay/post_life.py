"""``replay --post``: the whole life of one post, from the search that found it to its verdict. Pure, one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from actor.machine.history import Step
from audit.errors import UsageError
from audit.feedback import PostFeedback
from audit.filters import concerns
from audit.replay.lines import record_fields
from events import catalogue as ev
from events.codec import plain

__all__ = ["PostLife", "post_life", "post_life_fields"]

_SUGGESTED: Final = 3
_VERDICTS: Final[Mapping[type, str]] = {
    ev.SubmissionAccepted: "accepted",
    ev.SubmissionRejected: "rejected",
    ev.PostAbandoned: "abandoned",
}


@dataclass(slots=True, kw_only=True)
class PostLife:
    """What a journal tells of one post.

    Attributes:
        post_id: Its id.
        steps: Every step that names it or changes what is known of it; never empty.
        post: As X served it, with its author once one was looked up; None when it was not drawn, or when that record
            was lost.
        attempts: Submissions started, over all windows.
        verdict: "accepted", "rejected", "abandoned", "left out", "pending", "not drawn", "settled" where the verdict
            itself was lost in a gap, or "unknown" where only validators speak of it.
        decided: The last step that validators have nothing to do with.
        validators: What they told of it.
    """

    post_id: str
    steps: list[Step] = field(default_factory=list)
    post: ev.Post | None = None
    attempts: int = 0
    verdict: str = "unknown"
    decided: Step | None = None
    validators: PostFeedback | None = None


def post_life(steps: Iterable[Step], post_id: str) -> PostLife:
    """The life of one post.

    Raises:
        UsageError: The journal knows no such post; ids that begin like it are named.
    """
    life = PostLife(post_id=post_id)
    alike: list[str] = []
    for step in steps:
        if isinstance(step.event, ev.PostsScraped) and len(alike) <= _SUGGESTED:
            alike += [post.id for post in step.event.posts if post.id.startswith(post_id)]
        if concerns(step, post_id):
            _live(life, step)
    if not life.steps:
        raise UsageError(f"--post {post_id}: this journal knows no such post{_suggestion(post_id, alike)}")
    return life


def _suggestion(post_id: str, alike: list[str]) -> str:
    if not alike or not post_id:
        return ""
    more = ", …" if len(alike) > _SUGGESTED else ""
    return f"; these begin with it: {', '.join(alike[:_SUGGESTED])}{more}"


def _live(life: PostLife, step: Step) -> None:
    life.steps.append(step)
    event = step.event
    if isinstance(event, ev.ValidationObserved):
        life.validators = life.validators or PostFeedback(post_id=life.post_id)
        life.validators.take(step.record, event)
        return
    life.decided = step
    if isinstance(event, ev.PostsScraped):
        life.post = next((post for post in event.posts if post.id == life.post_id), life.post)
    if isinstance(event, ev.SubmissionStarted):
        life.attempts += 1
    if (pending := step.after.pending(life.post_id)) is not None:
        life.verdict = "pending"
        life.post = pending.post if pending.post.has_author else life.post
    elif type(event) in _VERDICTS:
        life.verdict = _VERDICTS[type(event)]
    elif isinstance(event, ev.GapDeclared) and life.post_id in event.salvage.settled:
        life.verdict = "settled"
    elif step.before.pending(life.post_id) is not None:
        life.verdict = "left out"
    elif life.verdict == "unknown":
        life.verdict = "not drawn"


def post_life_fields(life: PostLife) -> dict[str, Any]:
    """The life for machines; other posts that a record speaks of are left out."""
    return {
        "post_id": life.post_id,
        "verdict": life.verdict,
        "attempts": life.attempts,
        "post": None if life.post is None else plain(life.post),
        "validators": None if life.validators is None else _told(life.validators),
        "records": [_step_fields(step) for step in life.steps],
    }


def _told(validators: PostFeedback) -> dict[str, Any]:
    return {
        "verdict": validators.verdict,
        "confirmed": validators.confirmed,
        "refused": validators.refused,
    }


def _step_fields(step: Step) -> dict[str, Any]:
    fields = record_fields(step.record, step.event)
    if isinstance(step.event, ev.AuthorsLookedUp | ev.AuthorLookupFailed):
        fields["data"] = {k: v for k, v in fields["data"].items() if k not in {"asked", "authors"}}
    if isinstance(step.event, ev.PostsScraped | ev.GapDeclared):
        fields["data"] = {k: v for k, v in fields["data"].items() if k not in {"posts", "candidates", "salvage"}}
    return fields
