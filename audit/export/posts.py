"""Rows of the table ``posts``: one for each post that a search chose. Pure.

A row comes out when the post's life is over, the pending ones at the end, so that memory holds only those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

import orjson

from actor.machine.history import Step
from audit.export.columns import Column, at_columns
from audit.feedback import Feedback
from audit.filters import Filters, in_scope
from audit.moments import in_calendar
from audit.posts import Mark, PostRow, settled_posts
from events import catalogue as ev

__all__ = ["POST_COLUMNS", "post_sources"]


def post_sources(steps: Iterable[Step], filters: Filters, told: Feedback) -> Iterator[PostRow]:
    """The posts whose search lies within the filters' times and windows, with what validators told of them."""
    for row in settled_posts((step.record, step.event, step.after) for step in steps):
        if in_scope(filters, row.window, row.scraped.at_ms):
            yield replace(row, told=told.posts.get(row.post.id))


def _at(mark: Mark | None) -> int | None:
    return None if mark is None else mark.at_ms


def _analysis(row: PostRow) -> str | None:
    if row.analysis is None:
        return None
    return "failed" if isinstance(row.analysis, ev.AnalysisFailed) else "answered"


def _left_out(row: PostRow) -> str | None:
    return None if row.analysis is None else ", ".join(row.analysis.dropped) or None


def _of_analysis(name: str) -> Any:
    """A field of the analysis; None where there is none, or where it is an empty text."""
    return lambda row: None if (value := getattr(row.analysis, name, None)) == "" else value


def _of_ending(name: str) -> Any:
    """A field of the event that brought the verdict; None where it has none."""
    return lambda row: getattr(row.ending, name, None)


def _of_refusal(name: str) -> Any:
    """A field of the last refusal by a validator."""
    return lambda row: None if row.told is None else getattr(row.told.refusal, name, None)


def _failure(row: PostRow) -> str | None:
    return f"{row.analysis.kind}: {row.analysis.reason}" if isinstance(row.analysis, ev.AnalysisFailed) else None


def _tokens(row: PostRow) -> bytes | None:
    known = isinstance(row.analysis, ev.PostAnalyzed)
    return orjson.dumps(dict(row.tokens), option=orjson.OPT_SORT_KEYS) if known else None


POST_COLUMNS: Final = (
    Column("post_id", "text", "the post's id at X", lambda r: r.post.id),
    Column("author", "text", "user name without @", lambda r: r.post.author),
    Column("author_id", "text", "the user's id at X", lambda r: r.post.author_id),
    Column("content", "text", "the text as X served it", lambda r: r.post.content),
    *at_columns("posted", "when it was posted, by X, to the second", lambda r: in_calendar(r.post.timestamp * 1000)),
    *at_columns("account_created", "when the account was made", lambda r: in_calendar(r.post.account_created * 1000)),
    Column("account_age_days", "integer", "age of the account at the search", lambda r: r.post.account_age),
    Column("retweets", "integer", "reposts at the search", lambda r: r.post.retweets),
    Column("likes", "integer", "likes at the search", lambda r: r.post.likes),
    Column("responses", "integer", "replies at the search", lambda r: r.post.responses),
    Column("quotes", "integer", "quotes at the search", lambda r: r.post.quotes),
    Column("followers", "integer", "the author's followers at the search", lambda r: r.post.followers),
    Column("window", "integer", "the window that it was searched for", lambda r: r.window),
    Column("scraped_seq", "integer", "record of the search", lambda r: r.scraped.seq),
    *at_columns("scraped", "when the search answered", lambda r: r.scraped.at_ms),
    Column("analysis", "text", "`answered` or `failed`; empty before", _analysis),
    *at_columns("analyzed", "when that was", lambda r: _at(r.analyzed)),
    Column("analysis_failure", "text", "kind and reason of a failed analysis", _failure),
    Column("content_sha256", "text", "digest of the normalized text that was analyzed", _of_analysis("content_sha256")),
    Column("model", "text", "the LLM", _of_analysis("model")),
    Column("prompt_version", "text", "version of the prompt", _of_analysis("prompt_version")),
    Column("answer_format", "text", "which answer format worked", _of_analysis("rung")),
    Column("tokens", "json", "relevance by subnet, an object of numbers", _tokens),
    Column("sentiment", "number", "-1, -0.5, 0, 0.5 or 1", lambda r: r.sentiment),
    Column("score", "number", "final score at the analysis, as it is submitted", lambda r: r.score),
    Column("llm_calls", "integer", "LLM calls for it", _of_analysis("calls")),
    Column("llm_failed_calls", "integer", "requests without a usable answer", _of_analysis("failed_calls")),
    Column(
        "llm_unmeasured_calls", "integer", "of the calls, those without token counts", _of_analysis("unmeasured_calls")
    ),
    Column("llm_repairs", "integer", "of the calls, those for a better answer", _of_analysis("repairs")),
    Column(
        "llm_server", "text", "host and port of the LLM, `#` and a digest of a path but /v1", _of_analysis("server")
    ),
    Column("llm_left_out", "text", "what its server does not take of a request", _left_out),
    Column("llm_shown_chars", "integer", "characters of the text that it saw; empty: all", _of_analysis("shown_chars")),
    Column("llm_prompt_tokens", "integer", "billed input tokens", _of_analysis("prompt_tokens")),
    Column("llm_completion_tokens", "integer", "billed output tokens", _of_analysis("completion_tokens")),
    Column("llm_latency_ms", "integer", "time over all calls", _of_analysis("latency_ms")),
    Column("attempts", "integer", "submissions begun, over all windows", lambda r: r.attempts),
    Column(
        "failed_attempts", "integer", "of these, failed; without those that a crash interrupted", lambda r: r.failures
    ),
    Column("rate_limited", "integer", "of these, answered 429", lambda r: r.limits),
    *at_columns("first_sent", "when the first submission began", lambda r: _at(r.first_sent)),
    *at_columns("last_sent", "when the last submission began", lambda r: _at(r.last_sent)),
    Column(
        "verdict",
        "text",
        "`accepted`, `rejected`, `abandoned`, `left out`, `pending`, or `settled` where it lies in a declared gap",
        lambda r: r.verdict,
    ),
    Column("verdict_seq", "integer", "record of the verdict", lambda r: None if r.decided is None else r.decided.seq),
    *at_columns("verdict", "when that was", lambda r: _at(r.decided)),
    Column("api_status", "text", "the API's word for an accepted post", _of_ending("status")),
    Column("reason", "text", "why it was rejected or abandoned", _of_ending("reason")),
    Column("http_status", "integer", "the verdict's status code", _of_ending("http_status")),
    Column("counted_start_block", "integer", "first block of the window it was counted in", _of_ending("start_block")),
    Column("selected_for_validation", "flag", "the API's flag", _of_ending("selected_for_validation")),
    Column("validation_id", "text", "the API's id of the validation", _of_ending("validation_id")),
    Column("submit_latency_ms", "integer", "time of the last request", _of_ending("latency_ms")),
    Column(
        "judged",
        "text",
        "what validators reported: `confirmed`, `refused`, `disputed`; empty while none has",
        lambda r: r.told and r.told.verdict,
    ),
    Column("confirmations", "integer", "validators that confirmed it", lambda r: r.told and r.told.confirmed),
    Column("refusals", "integer", "validators that refused it", lambda r: r.told and r.told.refused),
    Column("refusal_code", "text", "code of the last refusal", _of_refusal("code")),
    Column("refusal_reason", "text", "its reason", _of_refusal("reason")),
)
