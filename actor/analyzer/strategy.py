"""What a subnet's rules are to the analyzer: from a post to a question, and from the answer to relevance and sentiment.

A change of rules is one file that implements `Strategy`. A strategy is pure: it asks nobody, keeps nothing of a post
and costs nothing; the exchange with the model, its price and its failures are the analyzer's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from events.codec import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actor.analyzer.prompt import ShownPost
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
        question: The one question to the model.
        judge: Reads what the model said after its thoughts; raises `AnswerError` when it cannot be used.
        schema: The JSON schema of an answer, as closed as this post allows.
        answer_tokens: What an answer takes at most.
        shorter: The question with less of the post, for a model that cannot read as much; None when there is no less.
    """

    direct: tuple[Subnet, ...]
    candidates: tuple[Subnet, ...]
    question: ShownPost
    judge: Callable[[str], Judgement]
    schema: Mapping[str, Any]
    answer_tokens: int
    shorter: ShownPost | None = None


class Strategy(Protocol):
    """The rules by which posts are judged."""

    @property
    def version(self) -> str:
        """Name and version of the rules and of the question, as recorded: different ones do not compare."""
        ...

    def study(self, text: str) -> Study:
        """Look at one post. The text is norm_text()ed."""
        ...
