"""Compares a submission with the post as X has it, as the real API does. It never asks over HTTP."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.x.corpus import Corpus, Post

__all__ = ["x_mismatch"]


def x_mismatch(body: dict[str, Any], corpus: Corpus) -> dict[str, str] | None:
    """The first difference as {code, message}; None when the submission agrees with X."""
    post = corpus.find(body["post_id"])
    if post is None:
        return {"code": "post_not_found", "message": "X does not know this post"}
    if _normal(body["content"]) != _normal(post.text):
        return {"code": "text_mismatch", "message": "content differs from the post's text"}
    if body["author"].lower() != post.author.username.lower():
        return {"code": "author_mismatch", "message": "author differs from the post's author"}
    if body["date"] != int(post.created_at):
        return {"code": "date_mismatch", "message": "date differs from the post's second"}
    return _inflated(body, post)


def _inflated(body: dict[str, Any], post: Post) -> dict[str, str] | None:
    live = {
        "retweets": post.metrics["retweet_count"],
        "likes": post.metrics["like_count"],
        "responses": post.metrics["reply_count"],
        "followers": post.author.followers,
    }
    for name, count in live.items():
        if body[name] > count + max(1, count // 10):
            return {"code": f"{name}_inflated", "message": f"{name} is more than X counts"}
    return None


def _normal(text: str) -> str:
    """NFC, and every run of whitespace as one space, trimmed."""
    return " ".join(unicodedata.normalize("NFC", text).split())
