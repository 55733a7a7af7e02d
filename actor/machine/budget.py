"""What a UTC day has cost, and whether a budget allows one more search. Pure.

A search whose cost no record tells counts at the most that it can have cost: one in flight when a process ended or an
effect crashed, one without an answer in time, a page that was lost. A call of the LLM without token counts is priced
like the dearest analysis of its day; its server may bill more. The day is that of the record, by this host's clock.
Days are kept apart, so a clock that is set back or ahead resets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

from actor.machine.state import State
from events import catalogue as ev
from events.catalogue import Spent
from events.codec import changed
from events.money import Money
from events.prices import PERHAPS_BILLED, page_size, usd, uusd

__all__ = ["DAY_MS", "Budget", "PerPost", "budgets", "per_post", "reckon", "untold_calls"]

DAY_MS: Final = 86_400_000
_DAYS_KEPT: Final = 32
_NOTHING: Final = Spent()
T = TypeVar("T")
_AGAIN: Final = frozenset({ev.ActorStarted, ev.SettingsChanged})


def reckon(before: State, after: State, event: ev.Event, at_ms: int) -> State:
    """``after`` with what the event cost, and with the search that became due allowed or not.

    A search, with the question for authors that follows, is allowed once, when its window opens, and again when a start
    or a crash makes it begin anew, or when the budgets change.
    """
    cost = _COSTS.get(type(event))
    if cost is not None:
        day = at_ms // DAY_MS
        spent = before.spent.get(day, _NOTHING)
        now = cost(before, event, spent)
        after = after if now == spent else _enter(after, {day: now}, day)
    elif type(event) is ev.GapDeclared:
        known = {day: after.spent.get(day, _NOTHING) + spent for day, spent in event.salvage.spent.items()}
        after = _enter(after, {day: spent for day, spent in known.items() if spent != _NOTHING}, at_ms // DAY_MS)
    if more := after.totals.accepted - before.totals.accepted:
        day = at_ms // DAY_MS
        after = changed(after, accepted=_with(after.accepted, {day: after.accepted.get(day, 0) + more}, day))
    due = after.unaffordable
    if not (after.to_scrape or after.is_author_due()):
        return after if due is None else changed(after, unaffordable=None)
    if after.window != before.window or type(event) in _AGAIN or after.spent is not before.spent:
        due = _shortfall(after, at_ms)
    return after if due is after.unaffordable else changed(after, unaffordable=due)


def untold_calls(before: State, event: ev.Event) -> int:
    """Calls of the LLM without token counts that the event stands for: recorded ones, and those lost on the way."""
    if isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
        return event.unmeasured_calls
    if isinstance(event, ev.ActorStarted):
        # The process before may have been asking.
        return 0 if before.to_scrape or before.is_author_due() else len(before.to_ask_about())
    return int(isinstance(event, ev.EffectCrashed) and event.effect.startswith("AnalyzePost:"))


def _enter(s: State, spent: Mapping[int, Spent], today: int) -> State:
    """The days as ``spent`` says them, among the others; the oldest are forgotten."""
    return changed(s, spent=_with(s.spent, spent, today))


def _with(known: Mapping[int, T], more: Mapping[int, T], today: int) -> Mapping[int, T]:
    days = {**known, **more}
    if len(days) == len(known):
        return days
    recent = sorted(days)[-_DAYS_KEPT:]
    return {day: days[day] for day in sorted(days) if day in recent or day == today}


# What each event adds to its day


def _told(s: State, e: ev.PostsScraped, day: Spent) -> Spent:
    told = day.told(e)
    return told + _pages(s, e.lost_pages, e.most) if e.lost_pages else told


def _search_failed(s: State, e: ev.ScrapeFailed, day: Spent) -> Spent:
    return day + _searched(s) if e.kind in PERHAPS_BILLED else day


def _looked_up(_s: State, e: ev.AuthorsLookedUp, day: Spent) -> Spent:
    return day.told(e)


def _lookup_failed(_s: State, e: ev.AuthorLookupFailed, day: Spent) -> Spent:
    return day + Spent(users=len(e.asked)) if e.kind in PERHAPS_BILLED else day


def _asked(_s: State, e: ev.PostAnalyzed | ev.AnalysisFailed, day: Spent) -> Spent:
    told = day.told(e)
    return told + _asked_like(told, e.unmeasured_calls) if e.unmeasured_calls else told


def _started(s: State, e: ev.ActorStarted, day: Spent) -> Spent:
    """The process before may have been asking when it ended."""
    if s.to_scrape or s.is_author_due():
        return day if s.unaffordable is not None else day + _asked_of_x(s)
    return day + _asked_like(day, untold_calls(s, e))


def _moved(s: State, _e: ev.ApiMoved, day: Spent) -> Spent:
    """A move gives up the search that the process before may have been asking for."""
    return day + _asked_of_x(s) if s.unaffordable is None else day


def _crashed(s: State, e: ev.EffectCrashed, day: Spent) -> Spent:
    if e.effect == "ScrapeWindow":
        return day + _searched(s)
    if e.effect == "LookUpAuthors":
        return day + Spent(users=len(s.authors_due()))
    return day + _asked_like(day, untold_calls(s, e))


def _asked_of_x(s: State) -> Spent:
    """What the search, or the question for authors, that is due now can bill at most; nothing when none is."""
    return _searched(s) if s.to_scrape else Spent(users=len(s.authors_due()))


def _searched(s: State) -> Spent:
    """What the due search can bill at most."""
    return _pages(s, s.policy.max_search_pages, s.to_scrape + s.spare)


def _most_read(s: State) -> Spent:
    """What the window can still bill at most: every page full, each post by another user whom nobody knows."""
    authors = Spent(users=len(s.all_authors_due()))
    if not s.to_scrape:
        return authors
    if s.policy.author_cache_hours:
        authors += Spent(users=s.to_scrape + s.spare)
    return _searched(s) + authors


def _pages(s: State, pages: int, wanted: int) -> Spent:
    posts = pages * page_size(wanted)
    return Spent(posts=posts, users=0 if s.policy.author_cache_hours else posts)


def _asked_like(day: Spent, analyses: int) -> Spent:
    """So many analyses, each at the price of the dearest one of the day."""
    return Spent(prompt_tokens=analyses * day.largest_prompt, completion_tokens=analyses * day.largest_completion)


_COSTS: Final[Mapping[type, Callable[[State, Any, Spent], Spent]]] = {
    ev.PostsScraped: _told,
    ev.ScrapeFailed: _search_failed,
    ev.AuthorsLookedUp: _looked_up,
    ev.AuthorLookupFailed: _lookup_failed,
    ev.PostAnalyzed: _asked,
    ev.AnalysisFailed: _asked,
    ev.ApiMoved: _moved,
    ev.ActorStarted: _started,
    ev.EffectCrashed: _crashed,
}


# What the budgets say


def _shortfall(s: State, at_ms: int) -> ev.BudgetSpent | None:
    """The budget that does not allow what is due of X and the analyses that follow, None when all do."""
    if s.window is None:
        return None
    for budget, limit_usd, spent_uusd, needed_uusd in _reckoned(s, s.spent.get(at_ms // DAY_MS, _NOTHING)):
        if spent_uusd >= uusd(limit_usd) or spent_uusd + needed_uusd > uusd(limit_usd):
            return ev.BudgetSpent(
                budget=budget,
                window=s.window.number,
                day=datetime.fromtimestamp(at_ms // 1000, UTC).date().isoformat(),
                spent_usd=usd(spent_uusd),
                needed_usd=usd(needed_uusd),
                limit_usd=limit_usd,
            )
    return None


def _reckoned(s: State, day: Spent) -> Iterator[tuple[Literal["x", "llm"], float, int, int]]:
    """Each budget with its limit, what the day spent of it, and the most that the due search may add."""
    policy, prices = s.policy, s.policy.prices
    if policy.max_x_usd_per_day is not None:
        most = _most_read(s)
        yield "x", policy.max_x_usd_per_day, prices.x_uusd(day.posts, day.users), prices.x_uusd(most.posts, most.users)
    spent_uusd = prices.llm_uusd(day.prompt_tokens, day.completion_tokens)
    if policy.max_llm_usd_per_day is not None and spent_uusd is not None:
        most = _asked_like(day, s.to_scrape + s.spare + len(s.to_analyze()))
        yield (
            "llm",
            policy.max_llm_usd_per_day,
            spent_uusd,
            prices.llm_uusd(most.prompt_tokens, most.completion_tokens) or 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A budget of the last start, and what counts against it on one day, in US dollars."""

    limit_usd: float
    spent_usd: float


