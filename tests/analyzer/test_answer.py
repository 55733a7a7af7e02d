"""Reading answers: what counts, what is dropped, what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import Subnet
from actor.analyzer.answer import AnswerError, Discussed, ModelAnswer, read_answer, spoken
from actor.analyzer.prompt import SENTIMENTS

ONE = Subnet(id=1, name="one", identifiers=(), functions=("counting", "adding"))
TWO = Subnet(id=2, name="two", identifiers=(), functions=("doubling",))
POST = "TAO miners count and add on Bittensor"


def _answer(**changes: object) -> dict[str, Any]:
    return {"about_bittensor": True, "sentiment": "bullish", "subnets": [], **changes}


def _read(found: object) -> ModelAnswer:
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
        (
            _entry(functions=[-1, 2, 10**30, True, "2", "x", "9" * 5_000, 0.5, 1e400, None, [0]]),
            Discussed(functions=0, terms=0),
        ),
        (_entry(functions=["0", 1.0]), Discussed(functions=2, terms=0)),
        (_entry(functions=[" Adding", "counting", 1]), Discussed(functions=2, terms=0)),
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


@pytest.mark.parametrize("entry", [_entry("three"), _entry("on e"), _entry(None), _entry(["one"]), "one", None, 1, []])
def test_unknown_entries_are_dropped(entry: object) -> None:
    """A name that was not offered never comes out."""
    assert _read(_answer(subnets=[entry])).discussed == {}


@pytest.mark.parametrize("category", ["Bullish", " bullish ", "BULLISH\n", "\ufeffbullish"])
def test_case_and_spaces_do_not_matter(category: str) -> None:
    """Neither in a category, nor in a truth value or a name: there is one way to read them."""
    found = _read(_answer(sentiment=category, about_bittensor=" True", subnets=[_entry(" ONE", functions=[0])]))
    assert (found.sentiment, found.about_bittensor, list(found.discussed)) == (0.5, True, ["one"])


@pytest.mark.parametrize("category", ["very bullish", "Very-Bullish", "VERY_BULLISH", "very  bullish"])
def test_a_category_of_two_words_may_be_tied_in_any_way(category: str) -> None:
    """As models write it."""
    assert _read(_answer(sentiment=category)).sentiment == 1.0


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
        '{{"candidates": [], "post": "TAO miners count"}}\n{}',
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
        (json.dumps(_answer(subnets=[{"name": "one", "functions": [0]}]))[:-2], "about_bittensor"),
        ("{" * 50_000, "no JSON object"),
        ('{"a":' * 10_000, "no JSON object"),
        ("[" * 90_000 + "{", "no JSON object"),
        ('{"about_bittensor": ' + "9" * 5_000 + "}", "no JSON object"),
        ("x" * 100_001, "longer than"),
        ({}, "about_bittensor"),
        (_answer(about_bittensor="maybe"), "about_bittensor"),
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


BULLISH = json.dumps(_answer())
BEARISH = json.dumps(_answer(sentiment="very_bearish"))


@pytest.mark.parametrize(
    "text",
    [
        f"{BEARISH}\nCorrection: {BULLISH}",
        f"Draft: {BEARISH}\nAnswer: {BULLISH}",
        f"My first guess was {BEARISH}. ```json\n{BULLISH}\n```",
        f"{BULLISH} and once more {BULLISH}. Anything else?",
        json.dumps({"answer": _answer()}),
        f"[{BULLISH}]",
        f'{{"type": "object", "properties": {{}}}} {BULLISH}',
    ],
)
def test_the_last_answer_counts(text: str) -> None:
    """Drafts, examples and echoes of a schema are none; the same said twice is said once."""
    assert _read(text).sentiment == 0.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{BEARISH}\n{BULLISH}", "several answers that differ"),
        (f"{BEARISH} or rather {BULLISH}", "several answers that differ"),
        (f"Answer: {BULLISH}\nFor example {BEARISH} would be another post.", "may take it back"),
        (f"Draft: {BEARISH}", "draft"),
        (f"This is an example: {BEARISH}", "draft"),
        (json.dumps({"draft": _answer()}), "about_bittensor"),
        ('{"about_bittensor": true, "sentiment": "bullish", "sentiment": "bearish", "subnets": []}', "sentiment"),
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(text: str, said: str) -> None:
    """A repair is asked for instead."""
    with pytest.raises(AnswerError, match=said):
        _read(text)


@pytest.mark.parametrize(
    "text",
    [
        "{'about_bittensor': True, 'sentiment': 'bullish', 'subnets': []}",
        "{'about_bittensor': true, 'sentiment': 'bullish', 'subnets': [],}",
        "Sure: {'about_bittensor': True, 'sentiment': \"bullish\", 'subnets': [], 'why': 'a } brace, it\\'s'} done",
        '{"about_bittensor": true, "sentiment": "bullish", "subnets": [],}',
    ],
)
def test_what_only_looks_like_json_is_read(text: str) -> None:
    """Single quotes, trailing commas and Python's names, where no JSON is."""
    assert _read(text).sentiment == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "{'about_bittensor': True, 'sentiment': print('bullish'), 'subnets': []}",
        "{'about_bittensor': True, **{'sentiment': 'bullish'}, 'subnets': []}",
        "{'about_bittensor': True, 'sentiment': 'bearish', 'sentiment': 'bullish', 'subnets': []}",
        "{" * 2_000 + "'a'" + "}" * 2_000,
        "{'a': " + "-" * 3_000 + "1}",
        "{'a': \x00}",
        "{'a': '\\q'}",
    ],
)
def test_nothing_but_values_is_read(text: str) -> None:
    """A text is no program, however it looks, and none brings the reader down."""
    with pytest.raises(AnswerError):
        _read(text)


