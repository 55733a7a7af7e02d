"""Machines that decide a little differently, each as a small change of our own source, and where a check must see it.

A change names text that stands exactly once in one module of ``actor/machine``. Where it shows is worked out from what
the journal holds, read by the unchanged machine: the first record at which the two cannot agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from actor.machine.history import Step
from audit.check import Kind
from events import catalogue as ev
from tests.audit import shows
from tests.audit.shows import History, event_of, first, holds

__all__ = ["MUTANTS", "Mutant"]


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


_DUE_BY_FAILURES: Final = "2 ** (attempt.attempt - 1)"


def opens_a_window(step: Step) -> bool:
    """Whether work begins in a window that nothing was done in before."""
    window = step.after.window
    return window is not None and window != step.before.window and window.start_block not in step.before.worked


MUTANTS: Final = (
    # The table
    Mutant(
        name="a guard is removed: a failed attempt always backs off",
        module="table",
        old='rows += [Row(event, SUBMITTING, BACKOFF, ("backing_off",))]',
        new="rows += [Row(event, SUBMITTING, BACKOFF)]",
        kind="destination",
        where=first(
            lambda s: holds(s, ev.SubmissionFailed) and s.before.state == "Submitting" and s.after.state != "Backoff"
        ),
    ),
    Mutant(
        name="a guard is removed: a window ends any backoff",
        module="table",
        old='rows += _goes_on("WindowOpened", BACKOFF, "released")',
        new='rows += _goes_on("WindowOpened", BACKOFF)',
        kind="destination",
        where=first(shows.would_leave_backoff),
    ),
    Mutant(
        name="a guard is negated: analyses are due when there are none",
        module="table",
        old='"analysis_due": State.analysis_due,',
        new='"analysis_due": lambda s: not s.analysis_due(),',
        kind="destination",
        where=first(lambda s: holds(s, ev.ActorStarted)),
    ),
    Mutant(
        name="a transition is redirected: after a backoff it waits for a window",
        module="table",
        old='rows += _goes_on("BackoffElapsed", BACKOFF)',
        new='rows += [Row("BackoffElapsed", BACKOFF, WAITING)]',
        kind="destination",
        where=first(lambda s: holds(s, ev.BackoffElapsed) and s.after.state != "WaitingForWindow"),
    ),
    Mutant(
        name="a row is missing: analyses that answer in a backoff are refused",
        module="table",
        old="(*_SCRAPE_ENDS, *_ANALYSIS_ENDS, *_VERDICTS, *_RETRIABLE)",
        new="(*_SCRAPE_ENDS, *_VERDICTS, *_RETRIABLE)",
        kind="refused",
        where=first(lambda s: holds(s, ev.PostAnalyzed, ev.AnalysisFailed) and s.before.state == "Backoff"),
    ),
    # Limits and waits
    Mutant(
        name="a post gets one attempt more",
        module="posts",
        old="if attempt.attempt >= s.policy.submit_attempts:",
        new="if attempt.attempt > s.policy.submit_attempts:",
        kind="destination",
        where=first(
            lambda s: (
                holds(s, ev.SubmissionFailed)
                and s.before.state == "Submitting"
                and event_of(s).attempt == s.before.policy.submit_attempts
            )
        ),
    ),
    Mutant(
        name="the second wait is longer",
        module="posts",
        old=_DUE_BY_FAILURES,
        new="3 ** (attempt.attempt - 1)",
        kind="early",
        where=shows.ends_second_wait,
    ),
    Mutant(
        name="the second wait is as short as the first",
        module="posts",
        old=_DUE_BY_FAILURES,
        new="1",
        kind="late",
        where=shows.ends_whole_second_wait,
    ),
    Mutant(
        name="a crashed effect rests twice as long",
        module="reduce",
        old="at_ms, s.policy.crash_backoff_s, e.effect)",
        new="at_ms, 2 * s.policy.crash_backoff_s, e.effect)",
        kind="early",
        where=first(lambda s: holds(s, ev.BackoffElapsed) and shows.backoff_kind(s) == "crash"),
    ),
    Mutant(
        name="an effect may crash once more before it counts as failed",
        module="facts",
        old="+ 1 >= state.policy.crash_limit",
        new="+ 1 > state.policy.crash_limit",
        kind="fields",
        where=first(lambda s: holds(s, ev.ScrapeFailed, ev.AnalysisFailed) and event_of(s).kind == "crash"),
    ),
    Mutant(
        name="a post is carried into one window more",
        module="wanted",
        old="if pending.deferrals > state.policy.max_carried_windows:",
        new="if pending.deferrals > state.policy.max_carried_windows + 1:",
        kind="effect",
        where=first(lambda s: holds(s, ev.PostAbandoned) and event_of(s).reason == "carried too long"),
    ),
    # What is folded
    Mutant(
        name="chosen posts are not remembered",
        module="posts",
        old="seen=_see(s.seen, e, distinct, at_ms) if e.posts else s.seen,",
        new="seen=s.seen,",
        kind="digest",
        where=shows.checkpoint_after(lambda s: holds(s, ev.PostsScraped) and bool(event_of(s).posts)),
    ),
    Mutant(
        name="accepted posts do not count against the quota",
        module="posts",
        old="open=None, counted=counted, totals=totals)",
        new="open=None, totals=totals)",
        kind="digest",
        where=shows.checkpoint_after(lambda s: holds(s, ev.SubmissionAccepted)),
    ),
    Mutant(
        name="posts put off are lost when the next window opens",
        module="reduce",
        old="posts=tuple([carry(p) if p in carried else put_off(s, p) if p in left else p for p in s.posts]),",
        new="posts=tuple([put_off(s, p) if p in left else p for p in s.posts if p not in carried]),",
        kind="refused",
        where=shows.sends_a_carried_post,
    ),
    Mutant(
        name="a start forgets the attempts that were made",
        module="reduce",
        old="        open=None,\n        crashes={},\n        disk",
        new="        open=None,\n        crashes={},\n"
        "        posts=tuple(changed(p, attempts=0) for p in s.posts),\n        disk",
        kind="refused",
        where=shows.tries_again_after_a_start,
    ),
    Mutant(
        name="a rejected post is sent again",
        module="posts",
        old="posts=_without(s, e.post_id), open=None, totals=totals)",
        new="open=None, totals=totals)",
        kind="refused",
        where=shows.sends_after_a_rejection,
    ),
    Mutant(
        name="a full window has room for one more",
        module="state",
        old="return most - counted if counted < most else 0",
        new="return most - counted if counted < most else 1",
        kind="destination",
        where=first(lambda s: opens_a_window(s) and s.after.room() == 0),
    ),
    Mutant(
        name="a budget may be exceeded by one search",
        module="budget",
        old=" or spent_uusd + needed_uusd > uusd(limit_usd)",
        new="",
        kind="refused",
        where=first(lambda s: holds(s, ev.BudgetSpent) and event_of(s).spent_usd < event_of(s).limit_usd),
    ),
    Mutant(
        name="a 429 sets no backoff",
        module="posts",
        old='backoff=Backoff(kind="window", until_block=start + newest.blocks))',
        new="backoff=None)",
        kind="refused",
        where=first(lambda s: holds(s, ev.RateLimited) and s.before.state == "Submitting"),
    ),
    Mutant(
        name="a 429 holds for two windows",
        module="posts",
        old="until_block=start + newest.blocks)",
        new="until_block=start + 2 * newest.blocks)",
        kind="digest",
        where=shows.checkpoint_after(lambda s: holds(s, ev.RateLimited)),
    ),
    # What is recorded
    Mutant(
        name="scores are halved",
        module="scoring",
        old="    return _unit(\n        WEIGHT_RELEVANCE",
        new="    return 0.5 * _unit(\n        WEIGHT_RELEVANCE",
        kind="fields",
        where=first(lambda s: holds(s, ev.SubmissionStarted) and event_of(s).body.score > 0),
    ),
    Mutant(
        name="texts are normalized to NFKC",
        module="scoring",
        old='unicodedata.normalize("NFC", text)',
        new='unicodedata.normalize("NFKC", text)',
        kind="fields",
        where=first(shows.nfkc_differs),
    ),
    Mutant(
        name="runs of whitespace stay",
        module="scoring",
        old='" ".join(unicodedata.normalize("NFC", text).split())',
        new='unicodedata.normalize("NFC", text).strip()',
        kind="fields",
        where=first(shows.space_differs),
    ),
    Mutant(
        name="the sample is in the order of the dice",
        module="facts",
        old="sorted(random.Random(seed).sample(range(len(candidates)), count))",
        new="random.Random(seed).sample(range(len(candidates)), count)",
        kind="fields",
        where=first(shows.drawn_out_of_order),
    ),
    Mutant(
        name="windows are numbered from 1",
        module="facts",
        old="window=start // blocks,",
        new="window=start // blocks + 1,",
        kind="fields",
        where=first(lambda s: holds(s, ev.WindowOpened)),
    ),
    Mutant(
        name="a submission names the newest window",
        module="wanted",
        old="window=state.window.number,\n        attempt",
        new="window=(state.newest or state.window).number,\n        attempt",
        kind="fields",
        where=first(lambda s: holds(s, ev.SubmissionStarted) and s.before.newest != s.before.window),
    ),
    # What is wanted
    Mutant(
        name="the worst post goes first",
        module="wanted",
        old="post = state.queue()[0]",
        new="post = state.queue()[-1]",
        kind="effect",
        where=first(lambda s: holds(s, ev.SubmissionStarted) and len(s.before.queue()) > 1),
    ),
    Mutant(
        name="a search asks for one post more",
        module="wanted",
        old="count=state.to_scrape,",
        new="count=state.to_scrape + 1,",
        kind="effect",
        where=first(lambda s: holds(s, ev.PostsScraped)),
    ),
    Mutant(
        name="nothing is vouched for while a 429 holds",
        module="wanted",
        old='state.state == "WaitingForWindow" or (state.backoff is not None and state.backoff.kind == "window")',
        new='state.state == "WaitingForWindow"',
        kind="effect",
        where=first(lambda s: holds(s, ev.CheckpointSigned) and s.before.state == "Backoff"),
    ),
    Mutant(
        name="a window is vouched for again and again",
        module="wanted",
        old="or not at_rest or state.checkpointed == window.start_block:",
        new="or not at_rest:",
        kind="missing",
        where=shows.goes_on_after_checkpoint,
    ),
    Mutant(
        name="the API is not asked for its block",
        module="wanted",
        old="        PollStatus(interval_s=state.policy.poll_interval_s),\n",
        new="",
        kind="effect",
        where=first(lambda s: holds(s, ev.WindowOpened, ev.ApiUnreachable, ev.ApiRecovered, ev.ConfigMismatched)),
    ),
)
