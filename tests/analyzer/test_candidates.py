"""Candidates: which questions the model is asked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import load_registry
from actor.analyzer.candidates import MAX_CANDIDATES, CandidateFinder
from actor.analyzer.mentions import MentionFinder

REGISTRY = load_registry()
MENTIONS = MentionFinder(REGISTRY)
FINDER = CandidateFinder(REGISTRY)


def _names(text: str) -> list[str]:
    return [subnet.name for subnet in FINDER.find(MENTIONS.find(text))]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("deepfake detection on bittensor works", "bitmind"),
        ("upscaling old video with TAO", "vidaio"),
        ("a VPN paid in TAO", "tao_private_network"),
        ("weather forecasts by miners", "gaia"),
        ("fold proteins for drug discovery", "mainframe"),
        ("bittensor is the brain of AI", "brain"),
        ("serverless inference of open models", "chutes"),
        ("coding agents that fix bugs", "ridges"),
        ("football player tracking in video", "score"),
    ],
)
def test_topics_bring_candidates(text: str, name: str) -> None:
    """A subnet whose functions the post speaks of is among the candidates."""
    assert name in _names(text)


@pytest.mark.parametrize("text", ["", "gm", "TAO to the moon", "Bittensor miners and validators love subnets"])
def test_general_talk_brings_none(text: str) -> None:
    """A post without a topic offers nothing to the model."""
    assert _names(text) == []


def test_a_mentioned_subnet_is_no_candidate() -> None:
    """What is settled is not asked."""
    assert "vidaio" not in _names("vidaio does video upscaling and compression")


def test_words_of_every_subnet_at_once_stay_bounded() -> None:
    """However much a post says, at most MAX_CANDIDATES are offered."""
    everything = " ".join(function for subnet in REGISTRY.subnets for function in subnet.functions)
    assert len(_names(everything)) == MAX_CANDIDATES


@settings(derandomize=True)
@given(st.lists(st.sampled_from([f for s in REGISTRY.subnets for f in s.functions]), max_size=30))
def test_candidates_are_bounded_and_the_same_each_time(functions: list[str]) -> None:
    """At most MAX_CANDIDATES, without repetition, equal for a finder built anew."""
    text = " ".join(functions)
    names = _names(text)
    assert len(names) == len(set(names)) <= MAX_CANDIDATES
    again = CandidateFinder(REGISTRY).find(MENTIONS.find(text))
    assert [subnet.name for subnet in again] == names


def test_a_function_in_its_own_words_offers_its_subnet() -> None:
    """Nearly every function that a post speaks of word by word brings its subnet, by name or as candidate."""
    missed = []
    for subnet in REGISTRY.subnets:
        for function in subnet.functions:
            text = f"On Bittensor you now get {function}"
            direct = [found.name for found in MENTIONS.find(text).direct]
            if subnet.name not in [*direct, *_names(text)]:
                missed.append(function)
    assert len(missed) <= 3
