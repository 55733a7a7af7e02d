"""The score of a post (rulings 4 and 5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.machine.scoring import recency, relevance, score_post_entry, value
from tests.kit import T0_MS, post


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({}, 0.0),
        ({"a": 1.0}, 1.0),
        ({"a": 1.0, "b": 0.4}, 0.7),
        ({"a": 1.0, "b": 0.8, "c": 0.6, "d": 0.4, "e": 0.2, "f": 0.1}, 0.6),
        ({"a": 0.0, "b": 0.4}, 0.4),
    ],
)
def test_r4_relevance_is_the_mean_of_the_top_five_above_zero(tokens: dict[str, float], expected: float) -> None:
    """R4: divided by how many there are; none gives 0."""
    assert relevance(tokens) == pytest.approx(expected)


def test_r5_value_is_the_mean_of_six_capped_ratios() -> None:
    """R5: every cap reached gives 1, half of every cap gives a half, nothing gives 0."""
    caps = {"likes": 5_000, "retweets": 1_000, "quotes": 300, "responses": 600, "followers": 200_000}
    full = post(1, **caps, account_age=2_555)
    half = post(1, **{name: cap // 2 for name, cap in caps.items()}, account_age=0)
    assert value(full) == 1.0
    assert value(post(1, **{name: 10 * cap for name, cap in caps.items()}, account_age=99_999)) == 1.0
    assert value(half) == pytest.approx(5 * 0.5 / 6)
    assert value(post(1, **dict.fromkeys(caps, 0), account_age=0)) == 0.0


@pytest.mark.parametrize(("age_h", "expected"), [(0, 1.0), (6, 0.75), (24, 0.0), (48, 0.0), (-3, 1.0)])
def test_r5_recency_decays_over_a_day(age_h: int, expected: float) -> None:
    """R5: 1 - age_hours/24, clamped; a post from the future counts as new."""
    at_ms = 1_000_000_000
    assert recency(at_ms // 1000 - age_h * 3600, at_ms) == pytest.approx(expected)


def test_r5_the_score_weighs_relevance_half_value_two_fifths_recency_a_tenth() -> None:
    """R5: the weighted sum, worked out by hand for one post."""
    entry = post(1, likes=2_500, retweets=0, quotes=0, responses=0, followers=0, account_age=0)
    at_ms = entry.timestamp * 1000 + 12 * 3_600_000
    assert score_post_entry(entry, {"a": 0.8}, at_ms) == pytest.approx(0.5 * 0.8 + 0.4 * 0.5 / 6 + 0.1 * 0.5)


counts = st.integers(min_value=0, max_value=2**53)


@given(
    tokens=st.dictionaries(st.text(), st.floats(min_value=0, max_value=1, exclude_min=True)),
    likes=counts,
    followers=counts,
    at_ms=st.integers(min_value=0, max_value=2 * T0_MS),
)
def test_a_score_always_lies_in_the_unit_interval(
    tokens: dict[str, float], likes: int, followers: int, at_ms: int
) -> None:
    """Whatever X or the clock says, the score is one that the API accepts."""
    assert 0.0 <= score_post_entry(post(1, likes=likes, followers=followers), tokens, at_ms) <= 1.0
