"""Units into money by a price table, and what the budgets in force say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from events.catalogue import Spent
from events.prices import Prices, Worth, usd

__all__ = ["Money"]

_NOTHING_SAID: Final = Worth()


@dataclass(frozen=True, slots=True)
class Money:
    """What units cost at these prices, in US dollars, and what earned tokens are worth."""

    prices: Prices
    worth: Worth = _NOTHING_SAID

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

    def earned(self, alpha: float | None, tao: float | None) -> float | None:
        """So much alpha, which the pool takes for so much TAO; None without alpha or a price."""
        return None if alpha is None else self.worth.usd(alpha, tao)

    def of(self, paid: Spent) -> dict[str, Any]:
        """Units and money, by name."""
        units = {name: getattr(paid, name) for name in ("posts", "users", "prompt_tokens", "completion_tokens")}
        return {**units, "x_usd": self.x(paid), "llm_usd": self.llm(paid)}

    def share(self, paid: Spent, parts: float) -> dict[str, Any]:
        """Units and money divided by ``parts``; None where there is nothing to divide or to divide by."""
        whole = self.of(paid)
        return {name: round(n / parts, 6) if parts > 0 and n is not None else None for name, n in whole.items()}
