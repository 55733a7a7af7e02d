"""The strategy `matcher`: only names count. The model is asked for the sentiment and has no say in relevance.

The question is the hybrid's without candidates: the same post gets the same sentiment from either strategy, and a
sentiment found without a model would agree with no validator's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actor.analyzer.hybrid import usual_study
from actor.analyzer.mentions import MentionFinder
from actor.analyzer.prompt import PROMPT_VERSION

if TYPE_CHECKING:
    from actor.analyzer.registry import Registry
    from actor.analyzer.strategy import Study

__all__ = ["Matcher"]


class Matcher:
    """Implements `Strategy`."""

    version = PROMPT_VERSION.replace("hybrid", "matcher")

    def __init__(self, registry: Registry) -> None:
        self._mentions = MentionFinder(registry)

    def study(self, text: str) -> Study:
        """Find the names."""
        return usual_study(text, self._mentions.find(text), ())
