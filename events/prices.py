"""What X and the LLM bill, as prices and as exact money. Pure.

Money is whole micro-dollars (``_uusd``), so that sums do not depend on their order; it is rounded once, after counts
were multiplied with prices. Sources of the defaults: docs/operators/costs.md.
"""

from __future__ import annotations

import math
from typing import Final

from events.codec import Value

__all__ = ["PERHAPS_BILLED", "Prices", "Worth", "page_size", "usd", "uusd"]

# How a search, or a later page of it, fails that X may have answered, and so billed, although no answer came through.
PERHAPS_BILLED: Final = frozenset({"timeout", "broken", "malformed", "crash"})
_UUSD: Final = 1_000_000
_SMALLEST_PAGE: Final = 10
_LARGEST_PAGE: Final = 100


class Prices(Value, frozen=True, kw_only=True):
    """A price table, in US dollars; None where nobody said what tokens cost.

    Attributes:
        x_usd_per_post: X_USD_PER_POST.
        x_usd_per_user: X_USD_PER_USER.
        llm_usd_per_million_prompt_tokens: LLM_USD_PER_MILLION_PROMPT_TOKENS.
        llm_usd_per_million_completion_tokens: LLM_USD_PER_MILLION_COMPLETION_TOKENS.
    """

    x_usd_per_post: float = 0.005
    x_usd_per_user: float = 0.010
    llm_usd_per_million_prompt_tokens: float | None = None
    llm_usd_per_million_completion_tokens: float | None = None

    def __post_init__(self) -> None:
        prompt, completion = self.llm_usd_per_million_prompt_tokens, self.llm_usd_per_million_completion_tokens
        if (prompt is None) != (completion is None):
            raise ValueError("tokens have both prices or none")
        if not all(math.isfinite(p) and p >= 0 for p in (self.x_usd_per_post, self.x_usd_per_user, prompt or 0.0)):
            raise ValueError("prices are finite and not negative")
        if not (math.isfinite(completion or 0.0) and (completion or 0.0) >= 0):
            raise ValueError("prices are finite and not negative")

    def x_uusd(self, posts: int, users: int) -> int:
        return uusd(posts * self.x_usd_per_post + users * self.x_usd_per_user)

    def llm_uusd(self, prompt_tokens: int, completion_tokens: int) -> int | None:
        """What so many tokens cost; None without prices."""
        prompt, completion = self.llm_usd_per_million_prompt_tokens, self.llm_usd_per_million_completion_tokens
        if prompt is None or completion is None:
            return None
        return round(prompt_tokens * prompt + completion_tokens * completion)  # dollars a million: µ$ a token


class Worth(Value, frozen=True, kw_only=True):
    """What earned tokens are worth, in US dollars; None where nobody said.

    Attributes:
        tao_usd: TAO_USD. With the pool's price in TAO it gives that of alpha, too.
        alpha_usd: ALPHA_USD, which goes before it.
    """

    tao_usd: float | None = None
    alpha_usd: float | None = None

    def usd(self, alpha: float, tao: float | None) -> float | None:
        """What so much alpha is worth, which the pool takes for so much TAO; None without a price."""
        if self.alpha_usd is not None:
            return alpha * self.alpha_usd
        return None if self.tao_usd is None or tao is None else tao * self.tao_usd


def usd(money_uusd: int) -> float:
    """Micro-dollars as dollars."""
    return money_uusd / _UUSD


def uusd(money_usd: float) -> int:
    """Dollars as micro-dollars."""
    return round(money_usd * _UUSD)


def page_size(wanted: int) -> int:
    """How many posts one request of a search asks X for, and so how many it can bill at most."""
    return max(_SMALLEST_PAGE, min(_LARGEST_PAGE, wanted))
