"""The labelled posts: what must hold on them for every strategy, and what the stand-in model makes of the rest."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from actor.analyzer import load_registry, make_strategy
from actor.analyzer.labelled import load_labelled
from actor.analyzer.quality import matching, modelled
from actor.analyzer.strategies import StrategyName
from actor.compose import Model
from sandbox import Sandbox, SandboxConfig
from tests.docs.kit import ROOT, put_generated
from tests.patience import GIVE_UP_S
from user_miner.commands.evaluate import EvaluationReport, ModelChoice, evaluate_posts

FILE = Path(__file__).parents[1] / "data" / "labelled_posts.jsonl"
REGISTRY = load_registry()
KINDS = {
    "address", "emoji", "general", "handle", "hashtag", "injection", "invisible", "list", "mixed", "name",
    "near miss", "not bittensor", "number", "ordinary word", "other languages", "sarcasm", "shared name", "spam",
    "tau", "terms", "ticker", "topic",
}  # fmt: skip


def test_the_set_is_large_and_varied() -> None:
    """At least 200 posts, none twice, at least five of each kind, every sentiment among them."""
    posts = load_labelled(FILE, REGISTRY)
    kinds = Counter(post.kind for post in posts)
    assert len(posts) == len({post.text for post in posts}) >= 200
    assert set(kinds) == KINDS
    assert min(kinds.values()) >= 5
    assert len({post.sentiment for post in posts}) == 5
    assert sum(len(post.direct) > 1 for post in posts) >= 30
    assert sum(not post.direct and not post.discussed for post in posts) >= 100


@pytest.mark.parametrize("name", ["hybrid", "matcher"])
def test_mentions_are_exact(name: StrategyName) -> None:
    """No direct mention of the set is missed and none is invented, by either strategy."""
    found = matching(evaluate_posts(FILE, REGISTRY, make_strategy(name, REGISTRY), None))
    assert [one for one in found.disagreements if one.what == "direct"] == []
    assert (found.found, found.wrong) == (found.labelled, 0)


def test_candidates_are_few_and_the_right_ones() -> None:
    """At most 8 a post on average, and every subnet that a post speaks of is offered to the model."""
    found = matching(evaluate_posts(FILE, REGISTRY, make_strategy("hybrid", REGISTRY), None))
    assert found.candidates / found.posts <= 8
    assert (found.most_candidates <= 8, found.not_offered) == (True, 0)


@pytest.mark.parametrize("name", ["hybrid", "matcher"])
def test_a_post_costs_one_call(name: StrategyName) -> None:
    """Over real HTTP: one request for each post and never two; the docs tell how far the stand-in agrees."""
    with Sandbox(SandboxConfig(corpus_size=1)) as box:
        model = Model(base_url=box.llm_base, api_key=box.llm_key, name=box.config.model, timeout_s=GIVE_UP_S)
        rules = make_strategy(name, REGISTRY)
        outcomes = evaluate_posts(FILE, REGISTRY, rules, ModelChoice(model=model, concurrency=5))
        assert box.ledger.llm.calls == len(outcomes)
    assert max(outcome.analysis.calls for outcome in outcomes if outcome.analysis is not None) == 1
    found = modelled([replace(outcome, latency_s=None) for outcome in outcomes])  # which is another one each time
    assert found is not None
    assert (found.posts, found.failed, found.calls) == (len(outcomes), 0, len(outcomes))
    report = EvaluationReport(
        file="tests/data/labelled_posts.jsonl",
        rules=rules.version,
        as_of=REGISTRY.as_of.isoformat(),
        matching=matching(outcomes),
        model="the sandbox's stand-in, which counts words: its agreement says nothing about a real model",
        modelled=found,
    )
    told = "\n".join(report.lines()).partition("\n\ndisagreements")[0]
    wanted = f"\n```text\n{told}\n```\n\n"
    assert put_generated(ROOT / "docs" / "developers" / "analyzer.md", name, wanted) == wanted
