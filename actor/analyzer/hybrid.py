"""The strategy `hybrid`: names decide at once, topics are put to the model, a fixed table scores its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actor.analyzer.answer import read_answer
from actor.analyzer.candidates import CandidateFinder
from actor.analyzer.mentions import MentionFinder
from actor.analyzer.prompt import PROMPT_VERSION, answer_schema, answer_tokens, ask, ask_shorter
from actor.analyzer.relevance import relevance
from actor.analyzer.strategy import Judgement, Study

if TYPE_CHECKING:
    from actor.analyzer.mentions import Mentions
    from actor.analyzer.registry import Registry, Subnet

__all__ = ["Hybrid", "usual_study"]


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
