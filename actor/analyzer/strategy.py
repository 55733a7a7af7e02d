"""What a subnet's rules are to the analyzer: from a post to a question, and from the answer to relevance and sentiment.

A change of rules is one file that implements `Strategy`. A strategy is pure: it asks nobody, keeps nothing of a post
and costs nothing; the exchange with the model, its price and its failures are the analyzer's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from events.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actor.analyzer.registry import Subnet

__all__ = ["Judgement", "Strategy", "Study"]


class Judgement(Value, frozen=True, kw_only=True):
    """What validators compare. Two judgements of one post are equal when validators would take them for the same.

    Attributes:
        tokens: Relevance above 0 by subnet name; at most 10, highest first, then by name.
        sentiment: 1.0, 0.5, 0.0, -0.5 or -1.0.
    """

    tokens: Mapping[str, float]
    sentiment: float


class Study(Value, frozen=True, kw_only=True):
    """What a strategy makes of one post by itself.

    Attributes:
        direct: Subnets that the post names outright.
        candidates: Subnets that the model is asked about; none of them is in `direct`.
        messages: The one question to the model.
        judge: Reads the model's answer; raises `AnswerError` when it cannot be used.
    """

    direct: tuple[Subnet, ...]
    candidates: tuple[Subnet, ...]
    messages: Sequence[Mapping[str, str]]
    judge: Callable[[str], Judgement]


class Strategy(Protocol):
    """The rules by which posts are judged."""

    @property
    def version(self) -> str:
        """Name and version of the rules and of the question, as recorded: different ones do not compare."""
        ...

    def study(self, text: str) -> Study:
        """Look at one post. The text is norm_text()ed."""
        ...
