"""What an answer from outside means: edge answers to events. Pure; the runtime appends what comes out.

Block numbers are never extrapolated and the API's win over the configuration (ruling 11). Which of them are believed,
and when, is the matter of ``actor.block_watch``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

from actor.machine.scoring import value
from actor.machine.state import State
from actor.ports import Accepted, Block, Failed, FoundAuthors, Limited, Rejected, Scraped, ScrapeError, SubmitAnswer
from events import catalogue as ev
from events import effects as ef
from events.effects import AnalyzePost, Effect, LookUpAuthors, ScrapeWindow, SubmitPost, effect_key

__all__ = [
    "author_lookup_failed",
    "authors_event",
    "crash_event",
    "effect_of",
    "has_effect",
    "is_decision",
    "is_outcome",
    "observe",
    "ranked",
    "sample",
    "scrape_failed",
    "scraped_event",
    "submit_event",
    "told_start",
    "with_known_authors",
]

# What JSON readers everywhere hold exactly; a larger number is no block.
_LARGEST_BLOCK: Final = 2**53 - 1
T = TypeVar("T")


def observe(state: State, block: Block, source: Literal["status", "submit"]) -> tuple[ev.Event, ...]:
    """The events that an answer's block numbers make: a recovery, numbers other than configured, a newer window."""
    answered = source == "status" or block != Block()
    events: list[ev.Event] = [ev.ApiRecovered()] if state.api_down and answered else []
    blocks = block.blocks_per_window or state.blocks_per_window
    if blocks != state.blocks_per_window:
        configured = state.policy.blocks_per_window
        events.append(ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=configured, served=blocks))
    if block.max_submissions and block.max_submissions != state.max_submissions:
        configured, served = state.policy.max_submissions_per_window, block.max_submissions
        events.append(ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=configured, served=served))
    if (window := _window(state, block, blocks, source)) is not None:
        events.append(window)
    return tuple(events)


def _window(state: State, block: Block, blocks: int, source: Literal["status", "submit"]) -> ev.WindowOpened | None:
    start = _start_block(block, blocks)
    if start is None or (state.newest is not None and start <= state.newest.start_block):
        return None  # a lower window than the last is ignored (ruling 11)
    current = start if block.current_block is None else block.current_block
    return ev.WindowOpened(
        window=start // blocks, start_block=start, current_block=current, blocks_per_window=blocks, source=source
    )


def _start_block(block: Block, blocks: int) -> int | None:
    """First block of the window that an answer speaks of (ruling 11); None when it names none."""
    if block.current_block is not None:
        return block.current_block // blocks * blocks
    if block.current_window is not None and block.current_window * blocks <= _LARGEST_BLOCK:
        return block.current_window * blocks
    if block.window_start_block is not None:
        return block.window_start_block // blocks * blocks
    if block.next_window_start_block:
        return (block.next_window_start_block - 1) // blocks * blocks
    return None


def told_start(state: State, block: Block, reset_block: int | None = None) -> int | None:
    """First block of the window that an answer names, in a 429 perhaps by its header alone; None when it names none."""
    start = _start_block(block, block.blocks_per_window or state.blocks_per_window)
    if start is None and reset_block:
        return (reset_block - 1) // state.blocks_per_window * state.blocks_per_window
    return start


def sample(candidates: Sequence[T], count: int, seed: int) -> tuple[T, ...]:
    """Draw at most ``count`` posts, or their ids, in the order X served them; one seed draws the same (ruling 8)."""
    if len(candidates) <= count:
        return tuple(candidates)
    chosen = sorted(random.Random(seed).sample(range(len(candidates)), count))  # noqa: S311  (a sample, not a secret)
    return tuple(candidates[i] for i in chosen)


def ranked(posts: Sequence[ev.Post]) -> tuple[ev.Post, ...]:
    """By value, the greatest first (ruling 5); those of one value stay in their order."""
    return tuple(sorted(posts, key=value, reverse=True))


