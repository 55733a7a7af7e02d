"""Made-up posts and answers, good enough where a test does not care; ``fields`` replace what it cares about. Pure."""

from __future__ import annotations

from typing import Any

from actor.testing.clock import START_MS
from events import catalogue as ev

__all__ = ["accepted", "analysis_failed", "analyzed", "failed", "limited", "polled", "post", "rejected"]


def post(number: int, **fields: Any) -> ev.Post:
    """A post that is an hour old at START_MS; ``fields`` replace what matters to a test."""
    data: dict[str, Any] = {
        "id": str(number),
        "content": f"SN45 is doing fine, number {number}",
        "author": f"user{number}",
        "author_id": str(9_000 + number),
        "timestamp": START_MS // 1000 - 3600,
        "account_created": START_MS // 1000 - 365 * 86_400,
        "account_age": 365,
        "retweets": 10,
        "likes": 50,
        "responses": 5,
        "quotes": 1,
        "followers": 1_000,
    }
    return ev.Post(**{**data, **fields})


def analyzed(post_id: str, relevance: float = 1.0, **fields: Any) -> ev.PostAnalyzed:
    """A good analysis; relevance 0 means that no subnet is relevant."""
    data: dict[str, Any] = {
        "post_id": post_id,
        "content_sha256": "0" * 64,
        "tokens": {"talisman": relevance} if relevance else {},
        "sentiment": 0.5,
        "model": "m",
        "prompt_version": "1",
        "rung": "json_schema",
        "raw_answer": "{}",
        "calls": 1,
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "latency_ms": 700,
    }
    return ev.PostAnalyzed(**{**data, **fields})


def analysis_failed(post_id: str, kind: str = "timeout", **fields: Any) -> ev.AnalysisFailed:
    """An analysis that failed; for any other kind than a timeout the server refused, which cost nothing."""
    timed_out = kind == "timeout"
    data: dict[str, Any] = {
        "post_id": post_id,
        "content_sha256": "0" * 64,
        "kind": kind,
        "reason": "no answer within 60 s" if timed_out else f"HTTP 4xx: {kind}",
        "model": "m",
        "prompt_version": "1",
        "raw_answer": "",
        "calls": int(timed_out),
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "latency_ms": 60_000 if timed_out else 200,
        "failed_calls": 0 if timed_out else 1,
        "unmeasured_calls": int(timed_out),
    }
    return ev.AnalysisFailed(**{**data, **fields})


def accepted(post_id: str, status: str = "new", start_block: int | None = None) -> ev.SubmissionAccepted:
    """A verdict: accepted."""
    counted = "" if start_block is None else f', "window_start_block": {start_block}'
    return ev.SubmissionAccepted(
        post_id=post_id,
        status=status,
        http_status=200,
        answer=f'{{"status": "{status}"{counted}}}',
        start_block=start_block,
        selected_for_validation=None,
        validation_id=None,
        latency_ms=20,
    )


def rejected(post_id: str, http_status: int = 409) -> ev.SubmissionRejected:
    """A verdict: rejected for good."""
    return ev.SubmissionRejected(
        post_id=post_id, http_status=http_status, reason="conflict", answer="{}", latency_ms=20
    )


def failed(post_id: str, attempt: int) -> ev.SubmissionFailed:
    """One attempt failed."""
    return ev.SubmissionFailed(
        post_id=post_id, attempt=attempt, kind="http", reason="500", http_status=500, answer="", latency_ms=20
    )


def limited(post_id: str, start_block: int | None = None, full: tuple[int, ...] = ()) -> ev.RateLimited:
    """429. Of windows that are not in ``full`` it says nothing once its wait has ended, as before version 2."""
    return ev.RateLimited(
        post_id=post_id,
        answer="",
        reason="rate limit",
        start_block=start_block,
        reset_block=None,
        reset_s=None,
        latency_ms=20,
        full=full,
    )


def polled(**fields: Any) -> ev.ChainPolled:
    """A hotkey that does well; ``fields`` replace what matters to a test."""
    well: dict[str, Any] = {
        "block": 7_300_000,
        "uid": 12,
        "incentive": 0.0125,
        "alpha_per_day": 3.5,
        "rank": 34,
        "miners": 190,
        "places_before": 81,
        "immune_blocks": 0,
        "tao_per_alpha": 0.004,
    }
    return ev.ChainPolled(**(well | fields))
