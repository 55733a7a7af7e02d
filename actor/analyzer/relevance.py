"""The deterministic half of the hybrid: from mentions and an answer to relevance per subnet. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actor.analyzer.answer import Answer, Discussed
    from actor.analyzer.registry import Subnet

__all__ = ["DIRECT", "MAX_SUBNETS", "kept", "relevance"]

MAX_SUBNETS: Final = 10
DIRECT: Final = 1.0
SEVERAL_FUNCTIONS: Final = 0.7
ONE_FUNCTION: Final = 0.4
TERMS_ONLY: Final = 0.2


def relevance(direct: Iterable[Subnet], answer: Answer) -> dict[str, float]:
    """Return relevance above 0 by subnet name, highest first and then by name, at most MAX_SUBNETS."""
    found = {subnet.name: DIRECT for subnet in direct}
    if answer.about_bittensor:
        for name, discussed in answer.discussed.items():
            found.setdefault(name, _indirect(discussed))
    return kept(found)


def kept(found: Mapping[str, float]) -> dict[str, float]:
    """Return what is above 0, highest first and then by name, at most MAX_SUBNETS."""
    above = sorted((item for item in found.items() if item[1] > 0), key=lambda item: (-item[1], item[0]))
    return dict(above[:MAX_SUBNETS])


def _indirect(discussed: Discussed) -> float:
    if discussed.functions > 1:
        return SEVERAL_FUNCTIONS
    if discussed.functions == 1:
        return ONE_FUNCTION
    return TERMS_ONLY if discussed.terms else 0.0
