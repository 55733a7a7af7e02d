"""Where in a history a changed machine must show: the first record at which it cannot agree. Pure."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from actor.machine.history import Step
from events import catalogue as ev

__all__ = [
    "History",
    "backoff_kind",
    "checkpoint_after",
    "drawn_out_of_order",
    "ends_second_wait",
    "ends_whole_second_wait",
    "event_of",
    "first",
    "goes_on_after_checkpoint",
    "holds",
    "nfkc_differs",
    "sends_a_carried_post",
    "sends_after_a_rejection",
    "space_differs",
    "tries_again_after_a_start",
    "would_leave_backoff",
]

History: TypeAlias = Sequence[Step]


def first(wanted: Callable[[Step], bool]) -> Callable[[History], int]:
    """The first step for which this holds."""

    def where(history: History) -> int:
        seq = next((step.record.seq for step in history if wanted(step)), None)
        assert seq is not None, "the journal does not show it"
        return seq

    return where


def holds(step: Step, *kinds: type) -> bool:
    """Whether the step's event is of one of these kinds."""
    return isinstance(step.event, kinds)


def checkpoint_after(wanted: Callable[[Step], bool]) -> Callable[[History], int]:
    """The first checkpoint behind the first step for which this holds."""

    def where(history: History) -> int:
        seq = first(wanted)(history)
        return first(lambda step: step.record.seq > seq and holds(step, ev.CheckpointSigned))(history)

    return where


def event_of(step: Step) -> Any:
    """The step's event, of whatever kind."""
    return step.event


def backoff_kind(step: Step) -> str | None:
    """Of the backoff before the step."""
    return None if step.before.backoff is None else step.before.backoff.kind


def ends_second_wait(history: History) -> int:
    """The end of the wait after a second failed attempt, before the 9 s of the mutant were over."""
    began_ms = 0
    for step in history:
        if isinstance(step.event, ev.SubmissionFailed):
            began_ms = step.record.at_ms
        backoff = step.before.backoff
        second = (
            backoff is not None and backoff.kind == "retry" and backoff.wait_s > step.before.policy.submit_backoff_s
        )
        if second and holds(step, ev.BackoffElapsed) and step.record.at_ms - began_ms < 9_000:
            return step.record.seq
    raise AssertionError("the journal holds no such wait")


def ends_whole_second_wait(history: History) -> int:
    """The end of the first wait after a second failed attempt in which no process ended."""
    last: Step | None = None
    for step in history:
        if isinstance(step.event, ev.SubmissionFailed | ev.ActorStarted):
            last = step
        elif last is not None and isinstance(last.event, ev.SubmissionFailed) and holds(step, ev.BackoffElapsed):
            if last.event.attempt > 1:
                return step.record.seq
            last = None
    raise AssertionError("the journal holds no such wait")


def _carried(step: Step) -> set[str]:
    """Posts that this step takes up again."""
    return {p.post.id for p in step.before.posts if p.deferred} & {
        p.post.id for p in step.after.posts if not p.deferred
    }


def sends_a_carried_post(history: History) -> int:
    """Or comes to the state in which only carried posts are left to send."""
    carried: set[str] = set()
    for step in history:
        carried |= _carried(step)
        queue = {p.post.id for p in step.after.queue()}
        if carried and isinstance(step.event, ev.SubmissionStarted) and step.event.post_id in carried:
            return step.record.seq
        if step.after.state == "Submitting" and queue and queue <= carried:
            return step.record.seq
    raise AssertionError("the journal carries nothing")


def _text_of(step: Step) -> str:
    pending = step.before.pending(event_of(step).post_id)
    assert pending is not None
    return pending.post.content


def nfkc_differs(step: Step) -> bool:
    """An analysis of a text that NFC and NFKC make two of."""
    if not holds(step, ev.PostAnalyzed, ev.AnalysisFailed):
        return False
    text = _text_of(step)
    nfc, nfkc = (" ".join(unicodedata.normalize(form, text).split()) for form in ("NFC", "NFKC"))
    return nfc != nfkc


def space_differs(step: Step) -> bool:
    """An analysis of a text with a run of whitespace inside."""
    if not holds(step, ev.PostAnalyzed, ev.AnalysisFailed):
        return False
    text = unicodedata.normalize("NFC", _text_of(step))
    return " ".join(text.split()) != text.strip()


def drawn_out_of_order(step: Step) -> bool:
    """A search whose sample was drawn in another order than X served."""
    event = step.event
    if not isinstance(event, ev.PostsScraped) or len(event.candidates) <= event.wanted:
        return False
    drawn = random.Random(event.seed).sample(range(len(event.candidates)), event.wanted)  # noqa: S311
    return drawn != sorted(drawn)


def would_leave_backoff(step: Step) -> bool:
    """A window that opens in a backoff which goes on, while there is something to do besides analyses."""
    after = step.after
    return (
        holds(step, ev.WindowOpened)
        and step.before.state == "Backoff"
        and after.backoff is not None
        and (after.to_scrape > 0 or bool(after.queue()) or not after.to_analyze())
    )


def goes_on_after_checkpoint(history: History) -> int:
    """The first record of the same process that comes long after a checkpoint."""
    signed_ms: int | None = None
    for step in history:
        at_ms = step.record.at_ms
        if isinstance(step.event, ev.CheckpointSigned):
            signed_ms = at_ms
        elif isinstance(step.event, ev.ActorStarted | ev.TailRepaired | ev.ApiMoved | ev.GapDeclared):
            signed_ms = None
        elif signed_ms is not None and at_ms - signed_ms > 5_000:
            return step.record.seq
    raise AssertionError("the journal holds no such record")


def tries_again_after_a_start(history: History) -> int:
    """The first further attempt of a post whose first one another process made."""
    tried: set[str] = set()
    for step in history:
        if isinstance(step.event, ev.ActorStarted):
            tried = {p.post.id for p in step.before.posts if p.attempts and not p.deferred}
        if isinstance(step.event, ev.SubmissionStarted) and step.event.post_id in tried and step.event.attempt > 1:
            return step.record.seq
    raise AssertionError("the journal holds no such attempt")


def sends_after_a_rejection(history: History) -> int:
    """The first submission behind the first rejection."""
    seq = first(lambda s: holds(s, ev.SubmissionRejected))(history)
    return first(lambda s: s.record.seq > seq and holds(s, ev.SubmissionStarted))(history)