def scraped_event(effect: ScrapeWindow, scraped: Scraped, *, seed: int | None, latency_ms: int) -> ev.PostsScraped:
    """The search of a window answered; None for ``seed`` takes the posts of greatest value (SAMPLING=top)."""
    candidates = ranked(scraped.posts) if seed is None else scraped.posts
    most = effect.count + effect.spare
    return ev.PostsScraped(
        window=effect.window,
        wanted=effect.count,
        seed=0 if seed is None else seed,
        candidates=tuple(post.id for post in candidates),
        posts=candidates[:most] if seed is None else sample(candidates, most, seed),
        posts_read=scraped.posts_read,
        users_read=scraped.users_read,
        requests=scraped.requests,
        unusable=scraped.unusable,
        latency_ms=latency_ms,
        lost_pages=scraped.lost_pages,
        since=scraped.since,
        spare=effect.spare,
        since_id=scraped.since_id,
        newest_id=scraped.newest_id,
    )


def with_known_authors(state: State, posts: Sequence[ev.Post], at_ms: int) -> tuple[ev.Post, ...]:
    """The posts of a search that brings no authors, with those that are known at ``at_ms``."""
    return tuple(
        post
        if post.has_author or (author := state.author(post.author_id, at_ms)) is None
        else post.by(author, at_ms // 1000)
        for post in posts
    )


def authors_event(effect: LookUpAuthors, found: FoundAuthors, *, latency_ms: int) -> ev.AuthorsLookedUp:
    """X told who posted."""
    return ev.AuthorsLookedUp(
        window=effect.window,
        asked=effect.authors,
        authors=tuple([author for author in found.authors if author.id in effect.authors]),
        users_read=found.users_read,
        latency_ms=latency_ms,
    )


def author_lookup_failed(effect: LookUpAuthors, error: ScrapeError, *, latency_ms: int) -> ev.AuthorLookupFailed:
    """X did not tell who posted."""
    return ev.AuthorLookupFailed(
        window=effect.window,
        asked=effect.authors,
        kind=error.kind,
        reason=error.reason,
        http_status=error.http_status,
        retry_after_s=error.retry_after_s,
        latency_ms=latency_ms,
    )


def scrape_failed(effect: ScrapeWindow, error: ScrapeError, *, latency_ms: int) -> ev.ScrapeFailed:
    """The search of a window failed; the window is spent (ruling 13)."""
    return ev.ScrapeFailed(
        window=effect.window,
        kind=error.kind,
        reason=error.reason,
        http_status=error.http_status,
        retry_after_s=error.retry_after_s,
        latency_ms=latency_ms,
    )


def submit_event(state: State, effect: SubmitPost, answer: SubmitAnswer, *, latency_ms: int) -> ev.Event:
    """One submission attempt was answered (rulings 9 and 10)."""
    post_id = effect.post_id
    start = told_start(state, answer.block, answer.reset_block if isinstance(answer, Limited) else None)
    if isinstance(answer, Accepted):
        return ev.SubmissionAccepted(
            post_id=post_id,
            status=answer.status,
            http_status=answer.http_status,
            answer=answer.answer,
            start_block=start,
            selected_for_validation=answer.selected_for_validation,
            validation_id=answer.validation_id,
            latency_ms=latency_ms,
        )
    if isinstance(answer, Rejected):
        return ev.SubmissionRejected(
            post_id=post_id,
            http_status=answer.http_status,
            reason=answer.reason,
            answer=answer.answer,
            latency_ms=latency_ms,
        )
    if isinstance(answer, Limited):
        return ev.RateLimited(
            post_id=post_id,
            answer=answer.answer,
            reason=answer.reason,
            start_block=start,
            reset_block=answer.reset_block,
            reset_s=answer.reset_s,
            latency_ms=latency_ms,
            full=state.filled_by(start),
        )
    return _submission_failed(effect, answer, latency_ms)


def _submission_failed(effect: SubmitPost, answer: Failed, latency_ms: int) -> ev.SubmissionFailed:
    return ev.SubmissionFailed(
        post_id=effect.post_id,
        attempt=effect.attempt,
        kind=answer.kind,
        reason=answer.reason,
        http_status=answer.http_status,
        answer=answer.answer,
        latency_ms=latency_ms,
    )


def crash_event(state: State, effect: Effect, error: str, *, content_sha256: str = "") -> ev.Event:
    """An effect raised: a bug of ours. A paid one that keeps crashing has failed, so that a bug cannot pay for ever.

    An analysis that crashed may have asked the LLM already, so it counts as one call without token counts.
    """
    exhausted = state.crashes.get(effect_key(effect), 0) + 1 >= state.policy.crash_limit
    if exhausted and isinstance(effect, ScrapeWindow) and state.to_scrape:
        return ev.ScrapeFailed(window=effect.window, kind="crash", reason=error)
    if exhausted and isinstance(effect, LookUpAuthors) and effect.authors == state.authors_due():
        return ev.AuthorLookupFailed(window=effect.window, asked=effect.authors, kind="crash", reason=error)
    if exhausted and isinstance(effect, AnalyzePost) and effect.post_id in {p.post.id for p in state.to_analyze()}:
        return ev.AnalysisFailed(
            post_id=effect.post_id,
            content_sha256=content_sha256,
            kind="crash",
            reason=error,
            model="",
            prompt_version="",
            raw_answer="",
            calls=0,
            prompt_tokens=0,
            completion_tokens=0,
            latency_ms=0,
            unmeasured_calls=1,
        )
    return ev.EffectCrashed(effect=effect_key(effect), post_id=getattr(effect, "post_id", None), error=error)


# For each event the effect that it answers, and which field of the effect equals which field of the event.
_OUTCOMES: Final[Mapping[type, tuple[type, Mapping[str, str]]]] = {
    ev.PostsScraped: (ef.ScrapeWindow, {"window": "window", "count": "wanted", "spare": "spare"}),
    ev.ScrapeFailed: (ef.ScrapeWindow, {"window": "window"}),
    ev.AuthorsLookedUp: (ef.LookUpAuthors, {"window": "window", "authors": "asked"}),
    ev.AuthorLookupFailed: (ef.LookUpAuthors, {"window": "window", "authors": "asked"}),
    ev.BudgetSpent: (ef.HoldWindow, {"window": "window"}),
    ev.PostAnalyzed: (ef.AnalyzePost, {"post_id": "post_id"}),
    ev.AnalysisFailed: (ef.AnalyzePost, {"post_id": "post_id"}),
    ev.SubmissionStarted: (ef.StartSubmission, {"post_id": "post_id", "attempt": "attempt"}),
    ev.SubmissionAccepted: (ef.SubmitPost, {"post_id": "post_id"}),
    ev.SubmissionRejected: (ef.SubmitPost, {"post_id": "post_id"}),
    ev.SubmissionFailed: (ef.SubmitPost, {"post_id": "post_id", "attempt": "attempt"}),
    ev.RateLimited: (ef.SubmitPost, {"post_id": "post_id"}),
    ev.BackoffElapsed: (ef.EndBackoff, {}),
    ev.PostAbandoned: (ef.AbandonPost, {"post_id": "post_id", "reason": "reason"}),
    ev.CheckpointSigned: (ef.SignCheckpoint, {}),
    ev.ApiUnreachable: (ef.PollStatus, {}),
    ev.ApiRecovered: (ef.PollStatus, {}),
    ev.ConfigMismatched: (ef.PollStatus, {}),
    ev.WindowsRevised: (ef.PollStatus, {}),
    ev.ChainPolled: (ef.PollChain, {}),
    ev.ChainPollFailed: (ef.PollChain, {}),
}


def has_effect(event: ev.Event) -> bool:
    """Whether such an event is always the outcome of an effect."""
    return isinstance(event, ev.EffectCrashed) or effect_of(event)[0] is not None


def is_outcome(event: ev.Event, effect: ef.Effect) -> bool:
    """Whether ``event`` can be the outcome of ``effect``."""
    if isinstance(event, ev.EffectCrashed):
        return ef.effect_key(effect) == event.effect
    if isinstance(event, ev.PostAbandoned) and isinstance(effect, ef.StartSubmission):
        return (event.post_id, event.reason) == (effect.post_id, "too old")
    kind, told = effect_of(event)
    return type(effect) is kind and all(getattr(effect, name) == getattr(event, of) for name, of in told.items())


def effect_of(event: ev.Event) -> tuple[type | None, Mapping[str, str]]:
    """The class of the effect behind ``event``, and the fields to compare; None for what is no effect's outcome."""
    if isinstance(event, ev.WindowOpened):
        return (ef.PollStatus if event.source == "status" else ef.SubmitPost), {}
    no_effect: tuple[Any, Mapping[str, str]] = (None, {})
    return _OUTCOMES.get(type(event), no_effect)


def is_decision(event: ev.Event) -> bool:
    return effect_of(event)[0] in ef.DECISIONS
