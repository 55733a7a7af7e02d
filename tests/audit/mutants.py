"""Machines that decide a little differently, each as a small change of our own source, and where a check must see it.

A change names text that stands exactly once in one module of ``actor/machine``. Where it shows is worked out from what
the journal holds, read by the unchanged machine: the first record at which the two cannot agree.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from audit.checking import Kind
from audit.steps import Step
from events import catalogue as ev

__all__ = ["MUTANTS", "History", "Mutant"]

History: TypeAlias = Sequence[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed machine.

    Attributes:
        name: What a machine with this change does.
        module: The file in actor/machine.
        old: Text that stands there exactly once.
        new: What the change makes of it.
        kind: How the check calls the first divergence.
        where: The first diverging record's number, from the history by the unchanged machine.
    """

    name: str
    module: str
    old: str
    new: str
    kind: Kind
    where: Callable[[History], int]


# Where changes show


def _first(wanted: Callable[[Step], bool]) -> Callable[[History], int]:
    """The first step for which this holds."""

    def where(history: History) -> int:
        seq = next((step.record.seq for step in history if wanted(step)), None)
        assert seq is not None, "the journal does not show it"
        return seq

    return where


def _is(step: Step, *kinds: type) -> bool:
    return isinstance(step.event, kinds)


def _checkpoint_after(wanted: Callable[[Step], bool]) -> Callable[[History], int]:
    """The first checkpoint behind the first step for which this holds."""

    def where(history: History) -> int:
        first = _first(wanted)(history)
        return _first(lambda step: step.record.seq > first and _is(step, ev.CheckpointSigned))(history)

    return where


def _event(step: Step) -> Any:
    return step.event


def _backoff_kind(step: Step) -> str | None:
    return None if step.before.backoff is None else step.before.backoff.kind


def _ends_second_wait(history: History) -> int:
    """The end of the wait after a second failed attempt, before the 9 s of the mutant were over."""
    began_ms = 0
    for step in history:
        if isinstance(step.event, ev.SubmissionFailed):
            began_ms = step.record.at_ms
        backoff = step.before.backoff
        second = (
            backoff is not None and backoff.kind == "retry" and backoff.wait_s > step.before.policy.submit_backoff_s
        )
        if second and _is(step, ev.BackoffElapsed) and step.record.at_ms - began_ms < 9_000:
            return step.record.seq
    raise AssertionError("the journal holds no such wait")


def _ends_whole_second_wait(history: History) -> int:
    """The end of the first wait after a second failed attempt in which no process ended."""
    last: Step | None = None
    for step in history:
        if isinstance(step.event, ev.SubmissionFailed | ev.ActorStarted):
            last = step
        elif last is not None and isinstance(last.event, ev.SubmissionFailed) and _is(step, ev.BackoffElapsed):
            if last.event.attempt > 1:
                return step.record.seq
            last = None
    raise AssertionError("the journal holds no such wait")


def _carried(step: Step) -> set[str]:
    """Posts that this step takes up again."""
    return {p.post.id for p in step.before.posts if p.deferred} & {
        p.post.id for p in step.after.posts if not p.deferred
    }


def _sends_a_carried_post(history: History) -> int:
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
    pending = step.before.pending(_event(step).post_id)
    assert pending is not None
    return pending.post.content


def _nfkc_differs(step: Step) -> bool:
    if not _is(step, ev.PostAnalyzed, ev.AnalysisFailed):
        return False
    text = _text_of(step)
    nfc, nfkc = (" ".join(unicodedata.normalize(form, text).split()) for form in ("NFC", "NFKC"))
    return nfc != nfkc


def _space_differs(step: Step) -> bool:
    if not _is(step, ev.PostAnalyzed, ev.AnalysisFailed):
        return False
    text = unicodedata.normalize("NFC", _text_of(step))
    return " ".join(text.split()) != text.strip()


