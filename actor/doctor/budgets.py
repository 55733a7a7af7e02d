"""Whether the daily budgets pay for the next window. Pure."""

from __future__ import annotations

from typing import Final

from actor.doctor.check import Check, ok, warning
from events.catalogue import Policy, Spent
from events.prices import page_size, usd, uusd

__all__ = ["budget_checks"]

_BLOCKS_A_DAY: Final = 7_200


def budget_checks(policy: Policy, spent: Spent) -> list[Check]:
    """A line for each budget, or what may be spent where there is none; ``spent`` is what today has cost."""
    posts = policy.max_search_pages * page_size(policy.max_submissions_per_window)
    search_uusd = policy.prices.x_uusd(posts, posts)
    if policy.max_x_usd_per_day is None and policy.max_llm_usd_per_day is None:
        a_day = usd(search_uusd) * _BLOCKS_A_DAY / policy.blocks_per_window
        return [ok("budgets", f"none set; X may bill ${usd(search_uusd):.2f} a window, ${a_day:.2f} a day")]
    checks = []
    if policy.max_x_usd_per_day is not None:
        used = policy.prices.x_uusd(spent.posts, spent.users)
        checks.append(_check("MAX_X_USD_PER_DAY", policy.max_x_usd_per_day, used, search_uusd))
    if policy.max_llm_usd_per_day is not None:
        many = policy.max_submissions_per_window
        used = policy.prices.llm_uusd(spent.prompt_tokens, spent.completion_tokens) or 0
        most = policy.prices.llm_uusd(many * spent.largest_prompt, many * spent.largest_completion) or 0
        checks.append(_check("MAX_LLM_USD_PER_DAY", policy.max_llm_usd_per_day, used, most))
    return checks


def _check(name: str, limit_usd: float, used_uusd: int, needed_uusd: int) -> Check:
    told = f"{name} is ${limit_usd:g}, ${usd(used_uusd):.4f} of it is spent today"
    left_uusd = uusd(limit_usd) - used_uusd
    if left_uusd <= 0 or left_uusd < needed_uusd:
        needed = f"a window may cost ${usd(needed_uusd):.4f}, so none is searched before 00:00 UTC"
        return warning("budgets", f"{told}; {needed}", f"wait, or raise {name}")
    windows = f"; the rest pays for {left_uusd // needed_uusd} window(s) at least" if needed_uusd else ""
    return ok("budgets", f"{told}{windows}")