THOUGHT = f"maybe {BEARISH} but no"


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{THOUGHT}</think>{BULLISH}",
        f"{THOUGHT}</think>\n{BULLISH}",
        f"\ufeff<thinking>{THOUGHT}</thinking>{BULLISH}",
        f"<thought>{THOUGHT}</thought>{BULLISH}",
        f"<Reasoning level='low'>{THOUGHT}</Reasoning>{BULLISH}",
        f"<reflection>{THOUGHT}</reflection>{BULLISH}",
        f"<think>a<reflection>{BEARISH}</reflection>{BEARISH}</think>{BULLISH}",
        f"<think>no more <think> than this: {BEARISH}</think>{BULLISH}",
        f"<seed:think>{THOUGHT}</seed:think>{BULLISH}",
        f"<longcat_think>{THOUGHT}</longcat_think>{BULLISH}",
        f"[THINK]{THOUGHT}[/THINK]{BULLISH}",
        f"◁think▷{THOUGHT}◁/think▷{BULLISH}",
        f"<|START_THINKING|>{THOUGHT}<|END_THINKING|><|START_RESPONSE|>{BULLISH}<|END_RESPONSE|>",
        f"<|inner_prefix|>{THOUGHT}<|inner_suffix|>{BULLISH}",
        f"<|channel>thought\n{THOUGHT}<channel|>{BULLISH}",
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{BULLISH}<|return|>",
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|channel|>final <|constrain|>json<|message|>{BULLISH}",
        f"analysisWe should think: {THOUGHT}assistantfinal{BULLISH}",
        f"Here is my thought process: {THOUGHT}\nHere is my response: {BULLISH}",
        json.dumps({**_answer(), "note": "<think>"}),
    ],
)
def test_thoughts_are_not_answers(text: str) -> None:
    """What a model says inside its thoughts is never a verdict, however they are marked."""
    assert _read(spoken(text, cut_off=False)).sentiment == 0.5


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{THOUGHT}",
        f"{BULLISH}<think>{THOUGHT}",
        f"<think>a<reflection>b</reflection>{BEARISH}",
        f"<think>{THOUGHT}</thinking>{BULLISH}",
        f"[THINK]{THOUGHT}",
        f"◁think▷{THOUGHT}",
        f"<|START_THINKING|>{THOUGHT}",
        f"<|channel>thought\n{THOUGHT}",
        f"<|channel|>analysis<|message|>{THOUGHT}",
        f"<|channel|>final<|message|>{BULLISH}<|end|><|channel|>analysis<|message|>{THOUGHT}",
        f"analysisWe should think: {THOUGHT}",
        f"Here is my thought process: {THOUGHT}",
    ],
)
@pytest.mark.parametrize("cut_off", [True, False])
def test_thoughts_that_do_not_end_leave_nothing(text: str, cut_off: bool) -> None:  # noqa: FBT001 - a parameter
    """Neither what stands in them nor before them; the model wants more room, whatever the server says of the end."""
    with pytest.raises(AnswerError, match="thoughts do not end") as caught:
        spoken(text, cut_off=cut_off)
    assert caught.value.unfinished


@pytest.mark.parametrize("around", ["{}", "```json\n{}\n```", "<think>x</think>{}", "{}    \n\n"])
def test_a_whole_answer_may_be_cut_behind(around: str) -> None:
    """Some models write spaces until they are stopped."""
    assert _read(spoken(around.format(BULLISH), cut_off=True)).sentiment == 0.5


@pytest.mark.parametrize("text", [f"Draft: {BEARISH}. Now ", f"{BEARISH} {BULLISH[:-5]}", BULLISH[:-1], "no"])
def test_what_was_cut_off_is_no_answer(text: str) -> None:
    """What is whole in it may be a draft."""
    with pytest.raises(AnswerError, match="cut off") as caught:
        spoken(text, cut_off=True)
    assert not caught.value.unfinished


def test_thoughts_that_left_no_room_are_told() -> None:
    """Whether the server tells them apart or the text holds them: more room helps."""
    for text, thought in ((f"<think>{THOUGHT}</think>{BULLISH[:9]}", False), (BULLISH[:9], True)):
        with pytest.raises(AnswerError) as caught:
            spoken(text, cut_off=True, thought=thought)
        assert caught.value.unfinished


@settings(derandomize=True)
@given(
    st.lists(
        st.sampled_from(
            [BEARISH, "<think>", "</think>", "[THINK]", "<|channel|>final<|message|>", "◁/think▷", "{", "x "]
        ),
        max_size=12,
    ),
    st.sampled_from(["think", "thinking", "seed:think", "reasoning", "reflection", "scratchpad"]),
)
def test_no_draft_inside_open_thoughts_comes_out(parts: list[str], name: str) -> None:
    """Whatever is said before thoughts that are never closed."""
    text = "".join(parts) + f"<{name}>" + BEARISH
    if f"</{name}>" not in text and "<|channel|>" not in text:
        with pytest.raises(AnswerError):
            spoken(text, cut_off=False)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["one", "TAO"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["name", "functions", "bittensor_terms", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(derandomize=True)
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
