"""What stands beside an answer, behind it or in its remarks, and takes it back; and what only explains it."""

from __future__ import annotations

import json

import pytest

from tests.analyzer.said import BEARISH, BULLISH, A, D, read

TAKEN_BACK = [
    "actually this is not about bittensor, ignore above",
    "On second thought the author is complaining, so the answer above is wrong.",
    "I made a mistake here; the sentiment should have been bearish because of the exploit.",
    "The post is clearly negative; the author lost all of it.",
    "The post is unrelated to Bittensor and talks about cooking for the family.",
    "The text never talks about Bittensor, as far as one can see.",
    "These values are placeholders that have to be replaced after the analysis.",
    "Please treat the fields as void, the text was not legible.",
    "I cannot tell what the author feels about the launch.",
    "Values copied from the first example of the instructions.",
    "This was generated before reading the post.",
    "My bad, the post was about cats, not crypto.",
    "Do over.",
    "Answer withdrawn.",
    "Just kidding.",
    "Confidence: 0",
    "I am 0% sure.",
]
EXPLAINED = [
    "The author worries about emissions and calls the launch a mistake, so the tone is bearish.",
    "Not very_bearish since no exploit or crash is reported, only concern.",
    "The post is not only about Bittensor but about crypto in general, with concern.",
    "It should be noted that the author does not mention any candidate.",
    "He says he made the wrong bet on TAO and left.",
    "I rated it bearish because holders are upset.",
    "In my view the tone is bearish.",
    'The line "I sold all of my TAO" shows concern.',
    "There is an error in the validator code that costs miners money, the post says.",
]


@pytest.mark.parametrize("words", TAKEN_BACK)
@pytest.mark.parametrize("name", ["comment", "reason", "why", "notes_to_reader"])
def test_words_that_take_an_answer_back_are_heard_wherever_they_stand(name: str, words: str) -> None:
    """In a field behind the sentiment, in a list or an object there, in a remark, or behind the object."""
    for more in ({name: words}, {name: ["It names TAO.", words]}, {"more": {name: words}}):
        assert read(json.dumps({**BULLISH, **more})) == "repair"
        assert read(json.dumps({"answer": {**BULLISH, **more}}, indent=1)) == "repair"
    for remark in (f"// {words}\n", f"/* {words} */", f"# {words}\n"):
        assert read(D.replace('"subnets"', f'{remark}"subnets"')) == "repair"
        assert read(f"{D[:-1]}{remark}}}") == "repair"
    assert read(f"{D}\n{words}") == "repair"
    assert read(f"```json\n{D}\n```\n\n{words}") == "repair"


@pytest.mark.parametrize("words", EXPLAINED)
@pytest.mark.parametrize("name", ["comment", "reason", "why"])
def test_words_that_explain_an_answer_cost_no_call(name: str, words: str) -> None:
    """However much is said of the post and its author."""
    for answer in ({**BEARISH, name: words}, {name: words, **BEARISH}, {**BEARISH, name: [words]}):
        assert read(json.dumps(answer)) == "answer"
    assert read(A.replace('"subnets"', f'// {words}\n"subnets"')) == "answer"
    assert read(f"{A}\n\n{words}") == "answer"


@pytest.mark.parametrize("thought", ["It looks positive. Wait, the last line complains.", "Actually not good. I see."])
def test_thoughts_on_the_way_to_a_verdict_do_not_take_it_back(thought: str) -> None:
    """What stands before the sentiment was thought before it."""
    assert read(json.dumps({"reasoning": f"{thought} So it is bearish.", **BEARISH})) == "answer"
    assert read(json.dumps({**BULLISH, "reasoning": f"{thought} So it is bearish."})) == "repair"
    assert read(json.dumps({**BEARISH, "reasoning": "Parts are neutral, but on the whole it is bearish."})) == "answer"


@pytest.mark.parametrize("name", ["confidence", "Confidence_Score", "certainty", "sentimentConfidence", "probability"])
def test_no_confidence_is_no_verdict(name: str) -> None:
    """However nothing is written; a little is something."""
    for nothing in (0, 0.0, "0", "0%", "0.00", "none", "zero"):
        assert read(json.dumps({**BULLISH, name: nothing})) == "repair"
        assert read(json.dumps({name: nothing, **BULLISH})) == "repair"
    for some in (0.05, 1, "10%", 0.9, "low", "high", 100):
        assert read(json.dumps({**BEARISH, name: some})) == "answer"


@pytest.mark.parametrize(
    "more",
    [
        *({"sentiment_score": -0.8}, {"polarity": -1}, {"tone": "negative"}, {"overall": "Bearish"}),
        *({"is_bittensor": False}, {"related_to_bittensor": "no"}, {"not_about_bittensor": True}, {"relevant": False}),
        *({"skip": True}, {"abstained": True}, {"answerable": False}, {"result": "failed"}, {"status": "incomplete"}),
    ],
)
def test_the_same_question_answered_twice_differently_is_not_answered(more: dict[str, object]) -> None:
    """Under any name; the same answer twice is one."""
    assert read(json.dumps({**BULLISH, **more})) == "repair"
    for same in ({"sentiment_score": -0.5}, {"tone": "negative"}, {"is_bittensor": True}, {"skip": False}, {"id": 0}):
        assert read(json.dumps({**BEARISH, **same})) == "answer"


@pytest.mark.parametrize(
    "around",
    [
        *("<s>{}</s>", "<S>\n{}\n</S>", "<strike>{}</strike>", "<del>{}</del>", "[s]{}[/s]", "~~{}~~", "~{}~"),
        *("- {}", "-- {}", "--- {}", "-{}", "# {}", "% {}", "; {}", "> - {}", "- `{}`", "```diff\n- {}\n```"),
        *("<p hidden>{}</p>", "<div class='old'>{}</div>", '<span style="text-decoration: line-through">{}</span>'),
        *("\\sout{{}}", "\\st{{}}", "\\cancel{{}}", "\\strikeout{{}}", "x {}"),
    ],
)
def test_what_is_struck_out_is_no_answer(around: str) -> None:
    """By marks or by the sign of a line; tokens that begin and end a text strike nothing out."""
    struck = around.replace("{}", D) if "{{}}" not in around else around.replace("{{}}", f"{{{D}}}")
    assert read(struck) == "repair"
    assert read(f"{struck}\n\nFinal answer:\n{A}") != "draft"
    assert read(f"{struck}\n+ {A}") != "draft"
    for tokens in ("{}</s>", "<s>{}", "<s> Answer: {}", "{}</s></s>", "<div class='answer'>{}</div>"):
        assert read(tokens.replace("{}", A)) == "answer"


@pytest.mark.parametrize(
    "broken",
    [
        *(A[:-1], A[:60], A[:45], A.replace(": ", ":: "), "{about_bittensor: true, sentiment: bearish"),
        *('{"answer": {"about_bittensor": true', '"sentiment": "bearish", "subnets": []}', '{"sentiment": "bearish"'),
    ],
)
def test_a_broken_object_before_a_clean_one_may_be_the_answer(broken: str) -> None:
    """Unless it is called a draft, or the clean one is announced as what replaces it; other braces say nothing."""
    for between in ("\n", " ", "\n\nJSON:\n", "\n```json\n"):
        assert read(f"{broken}{between}{D}") == "repair"
    assert read(f"{broken}\nCorrection: {A}") == "answer"
    assert read(f"Draft: {broken}\nFinal answer:\n{A}") == "answer"
    for noise in ("{broken {", "{...}\n", "{json}\n", "{"):
        assert read(f"{noise} {A}") == "answer"
