"""The life of one post as text for people. Its content is what X served: shown, never trusted, and safe to print."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from actor.machine import content_sha256
from actor.machine.history import Step
from audit.moments import second_text
from audit.replay.lines import entry_line, short, span, when
from audit.replay.post_life import PostLife
from events import catalogue as ev
from events.describe import describe, is_trouble

__all__ = ["post_life_lines"]

_WIDTH: Final = 110
_LONGEST_TEXT: Final = 10_000
_UNDER: Final = " " * 32


def post_life_lines(life: PostLife) -> Iterator[str]:
    """The post, each step of its life, and the verdict; with line ends."""
    yield from _portrait(life)
    yield "\n"
    above: int | None = None
    analyzed = ""
    attempt = 0
    for step in life.steps:
        record, event = step.record, step.event
        attempt += isinstance(event, ev.SubmissionStarted)
        told = _text(life, step, attempt)
        yield entry_line(record.seq, when(record.at_ms, beside=above), told, trouble=is_trouble(event))
        above = record.at_ms
        analyzed = getattr(event, "content_sha256", analyzed)
        for detail in _details(event, analyzed):
            yield from _wrapped(_UNDER, detail)
        yield from _answer(event)
        for detail in _turns(life, step, attempt):
            yield from _wrapped(_UNDER, detail)
    yield "\n"
    yield f"{_verdict(life)}\n"


def _portrait(life: PostLife) -> Iterator[str]:
    post = life.post
    if post is None:
        yield f"post {short(life.post_id)}: its text is not in this journal\n"
        return
    by = f"@{short(post.author, 100)}" if post.has_author else "an author who was not looked up"
    yield f"post {post.id} by {by}, posted {second_text(post.timestamp)}\n"
    yield from _wrapped("  text    ", short(post.content, _LONGEST_TEXT))
    who = f", {post.followers:,} followers, account {post.account_age:,} days old at the search"
    yield f"  author  id {short(post.author_id, 40)}{who if post.has_author else ''}\n"
    yield (
        f"  counts  likes {post.likes:,}, reposts {post.retweets:,}, replies {post.responses:,}, "
        f"quotes {post.quotes:,}\n"
    )


def _wrapped(label: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, _WIDTH, initial_indent=label, subsequent_indent=" " * len(label))
    yield from (f"{line}\n" for line in lines)


def _answer(event: ev.Event) -> Iterator[str]:
    """What a server answered, whole and in one line, so that it can be copied as the JSON that it may be."""
    answer = getattr(event, "raw_answer", None) or getattr(event, "answer", None)
    if answer:
        yield f"{_UNDER}answer: {short(answer, len(answer))}\n"


def _text(life: PostLife, step: Step, attempt: int) -> str:
    """The event, seen from the post; attempts are counted over all windows."""
    event = step.event
    if isinstance(event, ev.PostsScraped):
        drawn = "chosen for" if any(post.id == life.post_id for post in event.posts) else "found and not drawn for"
        return f"{drawn} window {event.window}: {len(event.posts)} of {len(event.candidates)} new posts were drawn"
    if isinstance(event, ev.PostAnalyzed):
        pending = step.after.pending(life.post_id)
        score = "" if pending is None else f"; score {pending.score:.3f}"
        return f"relevance {_relevance(event.tokens)}; sentiment {event.sentiment:+.1f}{score}"
    if isinstance(event, ev.AuthorsLookedUp):
        return _author(life, step)
    told = describe(event).removeprefix(f"post {life.post_id}").lstrip(": ")
    if not isinstance(event, _ATTEMPTS) or event.post_id != life.post_id or not attempt:
        return told
    told = told.removeprefix(f"attempt {getattr(event, 'attempt', 0)}")
    return f"attempt {attempt}{told if told.startswith(',') else f' {told.lstrip()}'}"


def _author(life: PostLife, step: Step) -> str:
    after = step.after.pending(life.post_id)
    if after is None or not after.post.has_author:
        return "its author was looked up: X knows nobody of that id"
    post = after.post
    return f"its author was looked up: @{short(post.author, 100)}, {post.followers:,} followers"


def _turns(life: PostLife, step: Step, attempt: int) -> Iterator[str]:
    """What the step meant for the post besides what its event says."""
    before, after = step.before.pending(life.post_id), step.after.pending(life.post_id)
    window = "?" if step.after.window is None else step.after.window.number
    if isinstance(step.event, ev.ActorStarted) and step.before.open is not None:
        yield f"attempt {attempt} was under way, its answer was never recorded"
    if before is None or after is None:
        if isinstance(step.event, ev.PostAnalyzed | ev.AnalysisFailed):
            yield "left out by the settings"
        elif isinstance(step.event, ev.AuthorsLookedUp):
            yield "left out: it cannot be sent without its author"
        elif isinstance(step.event, ev.GapDeclared):
            yield "its verdict lies in the gap" if life.post_id in step.event.salvage.settled else "left out"
    elif after.deferred and not before.deferred:
        yield "put off to the next window"
    elif before.deferred and not after.deferred:
        yield f"carried into window {window}"
    backoff = step.after.backoff
    if isinstance(step.event, ev.SubmissionFailed) and backoff is not None:
        yield f"again after {backoff.wait_s:g} s"


def _details(event: ev.Event, analyzed: str) -> list[str]:
    make = _DETAILS.get(type(event))
    details = [] if make is None else make(event)
    if isinstance(event, ev.SubmissionStarted):
        same = content_sha256(event.body.content) == analyzed
        text = "the text that was analyzed" if same else "another text than the one that was analyzed"
        details.append(f"{len(event.body.content)} characters: {text}")
    return details


def _relevance(tokens: Mapping[str, float]) -> str:
    ordered = sorted(tokens.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{short(name, 40)} {share:.2f}" for name, share in ordered) or "no subnet"


def _search(e: ev.PostsScraped) -> list[str]:
    return [f"the search read {e.posts_read} posts and {e.users_read} users in {e.requests} request(s); seed {e.seed}"]


def _analysis(e: ev.PostAnalyzed | ev.AnalysisFailed) -> list[str]:
    rung = f", {short(e.rung, 40)}" if isinstance(e, ev.PostAnalyzed) else ""
    without = f" without {short(', '.join(e.dropped), 80)}" if e.dropped else ""
    by = f"by {short(e.model, 80) or 'no model'}, prompt {short(e.prompt_version, 40) or 'none'}{rung}{without}"
    repairs = f" with {e.repairs} repair(s)" if e.repairs else ""
    cost = f"{e.calls} call(s){repairs}, {e.prompt_tokens} + {e.completion_tokens} tokens, {span(e.latency_ms)}"
    shown = [] if e.shown_chars is None else [f"it was shown the first {e.shown_chars} characters"]
    return [f"{by}: {cost}", *shown]


def _attempt(e: ev.SubmissionStarted) -> list[str]:
    body = e.body
    which = f"window {e.window}, its attempt {e.attempt} there"
    return [f"{which}: sentiment {body.sentiment:+.1f}, relevance {_relevance(body.tokens)}"]


def _accepted(e: ev.SubmissionAccepted) -> list[str]:
    validation = [f"validation id {short(e.validation_id, 100)}"] if e.validation_id else []
    counted = [f"counted in the window from block {e.start_block}"] if e.start_block is not None else []
    return [f"HTTP {e.http_status}, it took {span(e.latency_ms)}", *counted, *validation]


def _answered(e: ev.SubmissionRejected | ev.SubmissionFailed | ev.RateLimited) -> list[str]:
    return [f"it took {span(e.latency_ms)}"]


_ATTEMPTS: Final = (
    ev.SubmissionStarted,
    ev.SubmissionAccepted,
    ev.SubmissionRejected,
    ev.SubmissionFailed,
    ev.RateLimited,
)
_DETAILS: Final[Mapping[type, Callable[[Any], list[str]]]] = {
    ev.PostsScraped: _search,
    ev.PostAnalyzed: _analysis,
    ev.AnalysisFailed: _analysis,
    ev.SubmissionStarted: _attempt,
    ev.SubmissionAccepted: _accepted,
    ev.SubmissionRejected: _answered,
    ev.SubmissionFailed: _answered,
    ev.RateLimited: _answered,
}
_MEANINGS: Final[Mapping[str, str]] = {
    "not drawn": "not drawn: a later search may find it again",
    "left out": "left out: it was not sent",
    "settled": "settled: the verdict itself lies in a gap of this journal",
    "unknown": "unknown: this journal never found it; only validators speak of it",
}


def _verdict(life: PostLife) -> str:
    first, last = life.steps[0].record, (life.decided or life.steps[-1]).record
    told = _MEANINGS.get(life.verdict, life.verdict)
    tries = f" after {life.attempts} attempt(s)" if life.attempts else ""
    return f"{told}{tries}, records {first.seq} to {last.seq}, {span(last.at_ms - first.at_ms)}{_judged(life)}"


def _judged(life: PostLife) -> str:
    validators = life.validators
    if validators is None:
        return ""
    return f"; {validators.verdict} by validators: {validators.confirmed} for it, {validators.refused} against"
