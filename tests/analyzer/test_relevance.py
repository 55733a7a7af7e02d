"""The deterministic score, as the contract gives it."""

import pytest

from actor.analyzer import load_registry
from actor.analyzer.answer import Discussed, ModelAnswer
from actor.analyzer.strategies import relevance

SUBNETS = load_registry().subnets


def _answer(*, about: bool = True, **discussed: tuple[int, int]) -> ModelAnswer:
    return ModelAnswer(
        about_bittensor=about,
        sentiment=0.0,
        discussed={name: Discussed(functions=many, terms=terms) for name, (many, terms) in discussed.items()},
    )


@pytest.mark.parametrize(
    ("functions", "terms", "value"), [(5, 0, 0.7), (2, 1, 0.7), (1, 0, 0.4), (1, 3, 0.4), (0, 1, 0.2), (0, 0, None)]
)
def test_functions_and_terms_make_relevance(functions: int, terms: int, value: float | None) -> None:
    """Two functions 0.7, one 0.4, terms only 0.2, nothing: left out."""
    assert relevance((), _answer(x=(functions, terms))).get("x") == value


def test_not_about_bittensor_is_nothing_but_mentions() -> None:
    """A post that is not about Bittensor keeps its direct mentions only."""
    assert relevance(SUBNETS[4:5], _answer(about=False, x=(2, 2))) == {"targon": 1.0}


def test_a_mention_wins_over_an_answer() -> None:
    """A direct mention is 1.0, whatever the model says."""
    assert relevance(SUBNETS[4:5], _answer(targon=(1, 0))) == {"targon": 1.0}


def test_at_most_ten_the_highest_first_then_by_name() -> None:
    """Ten subnets at most, in an order that does not depend on the answer's."""
    found = relevance(SUBNETS[20:10:-1], _answer(a=(2, 0)))
    assert len(found) == 10
    assert list(found) == sorted(found)
    assert list(relevance(SUBNETS[4:5], _answer(b=(1, 0), c=(2, 0), a=(1, 0)))) == ["targon", "c", "a", "b"]
