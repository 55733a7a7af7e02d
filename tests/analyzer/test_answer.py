"""Reading answers: what counts, what is dropped, what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import Subnet
from actor.analyzer.answer import Answer, AnswerError, Discussed, read_answer
from actor.analyzer.prompt import SENTIMENTS

ONE = Subnet(id=1, name="one", identifiers=(), functions=("counting", "adding"))
TWO = Subnet(id=2, name="two", identifiers=(), functions=("doubling",))
POST = "TAO miners count and add on Bittensor"


def _answer(**changes: object) -> dict[str, Any]:
    return {"about_bittensor": True, "sentiment": "bullish", "subnets": [], **changes}


def _read(found: object) -> Answer:
    text = found if isinstance(found, str) else json.dumps(found)
    return read_answer(text, (ONE, TWO), POST)


def _entry(name: object = "one", functions: object = (), terms: object = ()) -> dict[str, object]:
    return {"name": name, "functions": functions, "bittensor_terms": terms}


@pytest.mark.parametrize("category", SENTIMENTS)
def test_categories_become_numbers(category: str) -> None:
    """The five categories map to the five values."""
    assert _read(_answer(sentiment=category)).sentiment == SENTIMENTS[category]
    assert list(SENTIMENTS.values()) == [1.0, 0.5, 0.0, -0.5, -1.0]


@pytest.mark.parametrize(
    ("entry", "counted"),
    [
        (_entry(functions=[0, 1]), Discussed(functions=2, terms=0)),
        (_entry(functions=[0, 0, 0]), Discussed(functions=1, terms=0)),
        (_entry(functions=[-1, 2, 10**30, True, "0", 0.0, None, [0]]), Discussed(functions=0, terms=0)),
        (_entry(functions="01"), Discussed(functions=0, terms=0)),
        (_entry(terms=["TAO", "tao ", "bittensor"]), Discussed(functions=0, terms=2)),
        (_entry(terms=["subnet", "", " ", 7, None]), Discussed(functions=0, terms=0)),
        (_entry(terms={"TAO": 1}), Discussed(functions=0, terms=0)),
        ({"name": "one"}, Discussed(functions=0, terms=0)),
    ],
)
def test_only_what_was_offered_counts(entry: object, counted: Discussed) -> None:
    """Functions count by position, once each; terms count when they stand in the post."""
    assert _read(_answer(subnets=[entry])).discussed == {"one": counted}


@pytest.mark.parametrize("entry", [_entry("three"), _entry("ONE"), _entry(None), _entry(["one"]), "one", None, 1, []])
def test_unknown_entries_are_dropped(entry: object) -> None:
    """A name that was not offered never comes out."""
    assert _read(_answer(subnets=[entry])).discussed == {}


def test_a_name_given_twice_is_one() -> None:
    """Entries of the same name are joined."""
    entries = [_entry(functions=[0]), _entry(functions=[1], terms=["TAO"])]
    assert _read(_answer(subnets=entries)).discussed == {"one": Discussed(functions=2, terms=1)}


@pytest.mark.parametrize(
    "text",
    [
        "```json\n{}\n```",
        "Sure! Here it is: {} Hope this helps {{:-)",
        "<think>maybe {{}} or {{'a'}}</think>\n{}",
        '{{"candidates": [], "post": "x"}}\n{}',
        "{{broken {{ {}",
        "\ufeff{}",
    ],
)
def test_the_object_is_found_in_prose(text: str) -> None:
    """Fences, prose, thoughts and an echo of the input around the object do not matter."""
    assert _read(text.format(json.dumps(_answer()))).sentiment == 0.5


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("", "no JSON object"),
        ("I cannot do that", "no JSON object"),
        ("<html>{</html>", "no JSON object"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        (json.dumps(_answer())[:-1], "no JSON object"),
        ("{" * 50_000, "no JSON object"),
        ('{"a":' * 10_000, "no JSON object"),
        ("[" * 90_000 + "{", "no JSON object"),
        ('{"about_bittensor": ' + "9" * 5_000 + "}", "no JSON object"),
        ("x" * 100_001, "longer than"),
        ({}, "about_bittensor"),
        (_answer(about_bittensor="true"), "about_bittensor"),
        (_answer(about_bittensor=1), "about_bittensor"),
        (_answer(sentiment="ecstatic"), "sentiment"),
        (_answer(sentiment=1.0), "sentiment"),
        (_answer(sentiment=["bullish"]), "sentiment"),
        (_answer(subnets=None), "subnets"),
        (_answer(subnets={"one": [0]}), "subnets"),
    ],
)
def test_unusable_answers_are_refused(found: object, said: str) -> None:
    """What lacks one of the three parts is refused, in words of ours."""
    with pytest.raises(AnswerError, match=said):
        _read(found)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["one", "TAO"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["name", "functions", "bittensor_terms", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None, derandomize=True)
@given(
    about=_JSON | st.booleans(),
    sentiment=_JSON | st.sampled_from(list(SENTIMENTS)),
    subnets=_JSON | st.lists(st.builds(_entry, st.sampled_from(["one", "two", "x"]), _JSON, _JSON)),
    cut=st.integers(min_value=0, max_value=40),
)
def test_any_answer_is_read_or_refused(about: object, sentiment: object, subnets: object, cut: int) -> None:
    """Whatever comes, the result stays within what was offered."""
    text = json.dumps(_answer(about_bittensor=about, sentiment=sentiment, subnets=subnets))
    try:
        answer = _read(text[: len(text) - cut] if cut > 20 else text)
    except AnswerError:
        return
    assert answer.sentiment in SENTIMENTS.values()
    assert set(answer.discussed) <= {"one", "two"}
    assert all(0 <= found.functions <= 2 for found in answer.discussed.values())
