"""Several answers to one question: they count when they say the same."""

from __future__ import annotations

import asyncio
import json

import pytest

from actor.analyzer import Analysis, AnalysisError, Analyzer, LLMError, load_registry, make_strategy
from actor.testing.edges import ScriptedLLM
from tests.patience import GIVE_UP_S

HYBRID = make_strategy("hybrid", load_registry())
POST = "Upscaling video on Bittensor with compression is amazing"


def said(sentiment: str, *, functions: tuple[int, ...] = (0, 1)) -> str:
    """An answer of the model."""
    subnet = {"name": "vidaio", "functions": list(functions), "bittensor_terms": ["Bittensor"]}
    return json.dumps({"about_bittensor": True, "sentiment": sentiment, "subnets": [subnet]})


def analyze(llm: ScriptedLLM, votes: int) -> Analysis:
    """One post, with so many votes."""
    analyzer = Analyzer(llm=llm, strategy=HYBRID, model="m", timeout_s=GIVE_UP_S, backoff_s=0.001, votes=votes)
    return asyncio.run(analyzer.analyze(POST))


def test_votes_that_agree_are_one_analysis() -> None:
    """Each vote has its own seed, and all of them are paid for."""
    llm = ScriptedLLM([said("bullish")])
    found = analyze(llm, 3)
    assert (found.sentiment, found.tokens, found.calls, found.prompt_tokens) == (0.5, {"vidaio": 0.7}, 3, 300)
    assert [asked.vote for asked in llm.asked] == [0, 1, 2]


@pytest.mark.parametrize(
    ("second", "words"),
    [(said("neutral"), "sentiment 0.5 and 0"), (said("bullish", functions=(0,)), "relevance of vidaio")],
)
def test_votes_that_differ_are_a_failure(second: str, words: str) -> None:
    """It costs what was asked and says what differs; nothing more is asked (R6)."""
    llm = ScriptedLLM([said("bullish"), second, said("bullish")])
    with pytest.raises(AnalysisError, match=f"vote 2 of 3 contradicts the first: {words}") as caught:
        analyze(llm, 3)
    assert (caught.value.kind, caught.value.calls, caught.value.raw_answer) == ("votes", 2, second)


def test_a_failed_vote_is_a_failure() -> None:
    """There is no majority of answers that were never given."""
    llm = ScriptedLLM([said("bullish"), LLMError("no credit", kind="quota")])
    with pytest.raises(AnalysisError, match="no credit") as caught:
        analyze(llm, 2)
    assert (caught.value.kind, caught.value.failed_calls) == ("quota", 1)


def test_failed_calls_are_counted_beside_those_that_were_paid() -> None:
    """A refusal, an outage and an unusable answer before a good one."""
    llm = ScriptedLLM([LLMError("503", kind="server"), "no JSON", said("bullish")])
    found = analyze(llm, 1)
    assert (found.calls, found.failed_calls) == (2, 2)
