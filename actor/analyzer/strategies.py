"""The strategies there are, by the names that ANALYZER and `evaluate --strategy` know them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from actor.analyzer.answer import read_answer
from actor.analyzer.candidates import CandidateFinder
from actor.analyzer.mentions import MentionFinder
from actor.analyzer.prompt import PROMPT_VERSION, answer_schema, answer_tokens, ask, ask_shorter
from actor.analyzer.strategy import Judgement, Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from actor.analyzer.answer import Discussed, ModelAnswer
    from actor.analyzer.mentions import Mentions
    from actor.analyzer.registry import Registry, Subnet
    from actor.analyzer.strategy import Strategy, Study

__all__ = [
    "DIRECT",
    "MAX_SUBNETS",
    "Hybrid",
    "Matcher",
    "StrategyName",
    "kept",
    "make_strategy",
    "relevance",
    "usual_study",
]

# The deterministic half of the hybrid: from mentions and an answer to relevance per subnet. Pure.

MAX_SUBNETS: Final = 10
DIRECT: Final = 1.0
SEVERAL_FUNCTIONS: Final = 0.7
ONE_FUNCTION: Final = 0.4
TERMS_ONLY: Final = 0.2


def relevance(direct: Iterable[Subnet], answer: ModelAnswer) -> dict[str, float]:
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


# The strategy `hybrid`: names decide at once, topics are put to the model, a fixed table scores its answer.


class Hybrid:
    """Implements `Strategy`."""

    version = PROMPT_VERSION

    def __init__(self, registry: Registry) -> None:
        self._mentions = MentionFinder(registry)
        self._candidates = CandidateFinder(registry)

    def study(self, text: str) -> Study:
        """Find the names, and a few subnets whose work the post may speak of."""
        mentions = self._mentions.find(text)
        return usual_study(text, mentions, self._candidates.find(mentions))


def usual_study(text: str, mentions: Mentions, candidates: tuple[Subnet, ...]) -> Study:
    """Return the study that asks the usual question about these candidates and scores the answer by the usual table."""

    def judge(answer: str) -> Judgement:
        read = read_answer(answer, candidates, text)
        return Judgement(tokens=relevance(mentions.direct, read), sentiment=read.sentiment)

    return Study(
        direct=mentions.direct,
        candidates=candidates,
        question=ask(text, candidates),
        judge=judge,
        schema=answer_schema(candidates),
        answer_tokens=answer_tokens(candidates),
        shorter=ask_shorter(text, candidates),
    )


# The strategy `matcher`: only names count. The model is asked for the sentiment and has no say in relevance.
#
# The question is the hybrid's without candidates: the same post gets the same sentiment from either strategy, and a
# sentiment found without a model would agree with no validator's.


class Matcher:
    """Implements `Strategy`."""

    version = PROMPT_VERSION.replace("hybrid", "matcher")

    def __init__(self, registry: Registry) -> None:
        self._mentions = MentionFinder(registry)

    def study(self, text: str) -> Study:
        """Find the names."""
        return usual_study(text, self._mentions.find(text), ())


StrategyName: TypeAlias = Literal["hybrid", "matcher"]
_MAKERS: Final[dict[StrategyName, Callable[[Registry], Strategy]]] = {"hybrid": Hybrid, "matcher": Matcher}


def make_strategy(name: StrategyName, registry: Registry) -> Strategy:
    """Return the strategy of that name for a registry."""
    return _MAKERS[name](registry)
