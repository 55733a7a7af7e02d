"""The strategies there are, by the names that ANALYZER and `evaluate --strategy` know them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from actor.analyzer.hybrid import Hybrid
from actor.analyzer.matcher import Matcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from actor.analyzer.registry import Registry
    from actor.analyzer.strategy import Strategy

__all__ = ["StrategyName", "make_strategy"]

StrategyName: TypeAlias = Literal["hybrid", "matcher"]
_MAKERS: Final[dict[StrategyName, Callable[[Registry], Strategy]]] = {"hybrid": Hybrid, "matcher": Matcher}


def make_strategy(name: StrategyName, registry: Registry) -> Strategy:
    """Return the strategy of that name for a registry."""
    return _MAKERS[name](registry)
