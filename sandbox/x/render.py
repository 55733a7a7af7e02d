"""Posts and users as X's JSON: the requested fields and no others. It never searches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.x.corpus import Post, User

__all__ = ["post_json", "timestamp", "user_json"]


def timestamp(at: float) -> str:
    """Unix seconds in X's format, such as 2026-11-22T14:32:05.000Z."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def post_json(post: Post, fields: Iterable[str]) -> dict[str, Any]:
    """One entry of `data`; a field without a value is left out, as X does."""
    everything: dict[str, Any] = {
        "id": post.id,
        "text": post.text,
        "edit_history_tweet_ids": [*post.edits, post.id],
        "author_id": post.author.id,
        "conversation_id": post.id,
        "created_at": timestamp(post.created_at),
        "lang": post.lang,
        "public_metrics": dict(post.metrics),
        "possibly_sensitive": False,
        "reply_settings": "everyone",
        "note_tweet": {"text": post.note} if post.note else None,
        "referenced_tweets": [{"type": "retweeted", "id": post.retweet_of}] if post.retweet_of else None,
    }
    return _only(everything, fields)


def user_json(user: User, fields: Iterable[str]) -> dict[str, Any]:
    """One entry of `includes.users`."""
    everything: dict[str, Any] = {
        "id": user.id,
        "name": user.name,
        "username": user.username,
        "created_at": timestamp(user.created_at),
        "description": user.description,
        "protected": False,
        "verified": user.verified,
        "verified_type": "blue" if user.verified else "none",
        "public_metrics": {
            "followers_count": user.followers,
            "following_count": user.following,
            "tweet_count": user.posts,
            "listed_count": user.listed,
        },
    }
    return _only(everything, fields)


def _only(everything: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    wanted = frozenset(fields)
    return {name: value for name, value in everything.items() if name in wanted and value is not None}
