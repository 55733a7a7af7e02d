"""What one record adds to a bill. Pure.

Records of answers tell what they cost. What may have been billed without one is what the machine counts beyond that
(``actor.machine.budget``), so this reader and the budgets agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from msgspec.structs import asdict

from actor.machine import State
from actor.machine.budget import DAY_MS, untold_calls
from actor.machine.history import Step
from audit.feedback import FeedbackTotals
from events import catalogue as ev
from events.catalogue import Spent
from events.codec import Value

__all__ = ["Bill", "Expenses", "ModelUse", "entries", "told_between"]

# A bill: what was paid for, in units; prices turn it into money. Bills add up. Pure.

_NOTHING: Final = Spent()
# What a number counts: a field of `Expenses`; or a field of one that has parts, which part, and the part's field.
Key: TypeAlias = str | tuple[str, str, str]
Told: TypeAlias = Mapping[Key, Any]


class ModelUse(Value, frozen=True, kw_only=True):
    """What one model was asked for, and took."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: ModelUse) -> ModelUse:
        """Both together."""
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
        lookups: Questions for authors that X answered.
        failed_lookups: Those that failed.
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
        chain_answers: How often the chain told how the hotkey stands.
        chain_failures: How often it did not, when it was asked.
        alpha_per_day: Sum over these answers of what they tell of a day; divided by their number it is the day's.
        priced_answers: Answers with the price of alpha in the subnet's pool.
        tao_per_day: Sum over these, at the pool's prices.
    """

    windows: int = 0
    searches: int = 0
    failed_searches: int = 0
    lookups: int = 0
    failed_lookups: int = 0
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
    chain_answers: int = 0
    chain_failures: int = 0
    alpha_per_day: float = 0.0
    priced_answers: int = 0
    tao_per_day: float = 0.0

    def __add__(self, other: Expenses) -> Expenses:
        """Both together."""
        bill = Bill()
        bill.enter(_told_by(self))
        bill.enter(_told_by(other))
        return bill.expenses()

    @property
    def mean_alpha(self) -> float | None:
        """What a day brought in alpha, as the chain told; None where it told nothing."""
        return self.alpha_per_day / self.chain_answers if self.chain_answers else None

    @property
    def mean_tao(self) -> float | None:
        """The same in TAO, at the pool's prices; None without any."""
        return self.tao_per_day / self.priced_answers if self.priced_answers else None

    @property
    def calls(self) -> int:
        """Calls of all models."""
        return sum(asked.calls for asked in self.models.values())


