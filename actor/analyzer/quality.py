"""How well analyses agree with labels, compared as validators compare: one report for any strategy and any model.

Pure: it is handed what was found and asks nobody.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actor.analyzer.analysis import Analysis, AnalysisError
from actor.analyzer.prompt import SENTIMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actor.analyzer.labelled import LabelledPost
    from actor.analyzer.strategy import Study

__all__ = ["TOLERANCE", "Disagreement", "MatchingQuality", "ModelQuality", "Outcome", "matching", "modelled"]

TOLERANCE: Final = 0.05
_CATEGORIES: Final = {value: name for name, value in SENTIMENTS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one labelled post; `analysis` is None when no model was asked."""

    post: LabelledPost
    study: Study
    analysis: Analysis | AnalysisError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One difference between a label and what was found.

    Attributes:
        post: The labelled post.
        what: "direct", "offered", "relevance", "sentiment" or "failed".
        expected: The label, in words.
        found: What was found, in words.
    """

    post: LabelledPost
    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingQuality:
    """The part that no model has a say in.

    Attributes:
        posts: How many.
        labelled: Direct mentions by the labels.
        found: Of these, found.
        wrong: Found where the label has none.
        candidates: Offered to the model, over all posts.
        most_candidates: Offered for one post.
        discussed: Subnets that the labels say are spoken of without being named.
        not_offered: Of these, neither offered nor taken for named.
        disagreements: Each mention that differs, and each post whose subnets were not offered.
    """

    posts: int
    labelled: int
    found: int
    wrong: int
    candidates: int
    most_candidates: int
    discussed: int
    not_offered: int
    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuality:
    """What the model's answers made of it.

    Attributes:
        posts: Asked about.
        failed: Of these, without a usable answer.
        calls: Requests paid for, or possibly paid for.
        prompt_tokens: Summed.
        completion_tokens: Summed.
        confusion: Posts by (labelled category, category found), failed ones left out.
        sentiment: Posts in the labelled category.
        relevance: Posts with every subnet within TOLERANCE.
        both: Posts that a validator who agrees with the labels would pass.
        disagreements: Each post's differences.
    """

    posts: int
    failed: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    confusion: Mapping[tuple[str, str], int]
    sentiment: int
    relevance: int
    both: int
    disagreements: tuple[Disagreement, ...]


def matching(outcomes: Sequence[Outcome]) -> MatchingQuality:
    """Compare names and candidates with the labels."""
    named = [frozenset(subnet.name for subnet in outcome.study.direct) for outcome in outcomes]
    offered = [len(outcome.study.candidates) for outcome in outcomes]
    labelled = [outcome.post.direct for outcome in outcomes]
    disagreements = tuple(one for outcome in outcomes for one in _matching_differences(outcome))
    return MatchingQuality(
        posts=len(outcomes),
        labelled=sum(map(len, labelled)),
        found=sum(len(names & label) for names, label in zip(named, labelled, strict=True)),
        wrong=sum(len(names - label) for names, label in zip(named, labelled, strict=True)),
        candidates=sum(offered),
        most_candidates=max(offered, default=0),
        discussed=sum(len(outcome.post.discussed) for outcome in outcomes),
        not_offered=sum(len(_not_offered(outcome)) for outcome in outcomes),
        disagreements=disagreements,
    )


def modelled(outcomes: Sequence[Outcome]) -> ModelQuality | None:
    """Compare analyses with the labels; None when no model was asked."""
    asked = [(outcome.post, outcome.analysis) for outcome in outcomes if outcome.analysis is not None]
    if not asked:
        return None
    answered = [(post, found) for post, found in asked if isinstance(found, Analysis)]
    same_sentiment = [_CATEGORIES[found.sentiment] == post.sentiment for post, found in answered]
    same_relevance = [not _apart(post.tokens, found.tokens) for post, found in answered]
    return ModelQuality(
        posts=len(asked),
        failed=len(asked) - len(answered),
        calls=sum(found.calls for _, found in asked),
        prompt_tokens=sum(found.prompt_tokens for _, found in asked),
        completion_tokens=sum(found.completion_tokens for _, found in asked),
        confusion=Counter((post.sentiment, _CATEGORIES[found.sentiment]) for post, found in answered),
        sentiment=sum(same_sentiment),
        relevance=sum(same_relevance),
        both=sum(one and other for one, other in zip(same_sentiment, same_relevance, strict=True)),
        disagreements=tuple(one for post, found in asked for one in _model_differences(post, found)),
    )


def _matching_differences(outcome: Outcome) -> Iterator[Disagreement]:
    post, found = outcome.post, {subnet.name for subnet in outcome.study.direct}
    if found != post.direct:
        yield Disagreement(post=post, what="direct", expected=_names(post.direct), found=_names(found))
    if missing := _not_offered(outcome):
        offered = {subnet.name for subnet in outcome.study.candidates}
        yield Disagreement(post=post, what="offered", expected=_names(missing), found=_names(offered))


def _not_offered(outcome: Outcome) -> set[str]:
    known = {subnet.name for subnet in (*outcome.study.direct, *outcome.study.candidates)}
    return set(outcome.post.discussed) - known


def _model_differences(post: LabelledPost, found: Analysis | AnalysisError) -> Iterator[Disagreement]:
    if isinstance(found, AnalysisError):
        yield Disagreement(post=post, what="failed", expected="an answer", found=f"{found.kind}: {found.reason}")
        return
    apart = _apart(post.tokens, found.tokens)
    if apart:
        expected, got = (_shares(tokens, apart) for tokens in (post.tokens, found.tokens))
        yield Disagreement(post=post, what="relevance", expected=expected, found=got)
    if _CATEGORIES[found.sentiment] != post.sentiment:
        category = _CATEGORIES[found.sentiment]
        yield Disagreement(post=post, what="sentiment", expected=post.sentiment, found=category)


def _apart(expected: Mapping[str, float], found: Mapping[str, float]) -> list[str]:
    """Return the names about which a validator would not agree: lower case, values under 0.05 dropped, ±0.05."""
    one, other = (
        {name.lower(): value for name, value in tokens.items() if value >= TOLERANCE} for tokens in (expected, found)
    )
    close = TOLERANCE + 1e-9  # 0.45 - 0.4 is a little more than 0.05 in floating point
    return sorted(name for name in one.keys() | other.keys() if abs(one.get(name, 0) - other.get(name, 0)) > close)


def _names(names: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _shares(tokens: Mapping[str, float], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {tokens.get(name, 0):g}" for name in names)
