"""Which object of a text is the answer: kinds of drafts, examples, corrections and run-ons."""

# ruff: noqa: RUF001 - models write these

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import load_registry
from actor.analyzer.answer import AnswerError, read_answer
from actor.analyzer.prompt import EXAMPLE_NAMES, ask
from tests.analyzer.said import ASKED, BEARISH, BULLISH, LOOSE, ONE, OTHER, POST, A, D, read

pytestmark = pytest.mark.slow

EXAMPLES = ask("", ()).messages[0]["content"].split("INPUT:\n")[1:]
LED_AWAY = [
    *(
        "Wrong answer",
        "Incorrect",
        "Not",
        "Bad output",
        "Template",
        "Sample",
        "Hypothetically",
        "Suppose",
        "I would avoid",
    ),
    *(
        "Draft",
        "Example",
        "For example",
        "An example of an answer",
        "E.g.",
        "First draft",
        "My first guess",
        "Initial answer",
    ),
    *(
        "Preliminary result",
        "Tentative",
        "Placeholder",
        "Do not answer",
        "Don't say",
        "I won't answer",
        "It should not be",
    ),
    *(
        "Invalid JSON",
        "Poor response",
        "Previous answer",
        "Old version",
        "Original",
        "Alternatively",
        "One possible answer",
    ),
    *(
        "At first I thought",
        "I considered",
        "I was going to say",
        "Maybe",
        "Perhaps",
        "It could be",
        "It might be",
        "Never say",
    ),
    *(
        "If the post were positive",
        "If this was good news, I would say",
        "Imagine",
        "Counterexample",
        "Instead of",
        "Rather than",
    ),
    *(
        "Thinking",
        "Thoughts",
        "Reasoning",
        "Scratchpad",
        "Option 1",
        "Attempt 1",
        "Sample output",
        "Expected output (example)",
    ),
    *(
        "wrong_answer =",
        "const draft =",
        "exampleOutput =",
        "The answer is not",
        "This is not the final answer",
        "No",
        "❌",
    ),
    *(
        "What if",
        "Assuming a positive post",
        "Mock answer",
        "Rejected answer",
        "Another answer",
        "The opposite verdict",
        "Beispiel",
    ),
    *("Not recommended", "Incorrect response", "An unacceptable answer would be", "False", "Before", "例如", "草稿"),
]


@pytest.mark.parametrize("words", LED_AWAY)
def test_an_object_behind_words_of_a_draft_is_no_answer(words: str) -> None:
    """In any case, on a line of its own or before, in bold, as a heading, before a fence."""
    for said in (words, words.upper(), words.lower()) if "_" not in words and " =" not in words else (words,):
        for between in (": ", " ", ":\n", ":\n\n", "：", " - ", ":\n```json\n"):
            for before in ("", "Sure. ", "The post is about TAO.\n\n", "### ", "- ", "1. ", "**"):
                behind = "\n```" if "```" in between else ""
                draft = f"{before}{said}{between}{D}{behind}"
                assert read(draft) == "repair", draft
        assert read(f"{said}: {D}\nFinal answer: {A}") == "answer"
        assert read(f"{said}: {D} and {A}") == "repair"
        assert read(f"{said}:\n{D}\n{A}") == "repair"


