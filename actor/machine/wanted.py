"""``wanted``: which effects should be in flight, as a function of state alone. Pure.

The runtime starts what is missing and cancels what is no longer wanted, after every step and after a restart alike,
so there is no recovery path.
"""

from __future__ import annotations

from msgspec import UNSET

from actor.machine.scoring import norm_text
from actor.machine.state import PendingPost, State
from events.catalogue import PostAbandoned, SubmissionBody, SubmissionStarted
from events.effects import (
    AbandonPost,
    AnalyzePost,
    Effect,
    EndBackoff,
    HoldWindow,
    LookUpAuthors,
    PollChain,
    PollStatus,
    ScrapeWindow,
    SignCheckpoint,
    StartSubmission,
    SubmitPost,
    effect_key,
)

__all__ = ["at_rest", "submission_decided", "submission_started", "wanted"]


def wanted(state: State) -> tuple[Effect, ...]:
    """The effects that ``state`` asks for, without duplicates, in the order to start them."""
    if not state.running:
        return ()
    return (
        *_abandonments(state),
        *_checkpoint(state),
        *_work(state),
        PollStatus(interval_s=state.policy.poll_interval_s),
        *_chain(state),
    )


def at_rest(state: State) -> bool:
    """Whether nothing is left to do before the next window, the checkpoint included."""
    return all(isinstance(effect, PollStatus | PollChain | AbandonPost) for effect in wanted(state))


def submission_decided(state: State, effect: StartSubmission, at_ms: int) -> SubmissionStarted | PostAbandoned:
    """What ``effect`` asks to record at this moment: the intent, unless the post grew too old while it waited.

    A host may have slept since the post was scraped, or its clock may have been set.
    """
    started = submission_started(state, effect)
    pending = state.pending(effect.post_id)
    if pending is not None and state.is_too_old(pending.post, at_ms):
        return PostAbandoned(post_id=effect.post_id, reason="too old")
    return started


def submission_started(state: State, effect: StartSubmission) -> SubmissionStarted:
    """The intent that ``effect`` asks to record, with exactly the body that will be sent (ruling 3)."""
    pending = state.pending(effect.post_id)
    if pending is None or state.identity is None or state.window is None:
        raise ValueError(f"no submission of post {effect.post_id} is wanted")
    return SubmissionStarted(
        post_id=effect.post_id,
        window=state.window.number,
        attempt=effect.attempt,
        body=_body(pending, state.identity.hotkey),
    )


def _work(state: State) -> tuple[Effect, ...]:
    backoff = state.backoff
    if backoff is None:
        return _due(state) + _in_flight(state)
    if backoff.due_ms is None:
        return ()
    held = backoff.held
    resting = tuple(e for e in _in_flight(state) if effect_key(e) not in held)
    return (*resting, EndBackoff(due_ms=backoff.due_ms, wait_s=backoff.wait_s))


def _in_flight(state: State) -> tuple[Effect, ...]:
    """Paid or sent work that goes on until its answer, even while a crash elsewhere is backed off from."""
    if state.unaffordable is not None:
        return ()
    if state.to_scrape and state.window is not None:
        return (ScrapeWindow(window=state.window.number, count=state.to_scrape, spare=state.spare),)
    if (authors := state.authors_due()) and state.window is not None:
        return (LookUpAuthors(window=state.window.number, authors=authors),)
    if unanalyzed := state.to_ask_about():
        return tuple([AnalyzePost(post_id=p.post.id) for p in _different(unanalyzed)])
    if state.open is not None:
        return (SubmitPost(post_id=state.open.post_id, attempt=state.open.attempt),)
    return ()


def _different(posts: tuple[PendingPost, ...]) -> tuple[PendingPost, ...]:
    """The first post of each text: its answer holds for the others too."""
    if len(posts) == 1:
        return posts
    first: dict[str, PendingPost] = {}
    for pending in posts:
        first.setdefault(norm_text(pending.post.content), pending)
    return tuple(first.values())


def _due(state: State) -> tuple[Effect, ...]:
    if state.unaffordable is not None:
        return (HoldWindow(window=state.unaffordable.window),)
    if state.state != "Submitting" or state.open is not None:
        return ()
    post = state.queue()[0]
    return (StartSubmission(post_id=post.post.id, attempt=post.attempts + 1),)


def _chain(state: State) -> tuple[Effect, ...]:
    """How the hotkey stands is asked for beside all work, and nothing waits for it."""
    if state.chain_due_ms is None or state.policy.chain_poll_s is UNSET:
        return ()
    return (PollChain(due_ms=state.chain_due_ms, wait_s=state.policy.chain_poll_s),)


def _abandonments(state: State) -> tuple[Effect, ...]:
    """Carried posts are given up after too many windows at once, or when they grow too old (ruling 9)."""
    return tuple([_abandonment(state, p) for p in state.posts if p.deferred])


def _checkpoint(state: State) -> tuple[Effect, ...]:
    """The hotkey vouches for a window's history once nothing of the window is under way."""
    window = state.window
    at_rest = state.state == "WaitingForWindow" or (state.backoff is not None and state.backoff.kind == "window")
    crashed = "SignCheckpoint" in state.crashes  # not again in this window: nothing would hold it back
    if window is None or crashed or not at_rest or state.checkpointed == window.start_block:
        return ()
    return (SignCheckpoint(start_block=window.start_block),)


def _abandonment(state: State, pending: PendingPost) -> AbandonPost:
    if pending.deferrals > state.policy.max_carried_windows:
        return AbandonPost(post_id=pending.post.id, reason="carried too long", due_ms=0)
    return AbandonPost(post_id=pending.post.id, reason="too old", due_ms=state.too_old_ms(pending.post))


def _body(pending: PendingPost, hotkey: str) -> SubmissionBody:
    post = pending.post
    return SubmissionBody(
        miner_hotkey=hotkey,
        post_id=post.id,
        content=norm_text(post.content),
        date=post.timestamp,
        author=post.author,
        account_age=post.account_age,
        retweets=post.retweets,
        likes=post.likes,
        responses=post.responses,
        followers=post.followers,
        tokens=pending.tokens,
        sentiment=pending.sentiment,
        score=pending.score,
    )
