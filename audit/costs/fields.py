"""Bills as JSON values for machines. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from actor.machine.budget import budgets, per_post
from audit.costs.books import Costs, WindowBill
from audit.costs.entries import Expenses
from audit.moments import day_text
from events.codec import plain
from events.journal import at_text
from events.money import Money

__all__ = ["day_fields", "total_fields", "window_fields"]


def window_fields(money: Money, window: WindowBill, bill: Expenses) -> dict[str, Any]:
    """One window, with its costs of the days that were asked for."""
    opened = None if window.opened_ms is None else at_text(window.opened_ms)
    place = {"window": window.number, "start_block": window.start_block, "opened": opened}
    return {"kind": "window", **place, **_fields(money, bill)}


def day_fields(money: Money, day: int, bill: Expenses) -> dict[str, Any]:
    """One UTC day."""
    return {"kind": "day", "day": day_text(day), **_fields(money, bill)}


def total_fields(money: Money, costs: Costs, *, today: int) -> dict[str, Any]:
    """All of it; the budgets are those of ``today`` (unix days)."""
    total, days, identity = costs.total(), costs.full_days(), costs.state.identity
    full = sum((costs.days[day] for day in days), Expenses())
    in_force = budgets(costs.state, today)
    return {
        "kind": "total",
        "days": [day_text(day) for day in sorted(costs.days)],
        **_fields(money, total),
        "per_accepted": money.share(total.paid, total.accepted),
        "per_confirmed": money.share(total.paid, total.confirmed),
        "per_point": money.share(total.paid, total.earned),
        "per_post": {name: asdict(found) for name, found in per_post(costs.state, today, money).items()},
        "per_full_day": {"days": [day_text(day) for day in days], **money.share(full.paid, len(days))},
        "budgets": {
            "day": day_text(today),
            **{name: None if budget is None else asdict(budget) for name, budget in in_force.items()},
        },
        "dry_run": identity is not None and identity.dry_run,
        "prices": plain(money.prices),
        "worth": plain(money.worth),
    }


def _fields(money: Money, bill: Expenses) -> dict[str, Any]:
    return {
        "windows": bill.windows,
        "x": {
            "searches": bill.searches,
            "failed": bill.failed_searches,
            "held": bill.held,
            "lookups": bill.lookups,
            "failed_lookups": bill.failed_lookups,
            "requests": bill.requests,
            "posts": bill.paid.posts,
            "users": bill.paid.users,
            "usd": money.x(bill.paid),
        },
        "llm": {
            "analyses": bill.analyses,
            "failed": bill.failed_analyses,
            "reused": bill.reused,
            "calls": bill.calls,
            "unmeasured_calls": bill.unmeasured_calls,
            "repairs": bill.repairs,
            "prompt_tokens": bill.paid.prompt_tokens,
            "completion_tokens": bill.paid.completion_tokens,
            "usd": money.llm(bill.paid),
            "models": plain(bill.models),
        },
        "accepted": bill.accepted,
        "validators": {
            "confirmed": bill.confirmed,
            "refused": bill.refused,
            "disputed": bill.disputed,
            "scored_windows": bill.scored,
            "earned": round(bill.earned, 6),
        },
        "chain": {
            "answers": bill.chain_answers,
            "failures": bill.chain_failures,
            "alpha_per_day": _rounded(bill.mean_alpha),
            "tao_per_day": _rounded(bill.mean_tao),
            "usd_per_day": _rounded(money.earned(bill.mean_alpha, bill.mean_tao)),
        },
        "unrecorded": {"calls": bill.untold_calls, **money.of(bill.perhaps)},
        "saved": {
            "starts": bill.starts,
            "searches": bill.saved_searches,
            "analyses": bill.saved_analyses,
            **money.of(bill.saved),
        },
        "gaps": bill.gaps,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)