def budgets(state: State, day: int) -> dict[str, Budget | None]:
    """The budgets in force as the machine reckons them, at the prices of its last start."""
    policy, spent = state.policy, state.spent.get(day, Spent())
    reckoned = Money(policy.prices)
    limits = {
        "x": (policy.max_x_usd_per_day, reckoned.x(spent)),
        "llm": (policy.max_llm_usd_per_day, reckoned.llm(spent) or 0.0),
    }
    return {
        name: None if limit is None else Budget(limit_usd=limit, spent_usd=so_far)
        for name, (limit, so_far) in limits.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class PerPost:
    """What each post that the API took cost in some days, in US dollars.

    Attributes:
        days: How many.
        accepted: How many posts it took; in a dry run, how many it would have been sent.
        x_usd: At most that of X, what may have been billed included; None where no post was taken.
        llm_usd: Likewise of the LLM; None also without its prices.
    """

    days: int
    accepted: int
    x_usd: float | None
    llm_usd: float | None

    @property
    def usd(self) -> float | None:
        """Both together, as far as they have prices."""
        return None if self.x_usd is None else self.x_usd + (self.llm_usd or 0.0)

    def __str__(self) -> str:
        """Its parts, for where there is room."""
        if self.x_usd is None:
            return "none accepted"
        llm = "" if self.llm_usd is None else f", LLM ${self.llm_usd:.6f}"
        return f"X at most ${self.x_usd:.4f}{llm} ({self.accepted} accepted)"


def per_post(state: State, today: int, money: Money) -> dict[str, PerPost]:
    """That of ``today`` (unix days), and that of the 7 days which end with it."""
    return {"today": _per_post(state, today, 1, money), "7_days": _per_post(state, today, 7, money)}


def _per_post(state: State, today: int, count: int, money: Money) -> PerPost:
    days = range(today - count + 1, today + 1)
    accepted = sum(state.accepted.get(day, 0) for day in days)
    share = money.share(sum((state.spent.get(day, _NOTHING) for day in days), _NOTHING), accepted)
    return PerPost(days=count, accepted=accepted, x_usd=share["x_usd"], llm_usd=share["llm_usd"])