def _drawn_out_of_order(step: Step) -> bool:
    event = step.event
    if not isinstance(event, ev.PostsScraped) or len(event.candidates) <= event.wanted:
        return False
    drawn = random.Random(event.seed).sample(range(len(event.candidates)), event.wanted)  # noqa: S311
    return drawn != sorted(drawn)


def _would_leave_backoff(step: Step) -> bool:
    """A window that opens in a backoff which goes on, while there is something to do besides analyses."""
    after = step.after
    return (
        _is(step, ev.WindowOpened)
        and step.before.state == "Backoff"
        and after.backoff is not None
        and (after.to_scrape > 0 or bool(after.queue()) or not after.to_analyze())
    )


def _goes_on_after_checkpoint(history: History) -> int:
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


def _tries_again_after_a_start(history: History) -> int:
    """The first further attempt of a post whose first one another process made."""
    tried: set[str] = set()
    for step in history:
        if isinstance(step.event, ev.ActorStarted):
            tried = {p.post.id for p in step.before.posts if p.attempts and not p.deferred}
        if isinstance(step.event, ev.SubmissionStarted) and step.event.post_id in tried and step.event.attempt > 1:
            return step.record.seq
    raise AssertionError("the journal holds no such attempt")


def _sends_after_a_rejection(history: History) -> int:
    first = _first(lambda s: _is(s, ev.SubmissionRejected))(history)
    return _first(lambda s: s.record.seq > first and _is(s, ev.SubmissionStarted))(history)


_DUE_BY_FAILURES: Final = "2 ** (attempt.attempt - 1)"