@pytest.mark.parametrize(
    "later",
    [
        *(
            "No, bearish.",
            "Actually, bearish.",
            "Wait: it is bearish.",
            "Correction: bearish",
            "It is neutral.",
            "So: BEARISH",
        ),
        *(
            "Hmm, wait.",
            "Wait, no.",
            "Sorry, that is wrong.",
            "I made a mistake.",
            "On second thought, no.",
            "Scratch that.",
        ),
        *(
            "That was a draft.",
            "This is just an example.",
            "Disregard the above.",
            "Not quite.",
            "Oops!",
            "Or rather bullish",
        ),
        *(
            "The above is incorrect.",
            "Ignore this.",
            "I meant something else.",
            "Let me reconsider.",
            "❌",
            "Very bearish!",
        ),
        *(
            "This is too optimistic.",
            "Too positive. The author is worried.",
            "I got that backwards.",
            "The opposite is true.",
        ),
        *(
            "Rejected.",
            "Self-check: FAIL",
            "(superseded)",
            "(deprecated)",
            "✖",
            "👎",
            "⛔",
            "Verdict: rejected by review",
        ),
        *("On closer inspection the author is worried.", "But the post is a complaint.", "It is not very bullish."),
        *("Nothing positive in it.", "Critique: misses the worry.", "That sentiment should flip.", "<- my first idea"),
        *("I overstated it.", "[discarded]", "This fails my check.", "Review result: FAILED", "Not final.", "TBD"),
        *("This seems overly upbeat.", "That's the reverse of what it says.", "Needs a review."),
        *("Update: concern", "EDIT: the post is a complaint", "Re-evaluating: concern.", "is what one could say"),
        *("Actually it is not about Bittensor.", "about_bittensor should be false", "Instead, see below."),
        *(
            '{"sentiment": "bearish"}',
            "{'sentiment': 'bearish'}",
            '{"about_bittensor": false',
            '{"about_bittensor": false, "sent',
        ),
        *(
            '{"about_bittensor": true, "sentiment": "ecstatic", "subnets": []}',
            '"sentiment": "bearish"',
            '"subnets": [],',
        ),
        *("{about_bittensor: false, sentiment: very_bullish}", '{"correction": {"sentiment": "bearish"}}', A[:-1]),
        *(
            f"<final>{A}</wrong>",
            f"<revised>{A}</revised>",
            f"Instead of that: {A}",
            f"Not this, but: {A}",
            f"{{'wrong': {A}}}",
        ),
    ],
)
def test_what_may_take_an_answer_back_asks_for_a_repair(later: str) -> None:
    """Prose that says so or names another category, and any object that may be another answer, readable or not."""
    for between, fence in product(("\n", " ", "\n\n", "\n> "), ("{}", "```json\n{}\n```")):
        text = f"{fence.replace('{}', D)}{between}{later}"
        assert read(text) == "repair", text


CORRECTED = [
    *("Correction: ", "Corrected answer: ", "Final answer:\n", "**Final:** ", "Revised JSON:\n", "Updated: "),
    *(
        "Wait, no. Correction: ",
        "So the final answer is:\n",
        "The corrected JSON:\n```json\n",
        "Here is the revised version:\n",
    ),
    "The author worries, so that is off.\n\n### Final Answer\n\n",
]


@pytest.mark.parametrize("announced", CORRECTED)
@pytest.mark.parametrize("draft", [D, repr(BULLISH), json.dumps({"output": BULLISH}), f"Answer:\n{D}"])
def test_a_correction_counts_however_it_is_written(draft: str, announced: str) -> None:
    """Strict JSON is no better than what only looks like it."""
    for later in (A, LOOSE, A[:-1] + ",}", json.dumps({"answer": BEARISH})):
        assert read(f"{draft}\n{announced}{later}") == "answer"
        assert read(f"{draft}\n{announced}{later}\n{A}") == "answer"
        assert read(f"{draft}\n{announced}{later} Or not?") == "repair"


UNANNOUNCED = [
    *("", " ", "\n", "\n\n---\n\n", " -> ", " => ", "\nvs.\n", "\nJSON:\n", "\nOutput: ", "\nWait, no. ", "\n20%: "),
    *(
        f"\n\n{words}"
        for words in (
            *(
                "A bullish reading would be ",
                "A more optimistic reading is ",
                "For comparison, an optimist's answer:\n",
            ),
            *("Note that the opposite would be:\n", "Not to be confused with\n", "Someone else may see it as:\n"),
            *(
                "Validators may see it as:\n",
                "A bull would read it as:\n",
                "Worst answer: ",
                "Runner-up: ",
                "Less likely: ",
            ),
            *('For the post "Crop forecasts get better" it is:\n', "I did not follow the embedded instruction "),
            *("The stranger's instruction was ", "Final score of an optimist: ", "Not the final answer: ", "Round 2: "),
            *(
                "The final answer of a bull: ",
                "A correct reading of another post: ",
                "Second try: ",
                "After a review:\n",
            ),
        )
    ),
]


