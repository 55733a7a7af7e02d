"""The comparison with labels: what validators would call the same, and how differences are counted."""

import pytest

from actor.analyzer import Analysis, AnalysisError, Study, load_registry
from actor.analyzer.labelled import LabelledPost
from actor.analyzer.prompt import SENTIMENTS, ask
from actor.analyzer.quality import PostOutcome, matching, modelled
from actor.analyzer.strategy import Judgement

REGISTRY = load_registry()


def _post(*direct: str, sentiment: str = "neutral", **discussed: float) -> LabelledPost:
    return LabelledPost(
        line=1, kind="", text="a post", direct=frozenset(direct), discussed=discussed, sentiment=sentiment
    )


def _study(direct: tuple[str, ...] = (), candidates: tuple[str, ...] = ()) -> Study:
    named, offered = (
        tuple(subnet for subnet in REGISTRY.subnets if subnet.name in names) for names in (direct, candidates)
    )
    judgement = Judgement(tokens={}, sentiment=0.0)
    return Study(
        direct=named,
        candidates=offered,
        question=ask("", ()),
        judge=lambda _answer: judgement,
        schema={},
        answer_tokens=256,
    )


def _analysis(sentiment: str = "neutral", tokens: dict[str, float] | None = None) -> Analysis:
    return Analysis(
        tokens=tokens or {},
        sentiment=SENTIMENTS[sentiment],
        model="m",
        prompt_version="v",
        rung="plain",
        raw_answer="",
        calls=1,
        prompt_tokens=10,
        completion_tokens=2,
    )


def _outcome(post: LabelledPost, found: Analysis | AnalysisError | None, study: Study | None = None) -> PostOutcome:
    return PostOutcome(post=post, study=study or _study(), analysis=found)


def test_mentions_are_counted_by_subnet() -> None:
    """Found, missed and wrong are told apart, and each post that differs is listed once."""
    found = matching(
        [
            _outcome(_post("targon", "chutes"), None, _study(("targon", "hippius"), ("vidaio", "nova"))),
            _outcome(_post("score"), None, _study(("score",))),
            _outcome(_post(vidaio=0.7, bitmind=0.4), None, _study((), ("vidaio",))),
        ]
    )
    assert (found.posts, found.labelled, found.found, found.wrong) == (3, 3, 2, 1)
    assert (found.candidates, found.most_candidates, found.discussed, found.not_offered) == (3, 2, 2, 1)
    assert [(one.what, one.expected, one.found) for one in found.disagreements] == [
        ("direct", "chutes, targon", "hippius, targon"),
        ("offered", "bitmind", "vidaio"),
    ]


@pytest.mark.parametrize(
    ("tokens", "agrees"),
    [
        ({"vidaio": 0.7}, True),
        ({"VIDAIO": 0.7}, True),
        ({"vidaio": 0.75}, True),
        ({"vidaio": 0.65}, True),
        ({"vidaio": 0.7, "nova": 0.04}, True),
        ({"vidaio": 0.7, "nova": 0.05}, True),
        ({"vidaio": 0.7, "nova": 0.2}, False),
        ({"vidaio": 0.76}, False),
        ({"vidaio": 0.4}, False),
        ({}, False),
        ({"nova": 0.7}, False),
    ],
)
def test_relevance_is_compared_as_validators_do(tokens: dict[str, float], agrees: bool) -> None:  # noqa: FBT001
    """Names in lower case, values under 0.05 dropped, ±0.05 for each subnet."""
    found = modelled([_outcome(_post(vidaio=0.7), _analysis(tokens=tokens))])
    assert found is not None
    assert found.relevance == found.both == int(agrees)
    assert len(found.disagreements) == int(not agrees)


def test_sentiment_must_be_the_same_category() -> None:
    """The table of confusion counts labelled against found, and both must agree to pass."""
    posts = [_post(sentiment="bullish"), _post("targon", sentiment="neutral"), _post()]
    found = modelled(
        [
            _outcome(posts[0], _analysis("bearish")),
            _outcome(posts[1], _analysis("neutral")),
            _outcome(posts[2], _analysis("neutral")),
        ]
    )
    assert found is not None
    assert found.confusion == {("bullish", "bearish"): 1, ("neutral", "neutral"): 2}
    assert (found.sentiment, found.relevance, found.both) == (2, 2, 1)
    assert [(one.what, one.expected, one.found) for one in found.disagreements] == [
        ("sentiment", "bullish", "bearish"),
        ("relevance", "targon 1", "targon 0"),
    ]


def test_failures_count_apart_and_cost_as_well() -> None:
    """A failed analysis agrees with nothing, and what it cost is in the sums."""
    error = AnalysisError("no", kind="timeout", model="m", prompt_version="v", calls=3, prompt_tokens=5)
    found = modelled([_outcome(_post(), error), _outcome(_post(), _analysis())])
    assert found is not None
    assert (found.failures, found.ways) == ({"timeout": 1}, {"plain": 1})
    assert (found.posts, found.failed, found.calls, found.prompt_tokens, found.completion_tokens) == (2, 1, 4, 15, 2)
    assert (found.sentiment, found.relevance, found.both) == (1, 1, 1)
    assert [(one.what, one.found) for one in found.disagreements] == [("failed", "timeout: no")]


def test_the_baseline_is_what_agrees_without_the_model() -> None:
    """The most frequent category, and names alone, over all posts that were asked about, failed ones too."""
    error = AnalysisError("no", kind="timeout", model="m", prompt_version="v")
    found = modelled(
        [
            _outcome(_post("targon", sentiment="bullish"), error, _study(("targon",))),
            _outcome(_post(vidaio=0.7, sentiment="bullish"), _analysis(tokens={"vidaio": 0.7})),
            _outcome(_post(), _analysis(tokens={"vidaio": 0.4})),
            _outcome(_post(), None),
        ]
    )
    assert found is not None
    base = found.baseline
    assert (base.category, base.sentiment, base.relevance, base.both) == ("bullish", 2, 2, 1)
    assert (found.gained, found.lost, found.posts, found.not_asked) == (1, 1, 3, 1)


def test_latencies_and_odd_calls_are_told() -> None:
    """The median and the largest, of failed posts too; None where nobody measured any."""
    found = modelled([PostOutcome(post=_post(), study=_study(), analysis=_analysis(), latency_s=s) for s in (3, 1, 9)])
    assert found is not None
    assert (found.median_s, found.largest_s, found.unmeasured_calls, found.repairs) == (3, 9, 0, 0)
    bare = modelled([_outcome(_post(), _analysis())])
    assert bare is not None
    assert (bare.median_s, bare.largest_s) == (None, None)


def test_without_a_model_there_is_no_model_s_quality() -> None:
    """Nothing is made up for what was not asked."""
    assert modelled([_outcome(_post(), None)]) is None
