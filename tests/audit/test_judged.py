"""The recorded answers of the model and of the API, read again: what was made of them cannot be told otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from actor.analyzer import load_registry, make_strategy
from actor.machine.scoring import content_sha256, norm_text
from audit.rules import Finding
from events import catalogue as ev
from tests.audit.broken import Line, Story, index, lines_of, rehashed
from tests.audit.test_rules import audited
from tests.kit import accepted, analyzed, post

REGISTRY = load_registry()
HYBRID = make_strategy("hybrid", REGISTRY)
TEXTS = (
    "SN45 and subnet 4 are doing fine today",
    "Bittensor miners sell decentralized inference of open models now",
    "nothing but the weather, and it is awful",
)
FEELINGS = ("very_bullish", "bullish", "neutral", "bearish", "very_bearish")
SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda answer: answer,
    lambda answer: f"<think>SN1, or neutral?</think>\n```json\n{answer}\n```",
)


def answer_of(text: str, feeling: str, *, is_about: bool) -> str:
    """An answer that says of every candidate that its first function is discussed."""
    named = [{"name": s.name, "functions": [0], "bittensor_terms": []} for s in HYBRID.study(text).candidates]
    return json.dumps({"about_bittensor": is_about, "sentiment": feeling, "subnets": named})


def history(text: str, answer: str, *, subnets_sha256: str | None = None) -> list[Line]:
    """A post that was searched, analyzed with this answer, and sent."""
    story = Story()
    story.start(subnets_sha256=subnets_sha256 or REGISTRY.sha256()).window(70)
    chosen = post(1, content=text, timestamp=story.at_ms // 1000 - 3_600)
    story.search(1)
    lines = lines_of(story)
    lines[-1].change(posts=(chosen,))
    story = Story()
    for line in lines:
        story.on(line.event, after_s=(line.at_ms - story.at_ms) / 1000)
    judged = HYBRID.study(norm_text(text)).judge(answer.rpartition("</think>")[2])
    story.on(
        analyzed(
            "1",
            tokens=judged.tokens,
            sentiment=judged.sentiment,
            raw_answer=answer,
            prompt_version=HYBRID.version,
            content_sha256=content_sha256(norm_text(text)),
        ),
        after_s=0.7,
    )
    story.answered(accepted, "new", 7_000).sign()
    return lines_of(story)


def told(lines: list[Line], rule: str) -> list[Finding]:
    return [finding for finding in audited(rehashed(lines)).findings if finding.rule == rule]


@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize("feeling", FEELINGS)
@pytest.mark.parametrize("text", TEXTS)
def test_an_answer_that_was_rewritten_is_found(text: str, feeling: str, spelled: Callable[[str], str]) -> None:
    """Any other category, another relevance, no answer at all; and not the one that came."""
    lines = history(text, spelled(answer_of(text, feeling, is_about=True)))
    assert audited(rehashed(lines)).findings == ()
    place = index(lines, ev.PostAnalyzed)
    for other in FEELINGS:
        lines[place].change(raw_answer=answer_of(text, other, is_about=True))
        assert len(told(lines, "answer")) == (other != feeling)
    lines[place].change(raw_answer="I cannot say.")
    (finding,) = told(lines, "answer")
    assert finding.expected.startswith("no analysis, for ")
    if HYBRID.study(text).candidates:
        lines[place].change(raw_answer=answer_of(text, feeling, is_about=False))
        assert len(told(lines, "answer")) == 1


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"prompt_version": "hybrid-2"}, {}),
        ({}, {"subnets_sha256": "0" * 64}),
        ({}, {"subnets_sha256": None}),
        ({"raw_answer": "x" * 4_000}, {}),
        ({"raw_answer": "[redacted]"}, {}),
    ],
)
def test_what_cannot_be_read_again_is_not_judged(changes: dict[str, Any], start: dict[str, Any]) -> None:
    """Other rules, another list of subnets, an answer that was cut or redacted."""
    lines = history(TEXTS[0], answer_of(TEXTS[0], "bearish", is_about=True))
    lines[index(lines, ev.ActorStarted)].change(**start)
    lines[index(lines, ev.PostAnalyzed)].change(**{"raw_answer": "{}", **changes})
    assert told(lines, "answer") == []


def test_what_another_build_read_otherwise_is_a_note() -> None:
    """Its reader may have been another under rules of the same name."""
    lines = history(TEXTS[0], answer_of(TEXTS[0], "bearish", is_about=True))
    lines[index(lines, ev.ActorStarted)].change(build="0.0.9")
    lines[index(lines, ev.PostAnalyzed)].change(raw_answer=answer_of(TEXTS[0], "bullish", is_about=True))
    assert [finding.kind for finding in told(lines, "answer")] == ["note"]


@pytest.mark.parametrize("answer", ["", "{}", "[]", "all good", '{"state": "new"}', '{"status": "ok"}'])
def test_an_acceptance_needs_an_answer_that_says_so(answer: str) -> None:
    """R10: nothing, no JSON, no status, another status."""
    lines = history(TEXTS[1], answer_of(TEXTS[1], "neutral", is_about=True))
    lines[index(lines, ev.SubmissionAccepted)].change(answer=answer)
    assert told(lines, "R10")


@pytest.mark.parametrize("answer", ['{"status": "new"}', '{"status": "new", "blocks_per_window": 100}'])
def test_a_window_comes_from_the_answer(answer: str) -> None:
    """R11: an answer that names no block counts a post nowhere."""
    lines = history(TEXTS[1], answer_of(TEXTS[1], "neutral", is_about=True))
    lines[index(lines, ev.SubmissionAccepted)].change(answer=answer)
    assert [finding.found for finding in told(lines, "R11")] == ["counted in the window from block 7000"]
