"""Bills as lines for people. Pure, and safe to print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from actor.machine.budget import budgets, per_post
from audit.costs.books import Costs, WindowBill
from audit.costs.entries import Expenses, ModelUse
from audit.moments import day_text
from events.catalogue import Spent
from events.describe import printable
from events.journal import at_text
from events.money import Money

__all__ = ["day_line", "heading", "total_lines", "window_line"]

_COLUMNS: Final = {
    "posts": 6,
    "users": 6,
    "X $": 9,
    "calls": 6,
    "prompt": 9,
    "completion": 11,
    "LLM $": 11,
    "accepted": 9,
    "confirmed": 10,
    "saved $": 9,
}
_UNPRICED: Final = "no prices are set"
_EARNED: Final = 10


def heading(by: str, *, earned: bool = False) -> str:
    """The first line of a table by "window" or "day"; ``earned`` for days of which the chain told what they brought."""
    line = _row(f"{'window':>8} {'opened':<17}" if by == "window" else f"{'day':<10} {'windows':>8}", tuple(_COLUMNS))
    return line + (f"{'earned $':>{_EARNED}}" if earned else "")


def window_line(money: Money, window: WindowBill, bill: Expenses) -> str:
    """One window, with its costs of the days that were asked for."""
    number = "-" if window.number is None else str(window.number)
    opened = "" if window.opened_ms is None else f"{at_text(window.opened_ms)[:16]}Z"
    return _row(f"{number:>8} {opened:<17}", _cells(money, bill))


def day_line(money: Money, day: int, bill: Expenses, *, earned: bool = False) -> str:
    """One UTC day."""
    line = _row(f"{day_text(day):<10} {bill.windows:>8}", _cells(money, bill))
    usd = money.earned(bill.mean_alpha, bill.mean_tao)
    return line + (f"{'-' if usd is None else f'{usd:.4f}':>{_EARNED}}" if earned else "")


def total_lines(money: Money, costs: Costs, *, today: int) -> list[str]:
    """All of it in words; the budgets are those of ``today`` (unix days)."""
    total = costs.total()
    return [
        _x_line(money, total),
        _llm_line(money, total),
        *_model_lines(total.models),
        _accepted_line(money, costs, total),
        *_confirmed_lines(money, total),
        *_scored_lines(money, total),
        _full_day_line(money, costs),
        *_earned_lines(money, costs, total),
        _saved_line(money, total),
        _unrecorded_line(money, total),
        _lately_line(money, costs, today),
        _budget_line(costs, today),
        *([f"gaps: {total.gaps} declared; of what lies in them only readable records count"] if total.gaps else []),
    ]


def _row(head: str, cells: Sequence[object]) -> str:
    return head + "".join(f"{cell!s:>{width}}" for cell, width in zip(cells, _COLUMNS.values(), strict=True))


def _cells(money: Money, bill: Expenses) -> tuple[object, ...]:
    paid, llm_usd = bill.paid, money.llm(bill.paid)
    return (
        paid.posts,
        paid.users,
        f"{money.x(paid):.4f}",
        bill.calls,
        paid.prompt_tokens,
        paid.completion_tokens,
        "-" if llm_usd is None else f"{llm_usd:.6f}",
        bill.accepted,
        bill.confirmed,
        f"{money.both(bill.saved):.4f}",
    )


def _x_line(money: Money, total: Expenses) -> str:
    failed = f", {total.failed_searches} failed" if total.failed_searches else ""
    held = f", {_count(total.held, 'window')} held back by a budget" if total.held else ""
    lookups = f" and {_count(total.lookups, 'look-up')} of authors" if total.lookups else ""
    lost = f", {_count(total.failed_lookups, 'look-up')} failed" if total.failed_lookups else ""
    return (
        f"X: {_count(total.paid.posts, 'post')} and {_count(total.paid.users, 'user')} read in "
        f"{_count(total.searches, 'search', 'searches')}{lookups}{failed}{lost}{held}: "
        f"at most ${money.x(total.paid):.4f}"
    )


def _llm_line(money: Money, total: Expenses) -> str:
    aside = {"failed": total.failed_analyses, "taken from the record": total.reused}
    said = ", ".join(f"{number} {what}" for what, number in aside.items() if number)
    analyses = _count(total.analyses, "analysis", "analyses") + (f" ({said})" if said else "")
    odd = {"told no tokens": total.unmeasured_calls, "asked again for a better answer": total.repairs}
    told = ", ".join(f"{number} {what}" for what, number in odd.items() if number)
    llm_usd = money.llm(total.paid)
    return (
        f"LLM: {analyses} in {_count(total.calls, 'call')}{f' ({told})' if told else ''}, "
        f"{_tokens(total.paid)}: {_UNPRICED if llm_usd is None else f'${llm_usd:.6f}'}"
    )


def _model_lines(models: Mapping[str, ModelUse]) -> list[str]:
    """Each model, when there are several; one price table serves all."""
    several = sorted(models.items()) if len(models) > 1 else []
    return [f"  {printable(name, 60)}: {_count(asked.calls, 'call')}, {_tokens(asked)}" for name, asked in several]


def _accepted_line(money: Money, costs: Costs, total: Expenses) -> str:
    identity = costs.state.identity
    dry_run = identity is not None and identity.dry_run
    what = f"{_count(total.accepted, 'post')} {'would have been submitted (a dry run)' if dry_run else 'accepted'}"
    return f"{what}{f', for each {_share(money, total.paid, total.accepted)}' if total.accepted else ''}"


def _confirmed_lines(money: Money, total: Expenses) -> list[str]:
    if not total.confirmed and not total.refused and not total.disputed:
        return []
    others = "".join(f", {n} {what}" for n, what in ((total.refused, "refused"), (total.disputed, "disputed")) if n)
    share = f", for each {_share(money, total.paid, total.confirmed)}" if total.confirmed > 0 else ""
    return [f"validators: {_count(total.confirmed, 'post')} confirmed{others}{share}"]


def _scored_lines(money: Money, total: Expenses) -> list[str]:
    if not total.scored:
        return []
    share = f", for each point {_share(money, total.paid, total.earned)}" if total.earned > 0 else ""
    return [f"score: {total.earned:.4f} earned in {_count(total.scored, 'window')}{share}"]


def _full_day_line(money: Money, costs: Costs) -> str:
    days = costs.full_days()
    if not days:
        return "a day: no full UTC day is on record"
    full = sum((costs.days[day] for day in days), Expenses())
    return f"a day: {_share(money, full.paid, len(days))} (mean of the last {_count(len(days), 'full UTC day')})"


def _earned_lines(money: Money, costs: Costs, total: Expenses) -> list[str]:
    """What the chain told of what the hotkey earns; nothing where it was never asked."""
    if not total.chain_answers and not total.chain_failures:
        return []
    failed = f" ({total.chain_failures} not answered)" if total.chain_failures else ""
    asked = f"by {_count(total.chain_answers, 'answer')} of the chain{failed}"
    lines = [f"earned: {_earned(money, total)}, {asked}" if total.chain_answers else f"earned: unknown, {asked}"]
    days = [day for day in costs.full_days() if costs.days[day].chain_answers]
    brought = [money.earned(bill.mean_alpha, bill.mean_tao) for bill in map(costs.days.__getitem__, days)]
    known = [usd for usd in brought if usd is not None]
    if known and len(known) == len(days):
        got, paid = sum(known) / len(days), sum(money.both(costs.days[day].paid) for day in days) / len(days)
        full = _count(len(days), "full UTC day")
        sign = "-" if got < paid else ""
        lines.append(f"a day brought ${got:.4f} and cost ${paid:.4f}: {sign}${abs(got - paid):.4f} (mean of {full})")
    return lines


def _earned(money: Money, bill: Expenses) -> str:
    alpha, tao = bill.mean_alpha or 0.0, bill.mean_tao
    usd = money.earned(alpha, tao)
    in_tao = "" if tao is None else f", {tao:.4f} TAO at the pool's price"
    return f"{alpha:.3f} alpha a day{in_tao}" + (", no price is set" if usd is None else f": ${usd:.4f}")


def _saved_line(money: Money, total: Expenses) -> str:
    return (
        f"saved by the journal: {_count(total.saved_searches, 'search', 'searches')} and "
        f"{_count(total.saved_analyses, 'analysis', 'analyses')} not repeated at {_count(total.starts, 'start')} "
        f"amid a window's work: {_both(money, total.saved)}"
    )


def _unrecorded_line(money: Money, total: Expenses) -> str:
    """What X billed at most; what the LLM billed nobody here can bound."""
    perhaps, said = total.perhaps, []
    if perhaps.posts or perhaps.users:
        read = f"{_count(perhaps.posts, 'post')} and {_count(perhaps.users, 'user')}"
        said.append(f"at most {read} of X: ${money.x(perhaps):.4f}")
    if total.untold_calls:
        llm_usd = money.llm(perhaps)
        price = "" if llm_usd is None else f": ${llm_usd:.6f}"
        reckoned = f"; each counted as the most expensive analysis of its day: {_tokens(perhaps)}{price}, perhaps more"
        known = perhaps.prompt_tokens or perhaps.completion_tokens
        said.append(f"{_count(total.untold_calls, 'call')} of the LLM, without token counts{reckoned if known else ''}")
    return f"not on record: {'; '.join(said) or 'nothing'}"


def _lately_line(money: Money, costs: Costs, today: int) -> str:
    found = per_post(costs.state, today, money)
    return f"each post: on {day_text(today)} {found['today']}; in the 7 days that end with it {found['7_days']}"


def _budget_line(costs: Costs, today: int) -> str:
    said = [
        f"{'X' if name == 'x' else 'LLM'} ${budget.spent_usd:.4f} of ${budget.limit_usd:.4f}"
        for name, budget in budgets(costs.state, today).items()
        if budget is not None
    ]
    return f"budget of {day_text(today)}: {', '.join(said) or 'none is set'}"


def _share(money: Money, paid: Spent, parts: float) -> str:
    share = money.share(paid, parts)
    tokens = f"{share['prompt_tokens']:,.0f} prompt and {share['completion_tokens']:,.0f} completion tokens"
    return f"X ${share['x_usd']:.4f}, LLM " + (tokens if share["llm_usd"] is None else f"${share['llm_usd']:.6f}")


def _both(money: Money, paid: Spent) -> str:
    llm_usd = money.llm(paid)
    return f"X ${money.x(paid):.4f}" + ("" if llm_usd is None else f", LLM ${llm_usd:.6f}")


def _tokens(paid: Spent | ModelUse) -> str:
    return f"{paid.prompt_tokens:,} prompt and {paid.completion_tokens:,} completion tokens"


def _count(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