class Bill:
    """Expenses while they add up, as numbers under keys: what a long journal enters some million times."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums: dict[Key, Any] = {}

    def enter(self, told: Told) -> None:
        """Add what is told."""
        sums = self._sums
        for key, more in told.items():
            if more:
                sums[key] = sums.get(key, 0) + more

    def add(self, other: Bill) -> None:
        """Add all of another one."""
        self.enter(other._sums)

    def expenses(self) -> Expenses:
        """As they are now."""
        fields: dict[str, Any] = {}
        parts: dict[str, dict[str, int]] = {}
        models: dict[str, dict[str, int]] = {}
        for key, number in self._sums.items():
            if isinstance(key, str):
                fields[key] = number
            elif key[0] == "models":
                models.setdefault(key[1], {})[key[2]] = number
            else:
                parts.setdefault(key[0], {})[key[2]] = number
        spent: dict[str, Any] = {name: Spent(**numbers) for name, numbers in parts.items()}
        return Expenses(**fields, **spent, models={name: ModelUse(**numbers) for name, numbers in models.items()})


def _told_by(expenses: Expenses) -> Told:
    """Expenses as numbers under keys."""
    told: dict[Key, Any] = {}
    for name in Expenses.__struct_fields__:
        value = getattr(expenses, name)
        if isinstance(value, Spent):
            told.update(_paid(value, name))
        elif name == "models":
            told.update(
                {("models", model, field): n for model, use in value.items() for field, n in asdict(use).items()}
            )
        else:
            told[name] = value
    return told


def _paid(spent: Spent, name: str = "paid") -> Told:
    """Without the largest, which do not add up."""
    return {(name, "", unit): getattr(spent, unit) for unit in _UNITS}


def entries(step: Step, in_work: Callable[[], Expenses]) -> Iterable[tuple[int, Told]]:
    """What a step adds to which UTC day (unix days), as numbers; nothing when it tells nothing of costs.

    Args:
        step: The record between the states around it.
        in_work: Says what the window in work has cost so far.
    """
    if step.record.name in _TELLING or step.after.spent is not step.before.spent:
        return _entries(step, in_work)
    return ()


def _entries(step: Step, in_work: Callable[[], Expenses]) -> Iterator[tuple[int, Told]]:
    record, before, after = step.record, step.before, step.after
    day = record.at_ms // DAY_MS
    tell = _TOLD.get(record.name)
    told: Told = _NOTHING_TOLD
    if tell is not None:
        told = tell(step.event)
        yield day, told
    if record.name == "GapDeclared":
        yield from _behind_a_gap(step.event)
    elif after.spent is not before.spent and (perhaps := _untold(day, before, after, told)):
        yield day, perhaps
    if record.name in _UNTOLD and (untold := untold_calls(before, step.event)):
        yield day, {"untold_calls": untold}
    if record.name == "ActorStarted" and not before.to_scrape and not before.all_deferred():
        yield day, _saved(in_work())


def told_between(before: FeedbackTotals, after: FeedbackTotals) -> Told:
    """What validators told in between, as numbers."""
    return {
        "confirmed": after.posts["confirmed"] - before.posts["confirmed"],
        "refused": after.posts["refused"] - before.posts["refused"],
        "disputed": after.posts["disputed"] - before.posts["disputed"],
        "scored": after.windows - before.windows,
        "earned": after.earned - before.earned,
    }


def _untold(day: int, before: State, after: State, told: Told) -> Told:
    """What the machine counted between two states beyond what was told; empty where that is nothing."""
    more, less = after.spent.get(day, _NOTHING), before.spent.get(day, _NOTHING)
    posts = more.posts - less.posts - told.get(_POSTS, 0)
    users = more.users - less.users - told.get(_USERS, 0)
    prompt = more.prompt_tokens - less.prompt_tokens - told.get(_PROMPT, 0)
    completion = more.completion_tokens - less.completion_tokens - told.get(_COMPLETION, 0)
    if not (posts or users or prompt or completion):
        return _NOTHING_TOLD
    return _paid(Spent(posts=posts, users=users, prompt_tokens=prompt, completion_tokens=completion), "perhaps")


def _saved(in_work: Expenses) -> Told:
    """A start amid a batch: without a journal it would search and analyze all of that again."""
    asked = in_work.analyses - in_work.reused
    return {
        "starts": 1,
        "saved_searches": in_work.searches,
        "saved_analyses": asked,
        **_paid(in_work.paid, "saved"),
    }


def _analyzed(e: ev.PostAnalyzed | ev.AnalysisFailed) -> Told:
    told: dict[Key, Any] = {"analyses": 1, _PROMPT: e.prompt_tokens, _COMPLETION: e.completion_tokens}
    if e.calls:
        told["models", e.model, "calls"] = e.calls
        told["models", e.model, "prompt_tokens"] = e.prompt_tokens
        told["models", e.model, "completion_tokens"] = e.completion_tokens
    if type(e) is ev.AnalysisFailed:
        told["failed_analyses"] = 1
    elif type(e) is ev.PostAnalyzed and e.reused_from is not None:
        told["reused"] = 1
    if e.unmeasured_calls:
        told["unmeasured_calls"] = e.unmeasured_calls
    if e.repairs:
        told["repairs"] = e.repairs
    return told


def _polled(e: ev.ChainPolled) -> Told:
    told: dict[Key, Any] = {"chain_answers": 1, "alpha_per_day": e.alpha_per_day}
    if e.tao_per_day is not None:
        told |= {"priced_answers": 1, "tao_per_day": e.tao_per_day}
    return told


def _behind_a_gap(event: ev.Event) -> Iterator[tuple[int, Told]]:
    if isinstance(event, ev.GapDeclared):
        for day, spent in event.salvage.spent.items():
            yield day, _paid(spent)


_NOTHING_TOLD: Final[Told] = {}
_UNITS: Final = ("posts", "users", "prompt_tokens", "completion_tokens")
_POSTS, _USERS, _PROMPT, _COMPLETION = (("paid", "", unit) for unit in _UNITS)
_UNTOLD: Final = frozenset({"PostAnalyzed", "AnalysisFailed", "ActorStarted", "EffectCrashed"})
_TOLD: Final[Mapping[str, Callable[[Any], Told]]] = {
    "PostsScraped": lambda e: {"searches": 1, "requests": e.requests, _POSTS: e.posts_read, _USERS: e.users_read},
    "ScrapeFailed": lambda _: {"failed_searches": 1},
    "AuthorsLookedUp": lambda e: {"lookups": 1, _USERS: e.users_read},
    "AuthorLookupFailed": lambda _: {"failed_lookups": 1},
    "BudgetSpent": lambda _: {"held": 1},
    "PostAnalyzed": _analyzed,
    "AnalysisFailed": _analyzed,
    "SubmissionAccepted": lambda _: {"accepted": 1},
    "ChainPolled": _polled,
    "ChainPollFailed": lambda _: {"chain_failures": 1},
    "GapDeclared": lambda e: {"gaps": 1, "accepted": e.salvage.accepted},
}
_TELLING: Final = _UNTOLD | _TOLD.keys()
