"""What was made of the model's answer: read again as it is recorded, by the rules that it was asked under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, get_args

from actor.machine import norm_text
from audit.rules.recorded import was_kept_whole
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev
from events.describe import printable

if TYPE_CHECKING:
    from actor.analyzer import Judgement, Strategy

__all__ = ["JudgedAsAnswered"]

_LONGEST: Final = 160


class JudgedAsAnswered(Rule):
    """Only where this build knows the rules and the list of subnets under which the model was asked.

    Another build may read an answer otherwise under rules of the same name, so that is worth a note alone.
    """

    name = "answer"
    demands = "tokens and sentiment of an analysis are what its recorded answer says, where this build knows its rules"
    lacks = ""
    events = (ev.PostAnalyzed,)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Read the answer again, with the post that it is about."""
        event, books = entry.event, entry.books
        post = books.pending.get(getattr(event, "post_id", ""))
        if not isinstance(event, ev.PostAnalyzed) or post is None or event.reused_from is not None:
            return
        strategy = _strategies().get((event.prompt_version, books.subnets_sha256))
        if strategy is None or not was_kept_whole(event.raw_answer):
            return
        judged = _judged(strategy, norm_text(post.post.content), event.raw_answer)
        if isinstance(judged, str):
            told = judged
        elif (judged.tokens, judged.sentiment) != (event.tokens, event.sentiment):
            told = _said(judged.tokens, judged.sentiment)
        else:
            return
        yield self.finding(
            entry,
            post.seq,
            found=_said(event.tokens, event.sentiment),
            expected=f"{told}, by the recorded answer",
            kind="finding" if books.build == version("user-miner") else "note",
        )


@cache
def _strategies() -> Mapping[tuple[str, str | None], Strategy]:
    """This build's rules by their version and by the digest of the list of subnets that it comes with."""
    from actor.analyzer import StrategyName, load_registry, make_strategy  # noqa: PLC0415  (not before it is needed)

    registry = load_registry()
    made = [make_strategy(name, registry) for name in get_args(StrategyName)]
    return {(strategy.version, registry.sha256()): strategy for strategy in made}


def _judged(strategy: Strategy, text: str, answer: str) -> Judgement | str:
    """What the answer says of the post; in words why it cannot be used."""
    from actor.analyzer.answer import AnswerError, spoken  # noqa: PLC0415

    try:
        return strategy.study(text).judge(spoken(answer, cut_off=False))
    except AnswerError as error:
        return f"no analysis, for {error}"


def _said(tokens: Mapping[str, float], sentiment: float) -> str:
    return printable(f"sentiment {sentiment:g}, relevance {dict(sorted(tokens.items()))}", _LONGEST)
