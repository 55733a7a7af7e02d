"""Units into money by a price table, and what the budgets in force say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actor.machine import State
from events.catalogue import Spent
from events.prices import Prices, usd

__all__ = ["Budget", "Money", "budgets"]


@dataclass(frozen=True, slots=True)
class Money:
    """What units cost at these prices, in US dollars."""

    prices: Prices

    def x(self, paid: Spent) -> float:
        """Posts and users read at X."""
        return usd(self.prices.x_uusd(paid.posts, paid.users))

    def llm(self, paid: Spent) -> float | None:
        """Tokens; None without prices."""
        money = self.prices.llm_uusd(paid.prompt_tokens, paid.completion_tokens)
        return None if money is None else usd(money)

    def both(self, paid: Spent) -> float:
        """All of it that has a price."""
        return self.x(paid) + (self.llm(paid) or 0.0)

    def of(self, paid: Spent) -> dict[str, Any]:
        """Units and money, by name."""
        units = {name: getattr(paid, name) for name in ("posts", "users", "prompt_tokens", "completion_tokens")}
        return {**units, "x_usd": self.x(paid), "llm_usd": self.llm(paid)}

    def share(self, paid: Spent, parts: float) -> dict[str, Any]:
        """Units and money divided by ``parts``; None where there is nothing to divide or to divide by."""
        whole = self.of(paid)
        return {name: round(n / parts, 6) if parts > 0 and n is not None else None for name, n in whole.items()}


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
