"""What one record adds to a bill. Pure.

Records of answers tell what they cost. What may have been billed without one is what the machine counts beyond that
(``actor.machine.budget``), so this reader and the budgets agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from actor.machine import State
from actor.machine.budget import DAY_MS, untold_calls
from audit.feedback import FeedbackTotals
from events import catalogue as ev
from events.catalogue import Spent
from events.codec import Value, changed
from events.journal import Record

__all__ = ["Expenses", "ModelUse", "entries", "told_between"]

_NOTHING: Final = Spent()


class ModelUse(Value, frozen=True, kw_only=True):
    """What one model was asked for, and took."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: ModelUse) -> ModelUse:
        return ModelUse(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


class Expenses(Value, frozen=True, kw_only=True):
    """What some records tell.

    Attributes:
        windows: Windows that were begun.
        searches: Searches that X answered.
        failed_searches: Searches that failed.
        held: Windows that a budget did not allow to be searched.
        requests: Requests of the answered searches.
        analyses: Analyses with a record, failed ones too.
        failed_analyses: Those that failed.
        reused: Those for which the answer about the same text was on record; they cost nothing.
        models: What each LLM was asked for.
        unmeasured_calls: Calls whose server told no tokens, or not all; they are missing in the sums.
        repairs: Calls that asked again because an answer could not be used.
        accepted: Posts that the API took; in a dry run, those that would have been sent.
        paid: What the records of answers tell.
        untold_calls: Calls of LLMs whose tokens no record tells: unmeasured ones, and those lost in a kill or a crash.
        perhaps: What may have been billed beside them: of X at most; of LLMs a reckoning and no bound, each untold call
            as the dearest analysis of its day.
        starts: Starts into a window whose work was under way.
        saved_searches: Searches that those starts did not repeat.
        saved_analyses: Likewise analyses.
        saved: What these had cost.
        gaps: Declared gaps; what was paid in them is known only as far as their records could be read.
        confirmed: Posts that validators confirm, as far as they told. One that becomes disputed is taken off again.
        refused: Likewise posts that they refuse.
        disputed: Likewise posts on which they disagree.
        scored: Stretches of blocks for which a score was told.
        earned: Sum of these scores, each the mean over validators.
    """

    windows: int = 0
    searches: int = 0
    failed_searches: int = 0
    held: int = 0
    requests: int = 0
    analyses: int = 0
    failed_analyses: int = 0
    reused: int = 0
    models: Mapping[str, ModelUse] = {}
    unmeasured_calls: int = 0
    repairs: int = 0
    accepted: int = 0
    paid: Spent = _NOTHING
    untold_calls: int = 0
    perhaps: Spent = _NOTHING
    starts: int = 0
    saved_searches: int = 0
    saved_analyses: int = 0
    saved: Spent = _NOTHING
    gaps: int = 0
    confirmed: int = 0
    refused: int = 0
    disputed: int = 0
    scored: int = 0
    earned: float = 0.0

    def __add__(self, other: Expenses) -> Expenses:
        sums: dict[str, Any] = {
            name: getattr(self, name) + more
            for name in _SUMMED
            if (more := getattr(other, name)) and more is not _NOTHING
        }
        if other.models:
            models = {name: self.models.get(name, ModelUse()) + asked for name, asked in other.models.items()}
            sums["models"] = {**self.models, **models}
        return changed(self, **sums)

    @property
    def calls(self) -> int:
        return sum(asked.calls for asked in self.models.values())


_SUMMED: Final = tuple(name for name in Expenses.__struct_fields__ if name != "models")


def entries(
    record: Record, before: State, after: State, in_work: Callable[[], Expenses]
) -> Iterator[tuple[int, Expenses]]:
    """What the record adds to which UTC day (unix days); nothing when it tells nothing of costs.

    Args:
        record: The record.
        before: The state before it.
        after: The state after it.
        in_work: Says what the window in work has cost so far.
    """
    day = record.at_ms // DAY_MS
    tell = _TOLD.get(record.name)
    told = Expenses() if tell is None else tell(record.event())
    if tell is not None:
        yield day, told
    if record.name == "GapDeclared":
        yield from _behind_a_gap(record)
    elif after.spent is not before.spent and (perhaps := _less(_counted(day, before, after), told.paid)) != Spent():
        yield day, Expenses(perhaps=perhaps)
    if record.name in _UNTOLD and (untold := untold_calls(before, record.event())):
        yield day, Expenses(untold_calls=untold)
    if record.name == "ActorStarted" and not before.to_scrape and not before.all_deferred():
        yield day, _saved(in_work())


def told_between(before: FeedbackTotals, after: FeedbackTotals) -> Expenses:
    """What validators told in between."""
    return Expenses(
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


def _saved(in_work: Expenses) -> Expenses:
    """A start amid a batch: without a journal it would search and analyze all of that again."""
    asked = in_work.analyses - in_work.reused
    return Expenses(starts=1, saved_searches=in_work.searches, saved_analyses=asked, saved=in_work.paid)


def _analyzed(e: ev.PostAnalyzed | ev.AnalysisFailed) -> Expenses:
    asked = ModelUse(calls=e.calls, prompt_tokens=e.prompt_tokens, completion_tokens=e.completion_tokens)
    return Expenses(
        analyses=1,
        failed_analyses=int(isinstance(e, ev.AnalysisFailed)),
        reused=int(isinstance(e, ev.PostAnalyzed) and e.reused_from is not None),
        models={e.model: asked} if e.calls else {},
        unmeasured_calls=e.unmeasured_calls,
        repairs=e.repairs,
        paid=_sums(Spent().told(e)),
    )


def _behind_a_gap(record: Record) -> Iterator[tuple[int, Expenses]]:
    event = record.event()
    if isinstance(event, ev.GapDeclared):
        for day, spent in event.salvage.spent.items():
            yield day, Expenses(paid=_sums(spent))


def _sums(spent: Spent) -> Spent:
    """Without the largest, which do not add up."""
    return _less(spent, Spent())


_UNTOLD: Final = frozenset({"PostAnalyzed", "AnalysisFailed", "ActorStarted", "EffectCrashed"})
_TOLD: Final[Mapping[str, Callable[[Any], Expenses]]] = {
    "PostsScraped": lambda e: Expenses(searches=1, requests=e.requests, paid=Spent().told(e)),
    "ScrapeFailed": lambda _: Expenses(failed_searches=1),
    "BudgetSpent": lambda _: Expenses(held=1),
    "PostAnalyzed": _analyzed,
    "AnalysisFailed": _analyzed,
    "SubmissionAccepted": lambda _: Expenses(accepted=1),
    "GapDeclared": lambda e: Expenses(gaps=1, accepted=e.salvage.accepted),
}