@pytest.mark.parametrize("between", UNANNOUNCED)
@pytest.mark.parametrize("fence", ["{}", "```json\n{}\n```", "Answer: {}", "80%: {}", "Most likely:\n{}"])
def test_of_answers_that_differ_none_counts_unless_one_is_announced(fence: str, between: str) -> None:
    """Neither the first nor the last, and in no order: what was rejected may stand anywhere."""
    for one, other in ((A, D), (D, A), (LOOSE, D), (A, repr(BULLISH))):
        assert read(f"{fence.replace('{}', one)}{between}{other}") == "repair"
        assert read(f"{fence.replace('{}', one)}{between}```json\n{other}\n```") == "repair"


@pytest.mark.parametrize(
    "around",
    [
        *("A reading like {} would fit if only the headline counted.", "We could go with {} since it is about TAO."),
        *(
            "It's tempting to answer {}, yet the tone is worried.",
            "Unlike {}, here concern prevails.",
            "Consider {}: it fits not.",
        ),
        *("The post tried to make me output `{}`, which I ignored.", "The post's embedded answer ({}) is disregarded."),
        *("The instruction inside the post, {}, is ignored.", 'I take "{}" for the instruction of a stranger.'),
        *(
            "The text attempts prompt injection: {}",
            "Injected:\n{}",
            "Quote from the post: {}",
            "--- scratch ---\n{}\n---",
        ),
        *("=== Notes ===\n{}", "== draft ==\n{}", "analysis {}", "commentary{}", "assistantanalysis{}"),
    ],
)
def test_an_object_that_is_only_spoken_of_is_no_answer(around: str) -> None:
    """In the middle of a sentence, as somebody else's words, or under a rule that names a draft."""
    for draft in (D, LOOSE.replace("bearish", "very_bullish")):
        assert read(around.replace("{}", draft)) == "repair"


@pytest.mark.parametrize(
    "text",
    [
        *(f"{D} (draft)", f"{D}\n<- wrong", f"{D} would be wrong.", f"{D} does not fit.", f"{D}\nSentiment: negative"),
        *(
            f"The post tells me to answer: {D}",
            f"The user says: {D}",
            f"A naive reader would say: {D}",
            f"Others would: {D}",
        ),
        *(
            f"Assistant (wrong): {D}",
            f"This is wrong on purpose: {D}",
            f"Thought: maybe {D}",
            f"Best guess so far: {D}",
        ),
        *(f"Thinking...\n{D}\n", f"Thinking...\n{D}\n...done thinking.\n\n", f"<|im_start|>think\n{D}<|im_end|>"),
        *(f"Example:\nPost: x\nAnswer: {D}", f"### Wrong\n**Output:**\n{D}", f'{{"options": [{D}, {A}]', f"[{D}, {A}]"),
        *(f"(draft) {D}", f"({D} is a draft)", f"My draft answer is as follows.\n{D}", f"{D}\n\nP.S. scratch that"),
        *(
            f"{D} # example",
            f"1) First idea: {D}",
            f"If bullish: {D}",
            f"Let us try {D}",
            f"WIP {D}",
            f"In case it is good: {D}",
        ),
        *(
            f"{label}: {D}"
            for label in ("Demo", "Trying", "Post", "Q", "Unverified", "Deprecated", "Scenario B", "Ruled out")
        ),
        *(
            f"{around}\n{D}"
            for around in ("## Proposal", "**Candidate**", "expected =", "Format:", "Schema:", "Otherwise:")
        ),
    ],
)
def test_what_nobody_would_take_for_an_answer_asks_for_a_repair(text: str) -> None:
    """Labels that do not say that here is one, words of others, and all kinds of second thoughts."""
    assert read(text) == "repair"


@pytest.mark.parametrize("around", ["It has {} in it.", "I see {}.\n", "Its JSON:\n{}"])
def test_an_object_that_the_post_holds_is_not_the_models(around: str) -> None:
    """Somebody may write one into a post, and the model repeat it among words of its own."""
    post = f"TAO is great! {D} Right?"
    with pytest.raises(AnswerError):
        read_answer(around.replace("{}", D), (ONE,), post)
    assert read_answer(f"{around.replace('{}', D)}\n\nFinal answer: {A}", (ONE,), post).sentiment == -0.5
    assert read_answer(D, (ONE,), post).sentiment == 1.0


@pytest.mark.parametrize("count", [5, 41, 400])
def test_braces_between_two_answers_hide_none(count: int) -> None:
    """The later one is found, or a repair is asked for."""
    for brace in ("{", "{ ", "{x} ", "{{", "\\frac{1}{2} "):
        assert read(f"{D}\n{brace * count}\n{A}") in {"answer", "repair"}


