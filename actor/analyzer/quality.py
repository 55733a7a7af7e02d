"""How well analyses agree with labels, compared as validators compare: one report for any strategy and any model.

Beside it stands what would agree without any model: names alone, and always the same category.

Pure: it is handed what was found and asks nobody.
"""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from operator import and_, gt
from typing import TYPE_CHECKING, Final

from actor.analyzer.analysis import Analysis, AnalysisError
from actor.analyzer.prompt import SENTIMENTS
from actor.analyzer.strategies import DIRECT, kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actor.analyzer.labelled import LabelledPost
    from actor.analyzer.strategy import Study

__all__ = [
    "TOLERANCE",
    "Baseline",
    "Disagreement",
    "MatchingQuality",
    "ModelQuality",
    "PostOutcome",
    "matching",
    "modelled",
]

TOLERANCE: Final = 0.05
_CATEGORIES: Final = {value: name for name, value in SENTIMENTS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostOutcome:
    """What became of one labelled post.

    Attributes:
        post: The post.
        study: What is known of it without a model.
        analysis: None when no model was asked.
        latency_s: How long the analysis took, repetitions and waits included; None when nobody measured it.
    """

    post: LabelledPost
    study: Study
    analysis: Analysis | AnalysisError | None
    latency_s: float | None = None


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
class Baseline:
    """What agrees without any model, of the posts that it was asked about.

    Attributes:
        category: The most frequent labelled category.
        sentiment: Posts in it.
        relevance: Posts with every subnet within TOLERANCE where only names count.
        both: Posts of both kinds.
    """

    category: str
    sentiment: int
    relevance: int
    both: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuality:
    """What the model's answers made of it. A failed post agrees with nothing.

    Attributes:
        posts: Asked about.
        not_asked: Posts that were left out after a failure that concerns all of them.
        failures: Posts without a usable answer, by the kind of failure.
        ways: Posts with one, by how the server was asked.
        calls: Requests paid for, or possibly paid for.
        unmeasured_calls: Of these, without a count of tokens.
        repairs: Of the calls, those that asked again because an answer could not be used.
        prompt_tokens: Summed.
        completion_tokens: Summed.
        confusion: Posts by (labelled category, category found), failed ones left out.
        sentiment: Posts in the labelled category.
        relevance: Posts with every subnet within TOLERANCE.
        both: Posts that a validator who agrees with the labels would pass.
        gained: Answered posts with agreement on every subnet that names alone do not have.
        lost: Answered posts without it that names alone do have.
        baseline: What would agree without the model.
        median_s: The median of the posts' latencies; None when nobody measured them.
        largest_s: The largest of them.
        disagreements: Each post's differences.
    """

    posts: int
    not_asked: int
    failures: Mapping[str, int]
    ways: Mapping[str, int]
    calls: int
    unmeasured_calls: int
    repairs: int
    prompt_tokens: int
    completion_tokens: int
    confusion: Mapping[tuple[str, str], int]
    sentiment: int
    relevance: int
    both: int
    gained: int
    lost: int
    baseline: Baseline
    median_s: float | None
    largest_s: float | None
    disagreements: tuple[Disagreement, ...]

    @property
    def failed(self) -> int:
        """Posts without a usable answer."""
        return sum(self.failures.values())


def matching(outcomes: Sequence[PostOutcome]) -> MatchingQuality:
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


def modelled(outcomes: Sequence[PostOutcome]) -> ModelQuality | None:
    """Compare analyses with the labels; None when no model was asked."""
    asked = [outcome for outcome in outcomes if outcome.analysis is not None]
    if not asked:
        return None
    results = [outcome.analysis for outcome in asked if outcome.analysis is not None]
    answered = [(one, one.analysis) for one in asked if isinstance(one.analysis, Analysis)]
    same_sentiment = [_CATEGORIES[found.sentiment] == one.post.sentiment for one, found in answered]
    same_relevance = [not _apart(one.post.tokens, found.tokens) for one, found in answered]
    same_names = [_names_agree(one) for one, _ in answered]
    latencies = [one.latency_s for one in asked if one.latency_s is not None]
    return ModelQuality(
        posts=len(asked),
        not_asked=len(outcomes) - len(asked),
        failures=Counter(found.kind for found in results if isinstance(found, AnalysisError)),
        ways=Counter(found.way for _, found in answered),
        calls=sum(found.calls for found in results),
        unmeasured_calls=sum(found.unmeasured_calls for found in results),
        repairs=sum(found.repairs for found in results),
        prompt_tokens=sum(found.prompt_tokens for found in results),
        completion_tokens=sum(found.completion_tokens for found in results),
        confusion=Counter((one.post.sentiment, _CATEGORIES[found.sentiment]) for one, found in answered),
        sentiment=sum(same_sentiment),
        relevance=sum(same_relevance),
        both=sum(map(and_, same_sentiment, same_relevance)),
        gained=sum(map(gt, same_relevance, same_names)),
        lost=sum(map(gt, same_names, same_relevance)),
        baseline=_baseline(asked),
        median_s=statistics.median(latencies) if latencies else None,
        largest_s=max(latencies, default=None),
        disagreements=tuple(one for outcome in asked for one in _model_differences(outcome.post, outcome.analysis)),
    )


def _baseline(asked: Sequence[PostOutcome]) -> Baseline:
    ((category, sentiment),) = Counter(one.post.sentiment for one in asked).most_common(1)
    agree = [_names_agree(one) for one in asked]
    both = sum(agrees and one.post.sentiment == category for one, agrees in zip(asked, agree, strict=True))
    return Baseline(category=category, sentiment=sentiment, relevance=sum(agree), both=both)


def _names_agree(outcome: PostOutcome) -> bool:
    return not _apart(outcome.post.tokens, kept({subnet.name: DIRECT for subnet in outcome.study.direct}))


def _matching_differences(outcome: PostOutcome) -> Iterator[Disagreement]:
    post, found = outcome.post, {subnet.name for subnet in outcome.study.direct}
    if found != post.direct:
        yield Disagreement(post=post, what="direct", expected=_names(post.direct), found=_names(found))
    if missing := _not_offered(outcome):
        offered = {subnet.name for subnet in outcome.study.candidates}
        yield Disagreement(post=post, what="offered", expected=_names(missing), found=_names(offered))


def _not_offered(outcome: PostOutcome) -> set[str]:
    known = {subnet.name for subnet in (*outcome.study.direct, *outcome.study.candidates)}
    return set(outcome.post.discussed) - known


def _model_differences(post: LabelledPost, found: Analysis | AnalysisError | None) -> Iterator[Disagreement]:
    if isinstance(found, AnalysisError):
        yield Disagreement(post=post, what="failed", expected="an answer", found=f"{found.kind}: {found.reason}")
    if not isinstance(found, Analysis):
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
