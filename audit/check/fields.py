"""What this build would have recorded from the same facts, beside what was recorded. Pure.

Most of an event is what the outside world said, and a check takes that as given. The rest follows from it: the sample
from the candidates and the seed, the digest from the text, the body of a submission from all that came before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from actor.machine import State, content_sha256, norm_text
from actor.machine.facts import crash_event, observe, ranked, sample
from actor.machine.wanted import submission_decided
from actor.ports import Block
from events import catalogue as ev
from events import effects as ef
from events.codec import changed, plain
from events.differences import Difference, differences

__all__ = ["decided_differently", "rule_of"]

# Where this build decides a field, by the beginning of the field's path.
_RULES: Final[Mapping[str, str]] = {
    "content_sha256": "rule 3 (actor.machine.scoring)",
    "body.content": "rule 3 (actor.machine.scoring)",
    "body.score": "rules 4 and 5 (actor.machine.scoring)",
    "body": "what is sent of a post (actor.machine.wanted.submission_started)",
    "candidates": "rule 8: posts chosen before are left aside (State.is_seen)",
    "posts[": "rule 8: the sample (actor.machine.facts: sample, ranked)",
    "posts_processed": "rule 14: accepted posts are counted",
    # An intent on one side, none on the other.
    "[0].attempt": "rule 9: what is too old is not sent (actor.machine.wanted.submission_decided)",
    "WindowOpened": "rule 11: an answer's block numbers (actor.machine.facts.observe)",
    "ConfigMismatched": "rule 11: an answer's block numbers (actor.machine.facts.observe)",
    "BudgetSpent": "what a day may cost (actor.machine.budget)",
    "EffectCrashed": "how often an effect may crash (actor.machine.facts.crash_event)",
    "ScrapeFailed": "how often an effect may crash (actor.machine.facts.crash_event)",
    "AuthorLookupFailed": "how often an effect may crash (actor.machine.facts.crash_event)",
    "AnalysisFailed": "how often an effect may crash (actor.machine.facts.crash_event)",
}
_CRASH: Final = "crash"
_MOMENT_MS: Final = 50


def decided_differently(state: State, event: ev.Event, effect: ef.Effect | None, at_ms: int) -> tuple[Difference, ...]:
    """The fields of ``event`` that this build would have recorded otherwise in ``state``; the journal's come first.

    Args:
        state: The state before the event.
        event: What the journal holds.
        effect: The effect that it is the outcome of, None without one.
        at_ms: When it was recorded.
    """
    if isinstance(event, ev.PostsScraped):
        return _drawn_differently(state, event)
    if isinstance(effect, ef.StartSubmission) and isinstance(event, ev.SubmissionStarted | ev.PostAbandoned):
        # What was sent was decided a moment before it was recorded.
        decided_ms = at_ms - _MOMENT_MS if isinstance(event, ev.SubmissionStarted) else at_ms
        decided = submission_decided(state, effect, decided_ms)
        return () if decided == event else _between(event, (decided,))
    again = _AGAIN.get(type(event))
    if again is None:
        return ()
    events = tuple(again(state, event, effect))
    if events == (event,):
        return ()
    return _between(event, events)


def rule_of(event: str, found: Iterable[Difference]) -> str:
    """Where this build decides these fields of an event."""
    for difference in found:
        for start, rule in _RULES.items():
            if difference.path.startswith(start):
                return rule
    return _RULES.get(event, "what an outcome means (actor.machine.facts)")


def _between(event: ev.Event, events: tuple[ev.Event, ...]) -> tuple[Difference, ...]:
    """One event instead of one is compared by its fields, others by their names first."""
    if len(events) == 1 and type(events[0]) is type(event):
        return differences(plain(event), plain(events[0]))
    return differences([_named(event)], [_named(other) for other in events])


def _named(event: ev.Event) -> dict[str, Any]:
    return {"event": type(event).__name__, **plain(event)}


def _drawn_differently(state: State, event: ev.PostsScraped) -> tuple[Difference, ...]:
    """By ids, for of the posts that were not chosen the journal holds no more."""
    new = tuple(candidate for candidate in event.candidates if not state.is_seen(candidate))
    posts = tuple(post.id for post in event.posts)
    is_top = state.policy.sampling == "top"
    chosen = new[: event.most] if is_top else sample(new, event.most, event.seed)
    if is_top and posts == chosen:  # of the others the journal does not hold what they are worth
        chosen = tuple(post.id for post in ranked(event.posts))
    then = {"candidates": event.candidates, "posts": posts}
    return differences(plain(then), plain({"candidates": new, "posts": chosen}))


def _analyzed(state: State, event: Any, effect: ef.Effect | None) -> Iterable[ev.Event]:
    """The digest is that of the text, and an analysis that crashed too often is a failed one."""
    pending = state.pending(event.post_id)
    digest = event.content_sha256 if pending is None else content_sha256(norm_text(pending.post.content))
    if effect is not None and isinstance(event, ev.AnalysisFailed) and event.kind == _CRASH:
        yield crash_event(state, effect, event.reason, content_sha256=digest)
    else:
        yield changed(event, content_sha256=digest)


def _x_failed(
    state: State, event: ev.ScrapeFailed | ev.AuthorLookupFailed, effect: ef.Effect | None
) -> Iterable[ev.Event]:
    crashed = effect is not None and event.kind == _CRASH
    yield crash_event(state, effect, event.reason) if effect is not None and crashed else event


def _budget_spent(state: State, _event: ev.BudgetSpent, _effect: ef.Effect | None) -> Iterable[ev.Event]:
    if state.unaffordable is not None:
        yield state.unaffordable


def _crashed(state: State, event: ev.EffectCrashed, effect: ef.Effect | None) -> Iterable[ev.Event]:
    if effect is not None:
        pending = None if event.post_id is None else state.pending(event.post_id)
        digest = "" if pending is None else content_sha256(norm_text(pending.post.content))
        yield crash_event(state, effect, event.error, content_sha256=digest)


def _window_opened(state: State, event: ev.WindowOpened, _effect: ef.Effect | None) -> Iterable[ev.Event]:
    block = Block(current_block=event.current_block, blocks_per_window=event.blocks_per_window)
    return observe(state, block, event.source)


def _config_mismatched(state: State, event: ev.ConfigMismatched, _effect: ef.Effect | None) -> Iterable[ev.Event]:
    is_blocks = event.setting == "BLOCKS_PER_WINDOW"
    block = Block(blocks_per_window=event.served) if is_blocks else Block(max_submissions=event.served)
    return observe(state, block, "status")


def _stopped(state: State, event: ev.ActorStopped, _effect: ef.Effect | None) -> Iterable[ev.Event]:
    yield changed(event, posts_processed=state.totals.accepted)


_AGAIN: Final[Mapping[type, Callable[[State, Any, ef.Effect | None], Iterable[ev.Event]]]] = {
    ev.PostAnalyzed: _analyzed,
    ev.AnalysisFailed: _analyzed,
    ev.ScrapeFailed: _x_failed,
    ev.AuthorLookupFailed: _x_failed,
    ev.BudgetSpent: _budget_spent,
    ev.EffectCrashed: _crashed,
    ev.WindowOpened: _window_opened,
    ev.ConfigMismatched: _config_mismatched,
    ev.ActorStopped: _stopped,
}