MUTANTS: Final = (
    # The table
    Mutant(
        name="a guard is removed: a failed attempt always backs off",
        module="table",
        old='rows += [Row(event, SUBMITTING, BACKOFF, ("backing_off",))]',
        new="rows += [Row(event, SUBMITTING, BACKOFF)]",
        kind="destination",
        where=_first(
            lambda s: _is(s, ev.SubmissionFailed) and s.before.state == "Submitting" and s.after.state != "Backoff"
        ),
    ),
    Mutant(
        name="a guard is removed: a window ends any backoff",
        module="table",
        old='rows += _goes_on("WindowOpened", BACKOFF, "released", never=ANALYZING)',
        new='rows += _goes_on("WindowOpened", BACKOFF, never=ANALYZING)',
        kind="destination",
        where=_first(_would_leave_backoff),
    ),
    Mutant(
        name="a guard is negated: analyses are due when there are none",
        module="table",
        old='"analysis_due": _analysis_due,',
        new='"analysis_due": lambda s: not _analysis_due(s),',
        kind="refused",
        where=_first(lambda s: _is(s, ev.PostsScraped) and s.after.state == "Analyzing"),
    ),
    Mutant(
        name="a transition is redirected: after a backoff it waits for a window",
        module="table",
        old='rows += _goes_on("BackoffElapsed", BACKOFF)',
        new='rows += [Row("BackoffElapsed", BACKOFF, WAITING)]',
        kind="destination",
        where=_first(lambda s: _is(s, ev.BackoffElapsed) and s.after.state != "WaitingForWindow"),
    ),
    Mutant(
        name="a row is missing: analyses that answer in a backoff are refused",
        module="table",
        old="(*_SCRAPE_ENDS, *_ANALYSIS_ENDS, *_VERDICTS, *_RETRIABLE)",
        new="(*_SCRAPE_ENDS, *_VERDICTS, *_RETRIABLE)",
        kind="refused",
        where=_first(lambda s: _is(s, ev.PostAnalyzed, ev.AnalysisFailed) and s.before.state == "Backoff"),
    ),
    # Limits and waits
    Mutant(
        name="a post gets one attempt more",
        module="reduce",
        old="if attempt.attempt >= s.policy.submit_attempts:",
        new="if attempt.attempt > s.policy.submit_attempts:",
        kind="destination",
        where=_first(
            lambda s: (
                _is(s, ev.SubmissionFailed)
                and s.before.state == "Submitting"
                and _event(s).attempt == s.before.policy.submit_attempts
            )
        ),
    ),
    Mutant(
        name="the second wait is longer",
        module="reduce",
        old=_DUE_BY_FAILURES,
        new="3 ** (attempt.attempt - 1)",
        kind="early",
        where=_ends_second_wait,
    ),
    Mutant(
        name="the second wait is as short as the first",
        module="reduce",
        old=_DUE_BY_FAILURES,
        new="1",
        kind="late",
        where=_ends_whole_second_wait,
    ),
    Mutant(
        name="a crashed effect rests twice as long",
        module="reduce",
        old="at_ms, s.policy.crash_backoff_s, e.effect)",
        new="at_ms, 2 * s.policy.crash_backoff_s, e.effect)",
        kind="early",
        where=_first(lambda s: _is(s, ev.BackoffElapsed) and _backoff_kind(s) == "crash"),
    ),
    Mutant(
        name="an effect may crash once more before it counts as failed",
        module="facts",
        old="+ 1 >= state.policy.crash_limit",
        new="+ 1 > state.policy.crash_limit",
        kind="fields",
        where=_first(lambda s: _is(s, ev.ScrapeFailed, ev.AnalysisFailed) and _event(s).kind == "crash"),
    ),
    Mutant(
        name="a post is carried into one window more",
        module="wanted",
        old="if pending.deferrals > state.policy.max_carried_windows:",
        new="if pending.deferrals > state.policy.max_carried_windows + 1:",
        kind="effect",
        where=_first(lambda s: _is(s, ev.PostAbandoned) and _event(s).reason == "carried too long"),
    ),
    # What is folded
    Mutant(
        name="chosen posts are not remembered",
        module="reduce",
        old="seen=_see(s.seen, e.posts) if e.posts else s.seen,",
        new="seen=s.seen,",
        kind="digest",
        where=_checkpoint_after(lambda s: _is(s, ev.PostsScraped) and bool(_event(s).posts)),
    ),
    Mutant(
        name="accepted posts do not count against the quota",
        module="reduce",
        old="open=None, counted=counted, totals=totals)",
        new="open=None, totals=totals)",
        kind="digest",
        where=_checkpoint_after(lambda s: _is(s, ev.SubmissionAccepted)),
    ),
    Mutant(
        name="posts put off are lost when the next window opens",
        module="reduce",
        old="posts=tuple(_carry(p) if p in carried else _put_off(s, p) if p in left else p for p in s.posts),",
        new="posts=tuple(_put_off(s, p) if p in left else p for p in s.posts if p not in carried),",
        kind="refused",
        where=_sends_a_carried_post,
    ),
    Mutant(
        name="a start forgets the attempts that were made",
        module="reduce",
        old="        open=None,\n        crashes={},\n    )\n",
        new="        open=None,\n        crashes={},\n"
        "        posts=tuple(changed(p, attempts=0) for p in s.posts),\n    )\n",
        kind="refused",
        where=_tries_again_after_a_start,
    ),
    Mutant(
        name="a rejected post is sent again",
        module="reduce",
        old="posts=_without(s, e.post_id), open=None, totals=totals)",
        new="open=None, totals=totals)",
        kind="refused",
        where=_sends_after_a_rejection,
    ),
    Mutant(
        name="a full window has room for one more",
        module="state",
        old="return max(0, self.max_submissions - counted)",
        new="return max(1, self.max_submissions - counted)",
        kind="destination",
        where=_first(
            lambda s: s.before.window != s.after.window and s.after.newest is not None and s.after.room() == 0
        ),
    ),
    Mutant(
        name="a budget may be exceeded by one search",
        module="budget",
        old=" or spent_uusd + needed_uusd > uusd(limit_usd)",
        new="",
        kind="refused",
        where=_first(lambda s: _is(s, ev.BudgetSpent) and _event(s).spent_usd < _event(s).limit_usd),
    ),
    Mutant(
        name="a 429 sets no backoff",
        module="reduce",
        old='backoff=Backoff(kind="window", until_block=start + newest.blocks))',
        new="backoff=None)",
        kind="refused",
        where=_first(lambda s: _is(s, ev.RateLimited) and s.before.state == "Submitting"),
    ),
    Mutant(
        name="a 429 holds for two windows",
        module="reduce",
        old="until_block=start + newest.blocks)",
        new="until_block=start + 2 * newest.blocks)",
        kind="digest",
        where=_checkpoint_after(lambda s: _is(s, ev.RateLimited)),
    ),
    # What is recorded
    Mutant(
        name="scores are halved",
        module="scoring",
        old="    return _unit(\n        WEIGHT_RELEVANCE",
        new="    return 0.5 * _unit(\n        WEIGHT_RELEVANCE",
        kind="fields",
        where=_first(lambda s: _is(s, ev.SubmissionStarted) and _event(s).body.score > 0),
    ),
    Mutant(
        name="texts are normalized to NFKC",
        module="norm",
        old='unicodedata.normalize("NFC", text)',
        new='unicodedata.normalize("NFKC", text)',
        kind="fields",
        where=_first(_nfkc_differs),
    ),
    Mutant(
        name="runs of whitespace stay",
        module="norm",
        old='" ".join(unicodedata.normalize("NFC", text).split())',
        new='unicodedata.normalize("NFC", text).strip()',
        kind="fields",
        where=_first(_space_differs),
    ),
    Mutant(
        name="the sample is in the order of the dice",
        module="facts",
        old="sorted(random.Random(seed).sample(range(len(candidates)), count))",
        new="random.Random(seed).sample(range(len(candidates)), count)",
        kind="fields",
        where=_first(_drawn_out_of_order),
    ),
    Mutant(
        name="windows are numbered from 1",
        module="facts",
        old="window=start // blocks,",
        new="window=start // blocks + 1,",
        kind="fields",
        where=_first(lambda s: _is(s, ev.WindowOpened)),
    ),
    Mutant(
        name="a submission names the newest window",
        module="wanted",
        old="window=state.window.number,\n        attempt",
        new="window=(state.newest or state.window).number,\n        attempt",
        kind="fields",
        where=_first(lambda s: _is(s, ev.SubmissionStarted) and s.before.newest != s.before.window),
    ),
    # What is wanted
    Mutant(
        name="the worst post goes first",
        module="wanted",
        old="post = state.queue()[0]",
        new="post = state.queue()[-1]",
        kind="effect",
        where=_first(lambda s: _is(s, ev.SubmissionStarted) and len(s.before.queue()) > 1),
    ),
    Mutant(
        name="a search asks for one post more",
        module="wanted",
        old="count=state.to_scrape)",
        new="count=state.to_scrape + 1)",
        kind="effect",
        where=_first(lambda s: _is(s, ev.PostsScraped)),
    ),
    Mutant(
        name="nothing is vouched for while a 429 holds",
        module="wanted",
        old='state.state == "WaitingForWindow" or (state.backoff is not None and state.backoff.kind == "window")',
        new='state.state == "WaitingForWindow"',
        kind="effect",
        where=_first(lambda s: _is(s, ev.CheckpointSigned) and s.before.state == "Backoff"),
    ),
    Mutant(
        name="a window is vouched for again and again",
        module="wanted",
        old="or not at_rest or state.checkpointed == window.start_block:",
        new="or not at_rest:",
        kind="missing",
        where=_goes_on_after_checkpoint,
    ),
    Mutant(
        name="the API is not asked for its block",
        module="wanted",
        old="        PollStatus(interval_s=state.policy.poll_interval_s),\n",
        new="",
        kind="effect",
        where=_first(lambda s: _is(s, ev.WindowOpened, ev.ApiUnreachable, ev.ApiRecovered, ev.ConfigMismatched)),
    ),
)
