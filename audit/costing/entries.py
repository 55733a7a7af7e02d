"""What one record adds to a bill. Pure.

Records of answers tell what they cost. What may have been billed without one is what the machine counts beyond that
(``actor.machine.budget``), so this reader and the budgets agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from actor.machine import State
from actor.machine.budget import DAY_MS, untold_calls
from audit.costing.bill import Asked, Bill
from audit.feedback import FeedbackTotals
from events import catalogue as ev
from events.catalogue import Spent
from events.journal import Record

__all__ = ["entries", "told_between"]


def entries(record: Record, before: State, after: State, in_work: Callable[[], Bill]) -> Iterator[tuple[int, Bill]]:
    """What the record adds to which UTC day (unix days); nothing when it tells nothing of costs.

    Args:
        record: The record.
        before: The state before it.
        after: The state after it.
        in_work: Says what the window in work has cost so far.
    """
    day = record.at_ms // DAY_MS
    tell = _TOLD.get(record.name)
    told = Bill() if tell is None else tell(record.event())
    if tell is not None:
        yield day, told
    if record.name == "GapDeclared":
        yield from _behind_a_gap(record)
    elif after.spent is not before.spent and (perhaps := _less(_counted(day, before, after), told.paid)) != Spent():
        yield day, Bill(perhaps=perhaps)
    if record.name in _UNTOLD and (untold := untold_calls(before, record.event())):
        yield day, Bill(untold_calls=untold)
    if record.name == "ActorStarted" and not before.to_scrape and not before.all_deferred():
        yield day, _saved(in_work())


def told_between(before: FeedbackTotals, after: FeedbackTotals) -> Bill:
    """What validators told in between."""
    return Bill(
        confirmed=after.posts["confirmed"] - before.posts["confirmed"],
        refused=after.posts["refused"] - before.posts["refused"],
        disputed=after.posts["disputed"] - before.posts["disputed"],
        scored=after.windows - before.windows,
        earned=after.earned - before.earned,
    )


def _counted(day: int, before: State, after: State) -> Spent:
    """What the machine counted between two states."""
    return _less(after.spent.get(day, Spent()), before.spent.get(day, Spent()))


def _less(more: Spent, less: Spent) -> Spent:
    return Spent(
        posts=more.posts - less.posts,
        users=more.users - less.users,
        prompt_tokens=more.prompt_tokens - less.prompt_tokens,
        completion_tokens=more.completion_tokens - less.completion_tokens,
    )


def _saved(in_work: Bill) -> Bill:
    """A start amid a batch: without a journal it would search and analyze all of that again."""
    asked = in_work.analyses - in_work.reused
    return Bill(starts=1, saved_searches=in_work.searches, saved_analyses=asked, saved=in_work.paid)


def _analyzed(e: ev.PostAnalyzed | ev.AnalysisFailed) -> Bill:
    asked = Asked(calls=e.calls, prompt_tokens=e.prompt_tokens, completion_tokens=e.completion_tokens)
    return Bill(
        analyses=1,
        failed_analyses=int(isinstance(e, ev.AnalysisFailed)),
        reused=int(isinstance(e, ev.PostAnalyzed) and e.reused_from is not None),
        models={e.model: asked} if e.calls else {},
        unmeasured_calls=e.unmeasured_calls,
        repairs=e.repairs,
        paid=_sums(Spent().told(e)),
    )


def _behind_a_gap(record: Record) -> Iterator[tuple[int, Bill]]:
    event = record.event()
    if isinstance(event, ev.GapDeclared):
        for day, spent in event.salvage.spent.items():
            yield day, Bill(paid=_sums(spent))


def _sums(spent: Spent) -> Spent:
    """Without the largest, which do not add up."""
    return _less(spent, Spent())


_UNTOLD: Final = frozenset({"PostAnalyzed", "AnalysisFailed", "ActorStarted", "EffectCrashed"})
_TOLD: Final[Mapping[str, Callable[[Any], Bill]]] = {
    "PostsScraped": lambda e: Bill(searches=1, requests=e.requests, paid=Spent().told(e)),
    "ScrapeFailed": lambda _: Bill(failed_searches=1),
    "BudgetSpent": lambda _: Bill(held=1),
    "PostAnalyzed": _analyzed,
    "AnalysisFailed": _analyzed,
    "SubmissionAccepted": lambda _: Bill(accepted=1),
    "GapDeclared": lambda e: Bill(gaps=1, accepted=e.salvage.accepted),
}