ROLES = [
    "INPUT:",
    "Input:",
    "**INPUT:**",
    "### Input:",
    "INPUT 2:",
    "User:",
    "Human:",
    "<|im_start|>user",
    "<|user|>",
    "<start_of_turn>user",
    "[INST]",
]


@pytest.mark.parametrize("role", ROLES)
def test_what_the_model_goes_on_with_is_not_this_post(role: str) -> None:
    """Its own posts and their answers are none of this one's, whether they can be read or not."""
    for asked, answer in product(
        (OTHER, ASKED, "…", "{broken", "a new post"), (D, repr(BULLISH), D[:-1], f"```json\n{D}\n```")
    ):
        for behind in ("", "\nBearish? No, wait.", f"\n{role}\n{OTHER}\nANSWER:\n{D}"):
            assert read(f"{A}\n{role}\n{asked}\nANSWER:\n{answer}{behind}") == "answer"


def test_posts_before_the_answer_have_to_be_this_one() -> None:
    """The question may be repeated; examples and inventions leave it open whose answer it is."""
    for before in (f"INPUT:\n{OTHER}\nANSWER:\n", f"{OTHER}\n", "INPUT: a post\nANSWER: ", f"User: {OTHER}\n"):
        assert read(f"{before}{D}") == "repair"
    assert read(f"INPUT:\n{ASKED}\nANSWER:\n{A}\nINPUT:\n{OTHER}\nANSWER:\n{D}") == "answer"
    assert read(f"INPUT:\n{OTHER}\nANSWER:\n{D}\nINPUT:\n{ASKED}\nANSWER:\n{A}") == "repair"
    assert read(f"INPUT:\n{OTHER}\nINPUT:\n{ASKED}\nANSWER:\n{A}") == "repair"


@pytest.mark.parametrize(
    "heading", ["Post:", "Next post: x", "Question 2:", "Example 2:", "Another tweet: y", "**Text:**", "Case:"]
)
def test_answers_to_other_posts_are_not_taken_for_the_last(heading: str) -> None:
    """Where the model invents posts in words of its own, it is asked once more."""
    assert read(f"{A}\n\n{heading}\nAnswer:\n{D}") == "repair"


@pytest.mark.parametrize(
    "more",
    [
        *({"draft": True}, {"status": "draft"}, {"type": "example"}, {"note": "wrong answer"}, {"is_example": True}),
        *(
            {"corrected_sentiment": "bearish"},
            {"Sentiment": "Bearish"},
            {"final": {"sentiment": "neutral"}},
            {"also": ["bullish"]},
        ),
    ],
)
def test_fields_beside_an_answer_may_speak_against_it(more: dict[str, object]) -> None:
    """By calling it a draft, or naming another category; others are dropped."""
    assert read(json.dumps({**BULLISH, **more})) == "repair"
    for harmless in (
        {"draft": False},
        {"reasoning": "A long first draft of nothing, which is bearish."},
        {"confidence": 0.9},
        {"explanation": "No example given."},
        {"keywords": ["bearish", "neutral"]},
        {"analysis": {"short_term": "bearish", "long_term": "neutral"}},
        {"final": True, "valid": "yes", "error": None, "refusal": "", "stage": "done", "errors": []},
        {"post": POST, "input": POST[:20] + "…"},
    ):
        assert read(json.dumps({**BEARISH, **harmless})) == "answer"


@pytest.mark.parametrize(
    "more",
    [
        *(
            {"final": False},
            {"is_final": False},
            {"isFinal": "no"},
            {"valid": False},
            {"correct": "No"},
            {"approved": False},
        ),
        *({"finalized": False}, {"success": False}, {"needs_review": True}, {"status": "error"}),
        *({"stage": "initial"}, {"status": "rejected"}, {"version": "old"}, {"step": "first"}, {"phase": "early idea"}),
        *({"error": "no post was given"}, {"refusal": "I can't help"}, {"error": True}, {"error": {"message": "x"}}),
        *(
            {"note": "unable to determine"},
            {"comment": "I cannot judge this post."},
            {"reason": "No post was provided."},
        ),
        *(
            {"post": "Something else"},
            {"input": {"post": "Crop forecasts by TAO miners get better."}},
            {"tweet": "x y"},
        ),
        *({"candidates": [], "post": "Great news!"}, {"About_Bittensor": False}, {"SENTIMENT": "neutral"}),
    ],
)
def test_fields_beside_an_answer_may_say_that_there_is_none(more: dict[str, object]) -> None:
    """That it is not final, that the model failed or declined, or that it is of another post."""
    assert read(json.dumps({**BULLISH, **more})) == "repair"
    assert read(json.dumps({"answer": {**BULLISH, **more}})) == "repair"


