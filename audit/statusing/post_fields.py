"""The posts of a status, as JSON values: those of the window worked on, and all that wait. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from actor.machine import State
from actor.machine.state import PendingPost
from audit.feedback import PostFeedback
from audit.statusing.look import Look
from audit.statusing.posts_seen import PostSeen

__all__ = ["post_fields"]


def post_fields(look: Look) -> Iterator[dict[str, Any]]:
    """Those of the window worked on, and all that wait: first in the order of their search."""
    state, seen = look.state, look.seen
    pending = {waiting.post.id: waiting for waiting in state.posts}
    shown = {} if state.window is None else {post.post_id: post for post in seen.posts.of_window(state.window.number)}
    for post_id in dict.fromkeys([*shown, *pending]):
        waiting = pending.get(post_id)
        post = shown.get(post_id) or seen.posts.get(post_id) or PostSeen(post_id=post_id)
        yield {
            **(_settled(post) if waiting is None else _pending(waiting, post, state)),
            "selected_for_validation": post.selected,
            "validators": _validators(seen.feedback.posts.get(post_id)),
        }


def _settled(post: PostSeen) -> dict[str, Any]:
    return {
        "id": post.post_id,
        "author": post.author,
        "window": post.window,
        "stands": post.verdict or "left out",
        "text": post.told or post.failure or "",
        "attempts": post.attempts,
        "tokens": dict(post.tokens),
        "sentiment": post.sentiment,
        "score": post.score,
    }


def _pending(waiting: PendingPost, post: PostSeen, state: State) -> dict[str, Any]:
    if not waiting.analyzed:
        stands = "held until it can be analyzed" if waiting.deferred else "to be analyzed"
    elif state.open is not None and state.open.post_id == waiting.post.id:
        stands = "being sent"
    else:
        stands = "put off" if waiting.deferred else "to be sent"
    return {
        "id": waiting.post.id,
        "author": waiting.post.author,
        "window": waiting.window,
        "stands": stands,
        "text": post.failure or "",
        "attempts": waiting.attempts,
        "tokens": dict(waiting.tokens),
        "sentiment": waiting.sentiment if waiting.analyzed else None,
        "score": waiting.score if waiting.analyzed else None,
    }


def _validators(post: PostFeedback | None) -> dict[str, Any] | None:
    if post is None:
        return None
    refusal = post.refusal
    return {
        "verdict": post.verdict,
        "confirmed": post.confirmed,
        "refused": post.refused,
        "why": None if refusal is None else refusal.reason or refusal.code,
    }
