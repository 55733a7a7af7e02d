"""Every kind of server, in every condition, over real HTTP: the right category, or a failure that names the fix."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from actor.analyzer import Analysis, AnalysisError, Analyzer, load_registry, make_strategy
from actor.edges.llm import OpenAIChat
from sandbox import PERSONALITIES, Sandbox, SandboxConfig
from sandbox.services.ledger import Exchange

# Posts with and without candidates, of every category; the stand-in counts words, and so knows them all.
POSTS = {
    "SN4 and video upscaling on Bittensor, good work": 0.5,
    "Bittensor is great, a huge milestone": 1.0,
    "A bug in the subnet": -0.5,
    "The scam of a broken subnet, terrible": -1.0,
    "The subnet has 256 miners": 0.0,
}
CURED = (
    "good",
    "thinking",
    "long_thinking",
    "truncated",
    "null_content",
    "refused_format",
    "refused_parameter",
    "context",
)
# What each has to say to whoever mends it, and the kind on record.
FAILED = {
    "429": ("rate_limit", "HTTP 429"),
    "error_in_200": ("rate_limit", "means 429"),
    "402": ("quota", "top up the account"),
    "401": ("auth", "check API_KEY"),
    "404": ("model", "check MODEL"),
    "refusal": ("declined", "another MODEL may answer"),
}
# Asked for again and again as long as it may pass; each of the others once a post.
REPEATED = frozenset({"429", "error_in_200"})


def _texts(condition: str) -> dict[str, float]:
    filler = " x" * 3_900 if condition == "context" else ""
    return {f"{text}{filler}": sentiment for text, sentiment in POSTS.items()}


def _analyze(box: Sandbox, texts: list[str]) -> tuple[list[Analysis | AnalysisError], list[list[Exchange]]]:
    """What became of each post, one after the other, and the requests that each took."""
    found: list[Analysis | AnalysisError] = []
    took: list[list[Exchange]] = []

    async def analyze() -> None:
        llm = OpenAIChat(base_url=box.llm_base, api_key=box.llm_key, timeout_s=20)
        strategy = make_strategy("hybrid", load_registry())
        analyzer = Analyzer(
            llm=llm, strategy=strategy, model=box.config.model, timeout_s=60, server="s", backoff_s=0.001
        )
        for text in texts:
            before = len(box.ledger.llm.exchanges())
            try:
                found.append(await analyzer.analyze(text))
            except AnalysisError as error:
                found.append(error)
            took.append(box.ledger.llm.exchanges()[before:])
        await analyzer.aclose()

    asyncio.run(analyze())
    return found, took


@pytest.mark.parametrize("condition", CURED)
@pytest.mark.parametrize("name", PERSONALITIES)
def test_the_right_category_in_few_calls(name: str, condition: str) -> None:
    """At most three paid calls for the first post and one for each later one, whatever the server takes."""
    with Sandbox(SandboxConfig(llm_like=name, corpus_size=1)) as box:
        lasting = condition not in {"truncated", "null_content"}
        if condition != "good":
            box.script("llm.chat", condition, times=99 if lasting else 1)
        texts = _texts(condition)
        found, took = _analyze(box, list(texts))
        billed = box.ledger.llm.calls
    assert all(isinstance(one, Analysis) for one in found), [str(one) for one in found]
    assert [one.sentiment for one in found if isinstance(one, Analysis)] == list(texts.values())
    assert found[0].calls <= 3
    assert [one.calls for one in found[1:]] == [1] * (len(found) - 1)
    assert sum(one.calls for one in found) == billed
    assert sum(one.unmeasured_calls for one in found) == 0
    _are_few(condition, took)
    if condition == "context":
        assert all(one.shown_chars for one in found)


def _are_few(condition: str, took: list[list[Exchange]]) -> None:
    """The first post may find out; what later ones are refused is new to the server, or too long for it."""
    assert len(took[0]) <= 6
    refusals = 1 if condition == "context" else 0
    assert [len(requests) for requests in took[1:]] == [1 + refusals] * (len(took) - 1)


@pytest.mark.parametrize("condition", FAILED)
@pytest.mark.parametrize("name", PERSONALITIES)
def test_a_failure_names_the_fix(name: str, condition: str) -> None:
    """Never a category by accident, nothing that cannot help is asked twice, and the server's words are kept."""
    kind, fix = FAILED[condition]
    with Sandbox(SandboxConfig(llm_like=name, corpus_size=1)) as box:
        box.script("llm.chat", condition, times=99, retry_after=0)
        found, took = _analyze(box, list(POSTS)[:2])
    if condition == "404" and "404" not in PERSONALITIES[name].refusals:
        assert all(isinstance(one, Analysis) for one in found)  # it serves any name
        return
    for one in found:
        assert isinstance(one, AnalysisError)
        assert (one.kind, fix in one.reason) == (kind, True), one.reason
        assert (one.calls, one.raw_answer) == (1 if condition == "refusal" else 0, "")
    refusals = 3 if condition in {"refusal", "error_in_200"} else 0  # before the server comes to the question itself
    assert all(len(requests) <= (3 if condition in REPEATED else 1) + refusals for requests in took)
    told = PERSONALITIES[name].refusals.get(condition)
    if told is not None and "{" not in told.message:
        assert told.message[:60] in found[0].reason  # type: ignore[union-attr]


def test_every_kind_of_server_says_what_it_is() -> None:
    """At least twelve, each with a line for people and its own words for what goes wrong."""
    assert len(PERSONALITIES) >= 12
    for like in PERSONALITIES.values():
        assert re.fullmatch(r"[^\n]{10,120}", like.about)
        assert like.refusals.keys() >= {"401", "402", "429", "format", "parameter", "context"}
    assert len({json.dumps([one.message for one in like.refusals.values()]) for like in PERSONALITIES.values()}) >= 12