DECLINED = [
    *(
        "{}\n\nPlease provide the post.",
        "I cannot analyze this post, so by default:\n{}",
        "I'm sorry, I can't judge this. {}",
    ),
    *("I don't see a post.\n{}", "The expected structure is:\n{}", "{}\n\nFill in the right values."),
    *("I would need the post. The output will look like:\n{}", "Please send the post and I'll reply like so:\n{}"),
    *(
        "Insufficient information.\n{}",
        "I won't judge this.\n{}",
        "Use this structure:\n{}",
        "Here is a blank form:\n{}",
    ),
    *("Starting from the skeleton:\n{}", "There is no post to judge.\n{}", "No text was given, hence:\n{}"),
    *(
        "I'm unable to assess it.\nFinal answer:\n{}",
        "The post seems to be empty.\n{}",
        "{}\nThis is the default answer.",
    ),
    *(
        "The sentiment cannot be determined.\n{}",
        "We are not able to help with this; {}",
        "{}\nI was unable to read it.",
    ),
]


@pytest.mark.parametrize("around", DECLINED)
def test_a_refusal_or_a_form_is_no_verdict(around: str) -> None:
    """Whatever stands in it, which is mostly neutral."""
    for answer in (A, D, f"```json\n{A}\n```"):
        assert read(around.replace("{}", answer)) == "repair"


def test_who_answers_an_example_does_not_answer_the_question() -> None:
    """Each example that judges names a subnet that none of ours is called, however the echo is written."""
    echoes = [echo for echo in (json.loads(one.split("\nANSWER:\n")[1]) for one in EXAMPLES) if echo["subnets"]]
    assert len(echoes) >= 2
    for echo, around in product(echoes, ("{}", "```json\n{}\n```", "ANSWER:\n{}", "Final answer: {}")):
        for said in (json.dumps(echo), json.dumps(echo, indent=1), repr(echo), json.dumps({"answer": echo})):
            assert read(around.replace("{}", said)) == "repair"
        with pytest.raises(AnswerError):
            read_answer(json.dumps(echo), (), POST)
    (name,) = EXAMPLE_NAMES
    entry = {"name": name, "functions": [1], "bittensor_terms": ["TAO", "miners"]}
    assert name not in {subnet.name for subnet in load_registry().subnets}
    assert read(json.dumps({**BULLISH, "subnets": [{**entry, "name": name.upper()}]})) == "repair"
    assert read(json.dumps({**BEARISH, "subnets": [{**entry, "name": "another"}]})) == "answer"


@settings(derandomize=True, max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [A, D, "{", "}", "```", "```json\n", "<p>", "<x>", "</x>", "No. ", ": ", "\n", "INPUT:", OTHER, "~~", "'"]
        ),
        max_size=14,
    )
)
def test_any_mixture_is_read_or_refused(parts: list[str]) -> None:
    """Nothing brings the reader down, and what holds no answer gives none."""
    found = read("".join(parts))
    assert found == "repair" or {"answer": A, "draft": D}[found] in parts


@pytest.mark.parametrize(
    "piece",
    [
        "{}",
        "<x>",
        "</x>",
        "<x></y>",
        "```",
        "[a]",
        "{'",
        '{"a":',
        "~~",
        "no ",
        "\n",
        " a.",
        "&lt;",
        "<!--",
        "\\",
        ". ",
        "! ",
        "- ",
    ],
)
def test_long_answers_are_read_in_no_time(piece: str) -> None:
    """No repetition of anything takes more than a moment: the test's own time limit would tell."""
    for text in (piece * (99_000 // len(piece)), piece * 20_000 + A, A + piece * 20_000, (piece * 50 + A) * 100):
        read(text[:100_000])
